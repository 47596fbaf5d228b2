"""cudaDeviceReset: kernels from before it and after it are recorded, though no flush fell due before it."""

from harness import libraries
from harness.check import answer_of

SECONDS = 25
NEEDS = ("gpu", "nvcc")


def run(check):
    program = check.nvcc("reset")
    env = {**libraries.loader_environment(), "PERFAGENT_DEBUG": "1"}
    recording = check.record([program], options=("--flush-ms", "10000"), env=env)
    count = answer_of(recording.done)["count"]
    check.note(f"standard error: {recording.done.stderr.strip()[-800:]}")
    for name in ("before", "after"):
        found = len(recording.kernels(name))
        check.figure(name, found, f"kernels of {count}")
        check.expect(found == count, f"{name} the reset: {found} kernels recorded of {count}")
    check.note(f"losses: {recording.losses()}")
    check.keep(recording.path)
