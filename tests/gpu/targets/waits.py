"""Waits of every kind, each in a range of its own, behind kernels of known streams."""

import json

import torch

CYCLES = 5_000_000
first, second = torch.cuda.Stream(), torch.cuda.Stream()
torch.cuda._sleep(1000)
torch.cuda.synchronize()


def part(name, wait):
    torch.cuda.nvtx.range_push(name)
    wait()
    torch.cuda.nvtx.range_pop()
    torch.cuda.synchronize()


def sleep(stream):
    with torch.cuda.stream(stream):
        torch.cuda._sleep(CYCLES)


def device():
    sleep(first)
    torch.cuda.synchronize()


def stream():
    sleep(first)
    first.synchronize()


def event():
    sleep(first)
    first.record_event().synchronize()


def stream_event():
    sleep(first)
    second.wait_event(first.record_event())
    sleep(second)


def null_stream():
    torch.cuda._sleep(CYCLES)
    torch.cuda.current_stream().synchronize()


for name, wait in list(globals().items()):
    if name in ("device", "stream", "event", "stream_event", "null_stream"):
        part(name, wait)
# Queries wait for nothing.
torch.cuda.nvtx.range_push("query")
sleep(first)
for _ in range(1000):
    first.query()
torch.cuda.nvtx.range_pop()
torch.cuda.synchronize()
print(json.dumps({"done": True}))
