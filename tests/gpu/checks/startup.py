"""What recording adds to the start of CUDA in a process, and to its end."""

import time

from harness.check import answer_of
from harness.figures import median, median_interval

SECONDS = 70
TIMEOUT = 150
ALONE = True
PAIRS = 5


def run(check):
    times = {"plain": [], "recorded": []}
    one(check, "plain")
    for pair in range(PAIRS):
        order = ["plain", "recorded"] if pair % 2 == 0 else ["recorded", "plain"]
        if check.seconds_left() < 25:
            break
        for name in order:
            times[name].append(one(check, name))
    for part in ("import", "init", "first", "end"):
        for name, answers in times.items():
            check.figure(f"{name}_{part}_ms", median([1000 * answer[part] for answer in answers]), "ms, median")
        extra = [1000 * (b[part] - a[part]) for a, b in zip(times["plain"], times["recorded"])]
        check.figure(f"extra_{part}_ms", median(extra), "ms, median of pairs")
        check.figure(f"extra_{part}_interval", median_interval(extra), "95 % interval of the median")
    both = [
        1000 * (b["init"] + b["first"] - a["init"] - a["first"]) for a, b in zip(times["plain"], times["recorded"])
    ]
    check.figure("extra_start_ms", median(both), "ms: cuInit to the first kernel's end, median of pairs")
    check.figure("extra_start_interval", median_interval(both), "95 % interval of the median")
    check.expect(median(both) <= 100, f"the start takes {median(both):.0f} ms longer, at most 100")


def one(check, name):
    if name == "plain":
        done = check.python("startup")
    else:
        # `time.time()` below is read when the recorder has ended: it is left out of `end`.
        done = check.record(check.target("startup")).done
    answer = answer_of(done)
    answer["end"] = time.time() - answer["ended"]
    return answer
