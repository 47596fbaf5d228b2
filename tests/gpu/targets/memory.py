"""Takes 1, 2 and 4 GiB of the GPU's memory in steps, holds each a while, and gives all back."""

import json
import time

import torch

GIB = 1 << 30
torch.ones(1, device="cuda")
torch.cuda.synchronize()
held, levels = [], []


def level(name):
    torch.cuda.synchronize()
    torch.cuda.nvtx.range_push(name)
    time.sleep(0.8)
    free, total = torch.cuda.mem_get_info()
    torch.cuda.nvtx.range_pop()
    levels.append({
        "name": name, "allocated": torch.cuda.memory_allocated(), "reserved": torch.cuda.memory_reserved(),
        "used": total - free,
    })


level("level 0")
for size in (1, 2, 4):
    held.append(torch.empty(size * GIB, dtype=torch.uint8, device="cuda"))
    level(f"level {size}")
del held[1]
torch.cuda.empty_cache()
level("level holed")
held.clear()
torch.cuda.empty_cache()
level("level empty")
print(json.dumps({"levels": levels}))
