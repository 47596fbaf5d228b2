"""GPU times and host times are on one clock: a kernel lies within the range that launches it and waits for it."""

from harness.check import answer_of
from harness.figures import median, quantile, slope

SECONDS = 30
ALONE = True


def run(check):
    recording = check.record(check.target("clock", "--seconds", 15))
    count = answer_of(recording.done)["count"]
    spans = recording.ranges("wrap")
    kernels = recording.kernels("add")[1:]
    check.figure("pairs", len(spans), "count")
    if not check.expect(len(spans) == len(kernels) == count, f"{len(spans)} ranges, {len(kernels)} kernels of {count}"):
        return
    before = [kernel.start - span.start for kernel, span in zip(kernels, spans)]
    after = [span.end - kernel.end for kernel, span in zip(kernels, spans)]
    for name, values in (("before", before), ("after", after)):
        check.figure(f"{name}_min", min(values), "ns")
        check.figure(f"{name}_p01", quantile(values, 0.01), "ns")
        check.figure(f"{name}_median", median(values), "ns")
    outside = sum(value < 0 for value in before + after)
    check.figure("outside", outside, f"of {2 * count} ends")
    check.expect(min(before) > 0 and min(after) > 0, f"every kernel lies within its range; {outside} ends do not")
    # A drift of the GPU's times against the host's would let one margin grow and the other shrink.
    seconds = [(span.start - spans[0].start) / 1e9 for span in spans]
    drift = slope([(second, (a - b) / 2) for second, a, b in zip(seconds, before, after)])
    check.figure("drift", drift, "ns/s")
    check.expect(drift is not None and abs(drift) < 2000, f"no drift beyond 2 µs a second: {drift}")
    anchors = recording.rows("SELECT time_ns, realtime_ns FROM clock_anchors ORDER BY time_ns")
    check.figure("anchors", len(anchors), "count")
    check.figure("realtime_minus_recording", [real - own for own, real in anchors], "ns")
