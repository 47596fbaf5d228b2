"""Kernels of chosen lengths, each between two CUDA events of its own."""

import json

import torch

# Clock cycles of the kernel: from about 5 µs to about 20 ms at 2 GHz.
CYCLES = [10_000, 100_000, 1_000_000, 10_000_000, 40_000_000]
REPEATS = 20

torch.cuda._sleep(1_000_000)
torch.cuda.synchronize()
measured = []
torch.cuda.nvtx.range_push("sleeps")
for cycles in CYCLES:
    for _ in range(REPEATS):
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        first.record()
        torch.cuda._sleep(cycles)
        last.record()
        last.synchronize()
        measured.append((cycles, first.elapsed_time(last) * 1e6))
torch.cuda.synchronize()
torch.cuda.nvtx.range_pop()
print(json.dumps({"elapsed_ns": measured}))
