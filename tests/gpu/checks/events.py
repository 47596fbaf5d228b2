"""Durations of kernels against CUDA events around them."""

from harness.check import answer_of
from harness.figures import median, quantile
from harness.recording import within

SECONDS = 20
ALONE = True


def run(check):
    recording = check.record(check.target("events"))
    elapsed = answer_of(recording.done)["elapsed_ns"]
    spans = recording.ranges("sleeps")
    if not check.expect(len(spans) == 1, "the range is recorded once"):
        return
    kernels = within(recording.kernels(), spans[0])
    if not check.expect(len(kernels) == len(elapsed), f"{len(kernels)} kernels recorded of {len(elapsed)}"):
        return
    # Events are recorded before and after the kernel, so that they measure its launch gap too.
    beyond = [event - (kernel.end - kernel.start) for kernel, (_, event) in zip(kernels, elapsed)]
    check.figure("event_minus_kernel_median", median(beyond), "ns")
    check.figure("event_minus_kernel_p05", quantile(beyond, 0.05), "ns")
    check.figure("event_minus_kernel_p95", quantile(beyond, 0.95), "ns")
    for cycles in sorted({cycles for cycles, _ in elapsed}):
        chosen = [(k.end - k.start, e) for k, (c, e) in zip(kernels, elapsed) if c == cycles]
        check.figure(f"kernel_median_{cycles}_cycles", median([kernel for kernel, _ in chosen]), "ns")
        check.figure(f"event_median_{cycles}_cycles", median([event for _, event in chosen]), "ns")
    # CUDA documents events to about half a microsecond.
    check.expect(quantile(beyond, 0.05) > -1000, "a kernel is not longer than the time between its events")
    check.expect(quantile(beyond, 0.95) < 20_000, "nor shorter by more than 20 µs, a launch gap")
    longest = [(k.end - k.start) / e for k, (c, e) in zip(kernels, elapsed) if c == 40_000_000]
    check.figure("longest_ratio_median", median(longest), "kernel / event")
    check.expect(abs(median(longest) - 1) < 0.005, "the longest agree to 0.5 %")
    check.keep(recording.path)
