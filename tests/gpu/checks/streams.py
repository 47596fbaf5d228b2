"""Kernels carry the stream that they ran in; what ran at once overlaps in the recording."""

from collections import Counter

from harness.check import answer_of
from harness.recording import within

SECONDS = 20


def run(check):
    recording = check.record(check.target("streams"))
    answer = answer_of(recording.done)
    for name, streams in (("together", answer["streams"]), ("alone", 1)):
        spans = recording.ranges(name)
        if not check.expect(len(spans) == 1, f"the range {name} is recorded"):
            continue
        kernels = within(recording.kernels(), spans[0])
        expected = answer["streams"] * answer["count"]
        check.expect(len(kernels) == expected, f"{name}: {len(kernels)} kernels recorded of {expected}")
        found = Counter(kernel.stream for kernel in kernels)
        check.expect(len(found) == streams, f"{name}: {streams} streams, not {len(found)}")
        if streams > 1:
            check.expect(len(set(found.values())) == 1, f"{name}: as many in each: {dict(found)}")
        work = sum(kernel.end - kernel.start for kernel in kernels)
        span = max(kernel.end for kernel in kernels) - min(kernel.start for kernel in kernels) if kernels else 0
        check.figure(f"{name}_kernels_at_once", work / span if span else None, "mean")
        if span and streams > 1:
            check.expect(work / span > 2, f"{name}: kernels overlap")
        elif span:
            check.expect(work / span <= 1.001, f"{name}: kernels of one stream do not overlap")
    check.keep(recording.path)
