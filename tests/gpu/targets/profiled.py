"""A loop of one-kernel operations in three equal parts, torch.profiler running during the second."""

import argparse
import json
import time

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--count", type=int, default=2000)
parser.add_argument("--trace", required=True)
arguments = parser.parse_args()

x = torch.ones(4096, device="cuda")
x.add_(1.0)
torch.cuda.synchronize()


def part(name):
    torch.cuda.nvtx.range_push(name)
    for index in range(arguments.count):
        x.add_(1.0)
        if index % 100 == 0:
            time.sleep(0.01)
    torch.cuda.synchronize()
    torch.cuda.nvtx.range_pop()
    # So that a flush of the recorder falls between the parts.
    time.sleep(0.5)


part("before")
error = None
try:
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profiler:
        part("during")
    profiler.export_chrome_trace(arguments.trace)
except Exception as caught:  # what it says is the answer
    error = f"{type(caught).__name__}: {caught}"
part("after")
print(json.dumps({"error": error, "count": arguments.count}))
