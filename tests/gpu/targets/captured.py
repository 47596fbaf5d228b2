"""Kernels outside and inside of ranges, and of CUDA's own profiler calls; each part waits for its end."""

import json

import torch

COUNT = 200
x = torch.ones(4096, device="cuda")
for launch in (x.add_, x.mul_, x.fill_):
    launch(1.0)
torch.cuda.synchronize()


def part(launch):
    for _ in range(COUNT):
        launch(1.0)
    torch.cuda.synchronize()


for step in range(5):
    part(x.fill_)
    torch.cuda.nvtx.range_push("wanted")
    part(x.add_)
    torch.cuda.nvtx.range_pop()
part(x.fill_)
torch.cuda.profiler.start()
part(x.mul_)
torch.cuda.profiler.stop()
part(x.fill_)
print(json.dumps({"count": COUNT, "steps": 5}))
