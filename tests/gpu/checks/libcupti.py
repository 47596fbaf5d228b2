"""Which libcupti is bound, its version, and whether it takes a second subscriber."""

import json

from harness import libraries
from harness.check import answer_of

SECONDS = 40
MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED = 39


def run(check):
    alone = answer_of(check.python("subscriber"))
    recording = check.record(check.target("subscriber"), env={"PERFAGENT_DEBUG": "1"})
    both = answer_of(recording.done)
    check.note(f"installed: {libraries.cupti_library()}; headers: {libraries.cupti_headers()}")
    for name, answer in (("alone", alone), ("recorded", both)):
        check.note(f"{name}: {json.dumps(answer)}")
        check.figure(f"{name}_libcupti_mapped", len(answer["cupti"]), "count")
        check.expect(len(answer["cupti"]) == 1, f"{name}: one libcupti is in the process, not {len(answer['cupti'])}")
        for found in answer["cupti"]:
            check.figure(f"{name}_version", found["version"], "cuptiGetVersion")
            check.figure(f"{name}_subscribe", found["subscribe"], "CUptiResult")
            check.figure(f"{name}_has_v2", "cuptiSubscribe_v2" in found["has"], "bool")
    check.note(f"standard error of the recorded one: {recording.done.stderr.strip()[-1500:]}")
    if alone["cupti"] and both["cupti"]:
        check.expect(alone["cupti"][0]["path"] == both["cupti"][0]["path"], "we bind the libcupti that torch has")
        answer = both["cupti"][0]["subscribe"]
        check.expect(
            answer in (0, MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED), f"with us a second one is taken or refused: {answer}"
        )
        check.note("several subscribers are possible" if answer == 0 else "we are the one subscriber that there can be")
    check.figure("kernels", recording.count("kernels"), "count")
    check.expect(recording.count("kernels") >= 100, "kernels are recorded although another one tried to subscribe")
