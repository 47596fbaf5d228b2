"""The same kernel in several streams at once, then in one after the other."""

import json

import torch

CYCLES, COUNT = 20_000_000, 5
streams = [torch.cuda.Stream() for _ in range(4)]
torch.cuda._sleep(1000)
torch.cuda.synchronize()
torch.cuda.nvtx.range_push("together")
for _ in range(COUNT):
    for stream in streams:
        with torch.cuda.stream(stream):
            torch.cuda._sleep(CYCLES)
torch.cuda.synchronize()
torch.cuda.nvtx.range_pop()
torch.cuda.nvtx.range_push("alone")
for _ in range(COUNT * len(streams)):
    torch.cuda._sleep(CYCLES)
torch.cuda.synchronize()
torch.cuda.nvtx.range_pop()
print(json.dumps({"streams": len(streams), "count": COUNT}))
