"""A CUDA graph of one-kernel operations, replayed."""

import argparse
import json

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--nodes", type=int, default=50)
parser.add_argument("--replays", type=int, default=200)
arguments = parser.parse_args()

x = torch.ones(4096, device="cuda")
side = torch.cuda.Stream()
side.wait_stream(torch.cuda.current_stream())
with torch.cuda.stream(side):
    for _ in range(3):
        x.add_(1.0)
torch.cuda.current_stream().wait_stream(side)
graph = torch.cuda.CUDAGraph()
with torch.cuda.graph(graph):
    for _ in range(arguments.nodes):
        x.add_(1.0)
graph.replay()
torch.cuda.synchronize()
torch.cuda.nvtx.range_push("replays")
for _ in range(arguments.replays):
    graph.replay()
torch.cuda.synchronize()
torch.cuda.nvtx.range_pop()
print(json.dumps({"nodes": arguments.nodes, "replays": arguments.replays}))
