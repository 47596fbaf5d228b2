"""A JAX program is recorded like any other."""

from harness.check import answer_of
from harness.comparison import by_name

SECONDS = 40
NEEDS = ("gpu", "jax")


def run(check):
    env = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "PERFAGENT_DEBUG": "1"}
    recording = check.record(check.target("jitted"), env=env, timeout=90)
    answer = answer_of(recording.done)
    if answer["platform"] not in ("gpu", "cuda"):
        check.skip(f"JAX computes on {answer['platform']} here")
    kernels = recording.kernels()
    check.figure("kernels", len(kernels), "count")
    check.note(f"{by_name(kernels)}")
    check.note(f"standard error: {recording.done.stderr.strip()[-800:]}")
    check.expect(len(kernels) >= 50 or recording.notes(), f"{len(kernels)} kernels of 50 and more, or a reason")
    check.keep(recording.path)
