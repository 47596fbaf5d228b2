"""Every kernel that torch launched is recorded, once and by name; nothing is lost."""

from harness.check import answer_of
from harness.comparison import by_name
from harness.recording import within

SECONDS = 25
COUNT = 2000
# What the kernel of a phase is called in torch: a part of its name, without regard to case.
PARTS = {"add": "add", "mul": "mul", "sigmoid": "sigmoid", "fill": "fill"}


def run(check):
    recording = check.record(check.target("launches", "--count", COUNT))
    answer = answer_of(recording.done)
    kernels = recording.kernels()
    check.figure("kernels", len(kernels), "count")
    check.expect(kernels, "there are kernels in the recording")
    for phase in answer["phases"]:
        spans = recording.ranges(f"phase {phase}")
        if not check.expect(len(spans) == 1, f"the range of {phase} is recorded once, not {len(spans)} times"):
            continue
        inside = within(kernels, spans[0])
        check.figure(f"{phase}_kernels", len(inside), "count")
        names = by_name(inside)
        check.note(f"{phase}: {names}")
        check.expect(len(inside) == COUNT, f"{phase}: {len(inside)} kernels recorded of {COUNT} launched")
        check.expect(len(names) == 1, f"{phase}: one name")
        check.expect(all(PARTS[phase] in name.lower() for name in names), f"{phase}: the name says so")
        check.expect(all(kernel.grid[0] > 0 and kernel.block[0] > 0 for kernel in inside), f"{phase}: grid and block")
        ids = {kernel.correlation for kernel in inside}
        check.expect(len(ids) == len(inside), f"{phase}: every kernel has a correlation of its own")
    check.expect(not recording.losses(), f"nothing is lost: {recording.losses()}")
    check.note(f"devices: {recording.devices()}")
    check.note(f"meta: {recording.meta()}")
    check.expect(recording.devices(), "the device is described")
    check.keep(recording.path)
