"""For a while: a range that holds one launch and the wait for its end, every 10 ms."""

import argparse
import json
import time

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--seconds", type=float, default=15)
arguments = parser.parse_args()
x = torch.ones(4096, device="cuda")
x.add_(1.0)
torch.cuda.synchronize()
ended = time.monotonic() + arguments.seconds
count = 0
while time.monotonic() < ended:
    torch.cuda.nvtx.range_push("wrap")
    x.add_(1.0)
    torch.cuda.synchronize()
    torch.cuda.nvtx.range_pop()
    count += 1
    time.sleep(0.01)
print(json.dumps({"count": count}))
