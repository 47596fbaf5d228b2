"""What each part of CUPTI costs a launch, how old records are after a flush, and when external correlation is told."""

import json

from harness import libraries
from harness.figures import median

SECONDS = 60
TIMEOUT = 100
ALONE = True
NEEDS = ("gpu", "nvcc", "cupti headers")
BASE = "subscribe,stamps,zeroed,buffers"
KINDS = "kernels,copies,waits,overhead,memory,places"
VARIANTS = [
    "plain",
    "subscribe",
    "buffers,kernels",
    f"{BASE},kernels",
    f"{BASE},reset,kernels",
    f"{BASE},kernels,copies",
    f"{BASE},kernels,waits",
    f"{BASE},kernels,overhead",
    f"{BASE},kernels,memory",
    f"{BASE},kernels,places",
    f"{BASE},threads,kernels",
    f"{BASE},launches,kernels",
    f"{BASE},{KINDS}",
    f"{BASE},reset,{KINDS}",
    f"{BASE},reset,{KINDS},flush",
    f"{BASE},large,{KINDS},flush",
    f"{BASE},small,{KINDS},flush",
    f"{BASE},pinned,{KINDS},flush",
    f"{BASE},shared,{KINDS},flush",
    f"{BASE},reset,{KINDS},runtime,flush",
    f"{BASE},reset,{KINDS},runtime,driver,flush",
]


def run(check):
    program = check.nvcc("cost", "-I", libraries.cupti_headers(), "-ldl")
    library = libraries.cupti_library()
    for words in (["external"], *(["age", period] for period in (50, 100, 200))):
        done = check.run([program, library, *words], timeout=20)
        for line in done.stdout.splitlines():
            check.note(line)
        check.expect(done.code == 0, f"{words}: {done.stderr.strip()[-300:]}")
    found = {variant: {"launch_ns": [], "whole_ns": []} for variant in VARIANTS}
    for turn in range(9):
        if check.seconds_left() < 15:
            break
        for variant in VARIANTS[turn % len(VARIANTS) :] + VARIANTS[: turn % len(VARIANTS)]:
            done = check.run([program, library, variant], timeout=20)
            if done.code == 0:
                answer = json.loads(done.stdout.splitlines()[-1])
                for name, values in found[variant].items():
                    values.append(answer[name])
            else:
                check.note(f"{variant}: {done.code} {done.stderr.strip()[-200:]}")
    for variant, values in found.items():
        for name, each in values.items():
            check.figure(f"{variant} {name}", median(each), f"ns a launch, median of {len(each)} processes")
