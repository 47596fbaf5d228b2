"""Material: traces of torch.profiler, memory snapshots and recordings of a small GPT in four precisions."""

from harness.check import answer_of

SECONDS = 100
TIMEOUT = 240


def run(check):
    for precision in ("bf16", "fp32", "fp16", "fp8"):
        try:
            one(check, precision)
        except (RuntimeError, OSError) as error:
            check.expect(False, f"{precision}: {error}")


def one(check, precision):
    common = ("--precision", precision, "--batch", 8)
    trace = check.path(f"{precision}.trace.json.gz")
    done = check.python("training", *common, "--steps", 2, "--shapes", "--profile", trace, timeout=60)
    check.keep(trace)
    snapshot = check.path(f"{precision}.snapshot.pickle")
    check.python("training", *common, "--steps", 1, "--snapshot", snapshot, timeout=60)
    check.keep(snapshot)
    recording = check.record(check.target("training", *common, "--steps", 4), name=precision)
    answer = answer_of(recording.done)
    check.keep(recording.path)
    check.figure(f"{precision}_step", answer["step_ms"], "ms")
    check.figure(f"{precision}_step_in_torch_profiler", answer_of(done)["step_ms"], "ms")
    check.figure(f"{precision}_peak_allocated", answer["peak_allocated_bytes"], "bytes")
    check.figure(f"{precision}_peak_reserved", answer["peak_reserved_bytes"], "bytes")
    losses = answer["losses"]
    check.expect(losses[-1] < losses[0] + 0.5, f"{precision}: the loss stays in reason: {losses}")
