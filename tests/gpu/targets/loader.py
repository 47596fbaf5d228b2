"""A GPU process that forks: a DataLoader's workers, a child that calls os._exit, a child that exits in order."""

import argparse
import json
import os
import signal
import sys
import time

import torch
from torch.utils.data import DataLoader, Dataset

parser = argparse.ArgumentParser()
parser.add_argument("--workers", type=int, default=8)
parser.add_argument("--leave", choices=("return", "os._exit"), default="return")
arguments = parser.parse_args()


class Numbers(Dataset):
    def __len__(self):
        return 640

    def __getitem__(self, index):
        return torch.full((1024,), float(index))


def end_of(child):
    """The exit code of a child; one that hangs is killed and counts as -9."""
    for _ in range(150):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main():
    x = torch.zeros(1024, device="cuda")
    torch.cuda.synchronize()
    torch.cuda.nvtx.range_push("epochs")
    batches = 0
    for _ in range(3):
        workers = {"num_workers": arguments.workers, "multiprocessing_context": "fork"}
        for batch in DataLoader(Numbers(), batch_size=16, **workers):
            x.add_(batch.to("cuda").sum(0))
            batches += 1
    torch.cuda.synchronize()
    torch.cuda.nvtx.range_pop()

    ends = []
    for leave in (lambda: os._exit(3), lambda: sys.exit(4)):
        child = os.fork()
        if child == 0:
            leave()
        ends.append(end_of(child))
    for _ in range(100):
        x.mul_(0.5)
    torch.cuda.synchronize()
    print(json.dumps({"batches": batches, "children": ends, "pid": os.getpid()}), flush=True)
    if arguments.leave == "os._exit":
        os._exit(5)


if __name__ == "__main__":
    main()
