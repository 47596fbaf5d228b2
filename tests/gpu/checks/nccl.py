"""NCCL in a recorded process with one rank: it works, and what it says of its profiler plugin is kept."""

from harness.check import answer_of

SECONDS = 30


def run(check):
    log = check.path("nccl.txt")
    env = {"NCCL_DEBUG": "INFO", "NCCL_DEBUG_SUBSYS": "INIT,ENV,PROFILE", "NCCL_DEBUG_FILE": log}
    recording = check.record(check.target("single_rank"), env=env)
    answer = answer_of(recording.done)
    check.note(str(answer))
    check.expect(answer["value"] == 1.0, f"one rank's sum is its own value: {answer['value']}")
    check.figure("collectives", recording.count("collectives"), "count; a group of one makes no events")
    check.figure("ranges_of_nccl", sum(span.domain == "NCCL" for span in recording.ranges()), "count")
    if log.is_file():
        lines = [line for line in log.read_text(errors="replace").splitlines() if "PROFILER" in line.upper()]
        check.note(f"NCCL on plugins: {lines[:10]}")
        check.keep(log)
    check.keep(recording.path)
