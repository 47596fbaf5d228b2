"""perfagent ceilings --quick on the GPU: bandwidth, arithmetic, copies, launches; beside datasheets, MAMF and torch."""

import json
import sys

from harness import ceilings, libraries

SECONDS = 70
TIMEOUT = 200
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
    copied = check.run([sys.executable, "-c", COPY])
    by_torch = float(copied.stdout.split()[-1]) if copied.code == 0 else None
    check.figure("copy_by_torch", by_torch, "GB/s, read and written")
    # A cache of its own, so that every source is compiled here.
    env = {**libraries.loader_environment(), "XDG_CACHE_HOME": check.path("cache")}
    command = ["ceilings", "--device", "cuda:0", "--quick", "--json"]
    done = check.perfagent(*command, env=env, timeout=120)
    check.expect(done.code == 0, f"exit code {done.code}: {done.stderr.strip()[-500:]}")
    if done.code != 0:
        return
    check.figure("seconds_with_compilation", done.seconds, "s")
    path = check.path("ceilings.json")
    path.write_text(done.stdout)
    check.keep(path)
    again = check.perfagent("ceilings", "--device", "cuda:0", "--quick", env=env, timeout=90)
    check.expect(again.code == 0 and again.seconds < 60, f"--quick takes {again.seconds:.1f} s, less than 60")
    check.note(again.stdout[-8000:])
    document = json.loads(done.stdout)
    for name, value, unit in ceilings.figures(document):
        check.figure(name, value, unit)
    for met, text in ceilings.expectations(document, by_torch):
        check.expect(met, text)
