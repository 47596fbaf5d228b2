"""perfagent ceilings on the GPU: bandwidth, copies, launch latency; beside a copy by torch."""

import json
import sys

from harness import libraries

SECONDS = 30
TIMEOUT = 120
ALONE = True
COPY = """
import torch
a = torch.randn(1 << 30, device="cuda"); b = torch.empty_like(a)
b.copy_(a); torch.cuda.synchronize()
times = []
for _ in range(11):
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    first.record(); b.copy_(a); last.record(); last.synchronize()
    times.append(first.elapsed_time(last))
print(2 * 4 * (1 << 30) / (sorted(times)[5] / 1000) / 1e9)
"""


def run(check):
    done = check.perfagent("ceilings", "--device", "cuda:0", "--json", env=libraries.loader_environment(), timeout=90)
    check.expect(done.code == 0, f"exit code {done.code}: {done.stderr.strip()[-500:]}")
    if done.code == 0:
        path = check.path("ceilings.json")
        path.write_text(done.stdout)
        check.keep(path)
        numbers(check, "", json.loads(done.stdout))
    copied = check.run([sys.executable, "-c", COPY])
    if copied.code == 0:
        check.figure("copy_by_torch", float(copied.stdout.split()[-1]), "GB/s, read and written")


def numbers(check, place, value):
    """All numbers of the document as figures; their unit is in their name."""
    if isinstance(value, dict):
        for key, item in value.items():
            numbers(check, f"{place}.{key}" if place else key, item)
    elif isinstance(value, list):
        for index, item in enumerate(value[:50]):
            numbers(check, f"{place}.{index}", item)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        check.figure(place, value, "as named")
