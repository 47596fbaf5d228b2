"""NVTX ranges of every kind beside kernels, from two threads."""

import json
import threading

import torch
from torch.cuda import nvtx

ROUNDS = 200
x = torch.ones(4096, device="cuda")
x.add_(1.0)
torch.cuda.synchronize()


def work(name):
    for _ in range(ROUNDS):
        with nvtx.range(f"{name} outer"):
            nvtx.range_push(f"{name} inner")
            x.add_(1.0)
            nvtx.range_pop()
        nvtx.mark(f"{name} mark")
    handle = nvtx.range_start(f"{name} handle")
    torch.cuda.synchronize()
    nvtx.range_end(handle)


thread = threading.Thread(target=work, args=("second",), name="second")
thread.start()
work("main")
thread.join()
with torch.autograd.profiler.emit_nvtx(record_shapes=True):
    y = torch.ones(8, 8, device="cuda", requires_grad=True)
    (y @ y).sum().backward()
torch.cuda.synchronize()
print(json.dumps({"rounds": ROUNDS}))
