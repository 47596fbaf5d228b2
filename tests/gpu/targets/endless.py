"""Launches kernels for ever and writes down, in a mapped file, how many have finished: it survives kill -9."""

import mmap
import os
import struct
import sys
import time

import torch

# Finished kernels, when the last of them had (CLOCK_REALTIME, ns), and the number of this process.
with open(sys.argv[1], "r+b") as file:
    place = mmap.mmap(file.fileno(), 24)
x = torch.ones(4096, device="cuda")
x.add_(1.0)
torch.cuda.synchronize()
finished = 0
while True:
    for _ in range(20):
        x.mul_(1.0)
    torch.cuda.synchronize()
    finished += 20
    place[:] = struct.pack("<QQQ", finished, time.time_ns(), os.getpid())
    time.sleep(0.001)
