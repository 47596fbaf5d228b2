"""Loads the GPU in turns: 2 s of large matrix products, 2 s of nothing."""

import argparse
import json
import time

import torch
from model import gpu_bound

parser = argparse.ArgumentParser()
parser.add_argument("--turns", type=int, default=2)
arguments = parser.parse_args()
run = gpu_bound()
run(1)
torch.cuda.synchronize()
busy = []
for _ in range(arguments.turns):
    time.sleep(2)
    begun = time.time_ns()
    torch.cuda.nvtx.range_push("busy")
    while time.time_ns() < begun + 2_000_000_000:
        run(50)
        torch.cuda.synchronize()
    torch.cuda.nvtx.range_pop()
    busy.append([begun, time.time_ns()])
time.sleep(1)
print(json.dumps({"busy": busy}))
