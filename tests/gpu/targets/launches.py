"""Phases of operations that are one kernel each, each phase a range that ends when its kernels have."""

import argparse
import json

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--count", type=int, default=1000)
count = parser.parse_args().count

x = torch.ones(4096, device="cuda")
phases = {
    "add": lambda: x.add_(1.0),
    "mul": lambda: x.mul_(0.5),
    "sigmoid": lambda: x.sigmoid_(),
    "fill": lambda: x.fill_(2.0),
}
for launch in phases.values():
    launch()
torch.cuda.synchronize()
for name, launch in phases.items():
    torch.cuda.nvtx.range_push(f"phase {name}")
    for _ in range(count):
        launch()
    torch.cuda.synchronize()
    torch.cuda.nvtx.range_pop()
print(json.dumps({"count": count, "phases": list(phases), "value": x[0].item()}))
