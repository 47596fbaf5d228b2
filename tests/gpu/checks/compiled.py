"""Kernels of torch.compile are recorded under Triton's names."""

from harness.check import answer_of
from harness.comparison import by_name
from harness.recording import within

SECONDS = 60
NEEDS = ("gpu", "torch", "triton")


def run(check):
    env = {"TORCHINDUCTOR_CACHE_DIR": check.path("inductor"), "TRITON_CACHE_DIR": check.path("triton")}
    recording = check.record(check.target("compiled"), env=env, timeout=120)
    count = answer_of(recording.done)["count"]
    spans = recording.ranges("compiled")
    if check.expect(len(spans) == 1, "the range is recorded"):
        kernels = within(recording.kernels(), spans[0])
        check.note(f"{by_name(kernels)}")
        triton = [kernel for kernel in kernels if kernel.name.startswith("triton_")]
        check.figure("triton_kernels", len(triton), f"of {count}")
        check.expect(len(triton) == count, f"{len(triton)} kernels of Triton recorded of {count}")
    check.keep(recording.path)
