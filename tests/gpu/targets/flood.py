"""As many kernels a second as a graph of small ones gives, for a number of seconds."""

import argparse
import json
import time

import torch
from agent_threads import threads_ns

parser = argparse.ArgumentParser()
parser.add_argument("--seconds", type=float, default=10)
parser.add_argument("--nodes", type=int, default=1000)
parser.add_argument("--rate", type=float, help="kernels a second at most")
arguments = parser.parse_args()

x = torch.ones(32, device="cuda")
x.add_(1.0)
torch.cuda.synchronize()
graph = torch.cuda.CUDAGraph()
with torch.cuda.graph(graph):
    for _ in range(arguments.nodes):
        x.add_(1.0)
graph.replay()
torch.cuda.synchronize()
torch.cuda.nvtx.range_push("flood")
before = threads_ns()
started = time.perf_counter()
replays = 0
while time.perf_counter() - started < arguments.seconds:
    graph.replay()
    replays += 1
    torch.cuda.synchronize()
    if arguments.rate:
        time.sleep(max(0, replays * arguments.nodes / arguments.rate - (time.perf_counter() - started)))
seconds = time.perf_counter() - started
torch.cuda.nvtx.range_pop()
# What has been launched is taken within two periods of flushing.
time.sleep(0.5)
threads = {name: after - before.get(name, 0) for name, after in threads_ns().items()}
print(json.dumps({"launched": replays * arguments.nodes, "seconds": seconds, "threads_ns": threads}))
