"""The same training steps under perfagent and, in another run, under torch.profiler: kernel by kernel."""

from harness import trace
from harness.check import answer_of
from harness.comparison import by_name, compare
from harness.figures import median, quantile
from harness.recording import within

SECONDS = 50
ALONE = True
STEPS = 4


def run(check):
    for precision in ("bf16", "fp32"):
        one(check, precision)


def one(check, precision):
    common = ("--precision", precision, "--steps", STEPS)
    file = check.path(f"{precision}.trace.json.gz")
    profiled = check.python("training", *common, "--profile", file, timeout=90)
    recording = check.record(check.target("training", *common), name=precision, timeout=90)
    losses = [answer_of(done)["losses"] for done in (profiled, recording.done)]
    close = all(abs(a - b) <= 0.02 * abs(b) for a, b in zip(*losses))
    check.expect(close, f"{precision}: both runs compute the same: {losses}")

    spans = recording.ranges("measured")
    if not check.expect(len(spans) == 1, f"{precision}: the measured range is recorded once"):
        return
    ours = within(recording.kernels(), spans[0])
    document = trace.read(file)
    theirs = trace.kernels(document)
    found = compare(ours, theirs)
    check.figure(f"{precision}_kernels_perfagent", len(ours), "count")
    check.figure(f"{precision}_kernels_torch_profiler", len(theirs), "count")
    check.figure(f"{precision}_places_with_other_name", found.differing_order, "count")
    check.note(f"{precision}: only perfagent: {by_name(found.only_left)}")
    check.note(f"{precision}: only torch.profiler: {by_name(found.only_right)}")
    check.expect(len(ours) == len(theirs), f"{precision}: as many kernels: {len(ours)} and {len(theirs)}")
    check.expect(not found.only_left and not found.only_right, f"{precision}: the same kernels by name and number")

    # Two runs, so single durations differ; that whole distributions do would be an error of one of the two.
    ratios = [(a.end - a.start) / (b.end - b.start) for a, b in found.pairs if b.end > b.start]
    check.figure(f"{precision}_duration_ratio_median", median(ratios), "perfagent / torch.profiler")
    check.figure(f"{precision}_duration_ratio_p05", quantile(ratios, 0.05), "perfagent / torch.profiler")
    check.figure(f"{precision}_duration_ratio_p95", quantile(ratios, 0.95), "perfagent / torch.profiler")
    sums = [sum(pair[side].end - pair[side].start for pair in found.pairs) for side in (0, 1)]
    check.figure(f"{precision}_kernel_time", sums, "ns, perfagent and torch.profiler")
    check.expect(ratios and abs(median(ratios) - 1) < 0.05, f"{precision}: durations agree in the middle to 5 %")

    copies = within(recording.copies(), spans[0])
    theirs = [operation for operation in trace.operations(document) if operation.category != "kernel"]
    check.figure(f"{precision}_copies", [len(copies), len(theirs)], "count, perfagent and torch.profiler")
    check.expect(len(copies) == len(theirs), f"{precision}: as many copies and fills: {len(copies)}, {len(theirs)}")
    check.expect(not recording.losses(), f"{precision}: nothing is lost")
    check.keep(file)
    check.keep(recording.path)
