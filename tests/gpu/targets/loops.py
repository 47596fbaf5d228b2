"""Runs blocks of a loop on demand and times them: one JSON request a line in, one JSON answer a line out.

Several of these run at once, one under the recorder, and take turns: so what is compared was measured
within the same second. `--profile` measures each block under torch.profiler, whose start and stop are not counted.
"""

import argparse
import contextlib
import json
import os
import sys
import time
from pathlib import Path

started = time.perf_counter()
import torch  # noqa: E402
from agent_threads import threads_ns  # noqa: E402
from model import Training, gpu_bound, launch_bound, synchronize  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--profile", choices=("cuda", "full"))
parser.add_argument("--device", default="cuda")
parser.add_argument("--small", action="store_true", help="small sizes, to try it without a GPU")
parser.add_argument("--core", type=int, help="the processor that blocks run on; the same one for all that take turns")
parser.add_argument("--only", help="only this loop")
arguments = parser.parse_args()


def profiler():
    """Something to run a block in."""
    if not arguments.profile:
        return contextlib.nullcontext()
    kinds = torch.profiler.ProfilerActivity
    activities = [kinds.CUDA] if arguments.device == "cuda" else [kinds.CPU]
    if arguments.profile == "full":
        activities.append(kinds.CPU)
    return torch.profiler.profile(activities=list(dict.fromkeys(activities)))


def training():
    shape, batch = ("tiny", 2) if arguments.small else ("gpt2", 8)
    model = Training(shape, batch, "bf16", arguments.device)

    def run(count):
        for _ in range(count):
            model.step()

    return run


def memory():
    """Resident bytes of this process, and of the parts that are the agent's by name."""
    found = {}
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("VmRSS", "RssAnon", "RssFile", "RssShmem", "VmHWM", "Threads"):
            found[name] = int(value.split()[0]) * (1 if name == "Threads" else 1024)
    place, agent = "", 0
    for line in Path("/proc/self/smaps").read_text().splitlines():
        words = line.split(maxsplit=5)
        if "-" in words[0] and not words[0].endswith(":"):
            place = words[5] if len(words) > 5 else ""
        elif words[0] == "Rss:" and (place.endswith(".ring") or "libperfagent" in place):
            agent += int(words[1]) * 1024
    found["agent_mapped"] = agent
    return found


@contextlib.contextmanager
def pinned():
    """On the processor that was asked for, which this process's other threads keep off."""
    if arguments.core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            os.sched_setaffinity(int(task.name), before - {arguments.core})
    os.sched_setaffinity(0, {arguments.core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


size = {"size": 256} if arguments.small else {}
makers = {
    "launch": lambda: launch_bound(arguments.device),
    "gpu": lambda: gpu_bound(arguments.device, **size),
    "train": training,
}
loops = {name: make() for name, make in makers.items() if arguments.only in (None, name)}
for run in loops.values():
    run(3)
synchronize(arguments.device)
print(json.dumps({"ready": True, "seconds": time.perf_counter() - started, "pid": os.getpid()}), flush=True)

for line in sys.stdin:
    request = json.loads(line)
    if request["loop"] == "state":
        print(json.dumps({"threads_ns": threads_ns(), "memory": memory()}), flush=True)
        continue
    run, count = loops[request["loop"]], request["count"]
    torch.cuda.nvtx.range_push(f"block {request['loop']}")
    begun = time.perf_counter()
    with profiler():
        # The first launches under a profiler pay for its start, which also starts threads.
        run(1)
        synchronize(arguments.device)
        with pinned():
            before = time.perf_counter()
            run(count)
            synchronize(arguments.device)
            seconds = time.perf_counter() - before
    torch.cuda.nvtx.range_pop()
    whole = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "whole": whole}), flush=True)
