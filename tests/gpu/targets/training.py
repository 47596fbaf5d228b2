"""Trains a small GPT: plain, under torch.profiler, or with a memory snapshot. The measured steps are one range."""

import argparse
import json
import time

import torch
from model import Training, synchronize

parser = argparse.ArgumentParser()
parser.add_argument("--shape", default="small")
parser.add_argument("--batch", type=int, default=4)
parser.add_argument("--precision", default="bf16")
parser.add_argument("--warmup", type=int, default=3)
parser.add_argument("--steps", type=int, default=4)
parser.add_argument("--profile", help="a trace of the measured steps (.json.gz)")
parser.add_argument("--shapes", action="store_true", help="with the shapes of operators in the trace")
parser.add_argument("--snapshot", help="a memory snapshot of the measured steps (.pickle)")
parser.add_argument("--device", default="cuda")
arguments = parser.parse_args()

if arguments.snapshot:
    torch.cuda.memory._record_memory_history(max_entries=100_000, stacks="python")
training = Training(arguments.shape, arguments.batch, arguments.precision, arguments.device)
for _ in range(arguments.warmup):
    training.step()
synchronize(arguments.device)


def measured():
    losses = []
    torch.cuda.nvtx.range_push("measured")
    started = time.perf_counter()
    for step in range(arguments.steps):
        torch.cuda.nvtx.range_push(f"step {step}")
        losses.append(training.step())
        torch.cuda.nvtx.range_pop()
    synchronize(arguments.device)
    seconds = time.perf_counter() - started
    # Within the range, as it is within what torch.profiler sees.
    values = [loss.item() for loss in losses]
    torch.cuda.nvtx.range_pop()
    return seconds, values


if arguments.profile:
    activities = [torch.profiler.ProfilerActivity.CPU]
    if arguments.device == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(
        activities=activities, record_shapes=arguments.shapes, profile_memory=arguments.shapes
    ) as profiler:
        seconds, losses = measured()
    profiler.export_chrome_trace(arguments.profile)
else:
    seconds, losses = measured()
if arguments.snapshot:
    torch.cuda.memory._dump_snapshot(arguments.snapshot)
    torch.cuda.memory._record_memory_history(enabled=None)
answer = {"step_ms": 1000 * seconds / arguments.steps, "losses": losses}
if arguments.device == "cuda":
    answer["peak_allocated_bytes"] = torch.cuda.max_memory_allocated()
    answer["peak_reserved_bytes"] = torch.cuda.max_memory_reserved()
print(json.dumps(answer))
