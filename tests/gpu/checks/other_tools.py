"""Under another tool that uses CUPTI or stands before the driver: the program runs, and the recording names what is missing."""

import shutil
from pathlib import Path

from harness import libraries
from harness.check import answer_of

SECONDS = 60
TIMEOUT = 120
NEEDS = ("gpu", "nvcc")


def run(check):
    program = check.nvcc("launches")
    env = {**libraries.loader_environment(), "PERFAGENT_DEBUG": "1"}
    tools = {}
    sanitizer = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    if Path(sanitizer).is_file():
        tools["compute-sanitizer"] = [sanitizer, "--tool", "memcheck", program]
    nsys = shutil.which("nsys") or next(map(str, Path("/opt/nvidia").glob("*/*/host/target-linux-x64/nsys")), None)
    if nsys:
        tools["nsys"] = [nsys, "profile", "--trace", "cuda", "--stats", "false", "-o", check.path("nsys"), program]
    # Nsight Compute refuses to start where any library is injected, and says so itself.
    if not tools:
        check.skip("no other tool is installed")
    for name, command in tools.items():
        alone = check.run(command, env=env, timeout=30)
        recording = check.record(command, name=name, env=env, timeout=40, code=alone.code)
        check.note(f"{name}: alone {alone.seconds:.1f} s, recorded {recording.done.seconds:.1f} s")
        check.note(f"{name}: standard error: {recording.done.stderr.strip()[-800:]}; output {recording.done.stdout.strip()[-500:]}")
        kernels = recording.count("kernels")
        check.figure(f"{name}_kernels", kernels, "count, of 1750")
        told = recording.losses() or any("not recorded" in text for text in recording.notes())
        check.expect(kernels == 1750 or told, f"{name}: {kernels} kernels of 1750, and the recording says why")
        if alone.code == 0:
            lines = [line for line in recording.done.stdout.splitlines() if line.startswith("{")]
            check.expect(lines and answer_of(recording.done)["alpha"] == 1000, f"{name}: the program ran to its end")
