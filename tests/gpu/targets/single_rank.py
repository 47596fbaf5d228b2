"""One rank that all-reduces through NCCL. A communicator of one rank takes a short way inside NCCL."""

import json
import os

import torch
import torch.distributed as dist

os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
os.environ.setdefault("MASTER_PORT", "29511")
dist.init_process_group("nccl", rank=0, world_size=1)
x = torch.ones(1 << 20, device="cuda")
for _ in range(10):
    dist.all_reduce(x)
dist.barrier()
torch.cuda.synchronize()
value = x[0].item()
dist.destroy_process_group()
plugin = os.environ.get("NCCL_PROFILER_PLUGIN")
print(json.dumps({"value": value, "nccl": list(torch.cuda.nccl.version()), "plugin": plugin}))
