"""Copies and fills of known number and size, each kind a range that ends when they have."""

import ctypes
import json

import torch

COUNT, BYTES = 20, 4 << 20
pageable = torch.ones(BYTES, dtype=torch.uint8)
pinned = torch.ones(BYTES, dtype=torch.uint8).pin_memory()
one = torch.zeros(BYTES, dtype=torch.uint8, device="cuda")
two = torch.zeros(BYTES, dtype=torch.uint8, device="cuda")
cuda = ctypes.CDLL("libcuda.so.1")
stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)


def fill():
    """torch fills with kernels; this is the driver's own."""
    place = ctypes.c_void_p(one.data_ptr())
    status = cuda.cuMemsetD8Async(place, ctypes.c_ubyte(1), ctypes.c_size_t(BYTES), stream)
    assert status == 0, f"cuMemsetD8Async: {status}"


phases = {
    "HtoD pinned": lambda: one.copy_(pinned, non_blocking=True),
    "HtoD pageable": lambda: one.copy_(pageable),
    "DtoH pinned": lambda: pinned.copy_(one, non_blocking=True),
    "DtoH pageable": lambda: pageable.copy_(one),
    "DtoD": lambda: two.copy_(one),
    "memset": fill,
}
for work in phases.values():
    work()
torch.cuda.synchronize()
for name, work in phases.items():
    torch.cuda.nvtx.range_push(name)
    for _ in range(COUNT):
        work()
    torch.cuda.synchronize()
    torch.cuda.nvtx.range_pop()
print(json.dumps({"count": COUNT, "bytes": BYTES, "phases": list(phases)}))
