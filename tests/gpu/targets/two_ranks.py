"""Two ranks on one GPU that do collectives of known number and size, each kind a range that ends when they have.

NCCL allows it from 2.30.3 on, with NCCL_MULTI_RANK_GPU_ENABLE=1. Started without RANK, it starts both ranks.
"""

import json
import os
import subprocess
import sys

RANKS, COUNT = 2, 20
SIZES = {"256 KiB": 1 << 18, "4 MiB": 1 << 22, "64 MiB": 1 << 26}


def start_both():
    common = {"WORLD_SIZE": RANKS, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": 29512}
    ranks = []
    for rank in range(RANKS):
        env = {**os.environ, **{name: str(value) for name, value in common.items()}, "RANK": str(rank)}
        ranks.append(subprocess.Popen([sys.executable, __file__], env=env, stdout=subprocess.PIPE, text=True))
    outputs = [child.communicate()[0] for child in ranks]
    codes = [child.returncode for child in ranks]
    answers = [line for output in outputs for line in output.splitlines() if line.startswith("{")]
    print(json.dumps({"codes": codes, "ranks": [json.loads(line) for line in answers]}))


def work():
    import torch
    import torch.distributed as dist

    torch.cuda.set_device(0)
    dist.init_process_group("nccl")
    rank = dist.get_rank()
    other = 1 - rank
    rows = []

    def measure(name, size, bytes_, calls, launch):
        for _ in range(3):
            launch()
        torch.cuda.synchronize()
        dist.barrier()
        torch.cuda.synchronize()
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.nvtx.range_push(f"{name} {size}")
        first.record()
        for _ in range(COUNT):
            launch()
        last.record()
        torch.cuda.synchronize()
        torch.cuda.nvtx.range_pop()
        elapsed = first.elapsed_time(last) * 1e6
        rows.append({"op": name, "size": size, "bytes": bytes_, "calls": calls, "elapsed_ns": elapsed})

    for size, count in SIZES.items():
        whole = torch.ones(count // 4, device="cuda")
        part = torch.ones(count // 4 // RANKS, device="cuda")
        half = torch.ones(count // 2, device="cuda", dtype=torch.bfloat16)

        def exchange():
            # Both directions in one group, so that they are one launch.
            out = torch.empty_like(whole)
            requests = [dist.P2POp(dist.isend, whole, other), dist.P2POp(dist.irecv, out, other)]
            for request in dist.batch_isend_irecv(requests):
                request.wait()

        measure("all_reduce", size, count, COUNT, lambda: dist.all_reduce(whole))
        measure("all_reduce bf16", size, count, COUNT, lambda: dist.all_reduce(half))
        measure("all_gather", size, count, COUNT, lambda: dist.all_gather_into_tensor(whole, part))
        measure("reduce_scatter", size, count, COUNT, lambda: dist.reduce_scatter_tensor(part, whole))
        measure("broadcast", size, count, COUNT, lambda: dist.broadcast(whole, 0))
        measure("all_to_all", size, count, COUNT, lambda: dist.all_to_all_single(torch.empty_like(whole), whole))
        measure("exchange", size, count, COUNT, exchange)
    sleep(torch, dist, rank)
    torch.cuda.synchronize()
    print(json.dumps({"rank": rank, "rows": rows, "nccl": list(torch.cuda.nccl.version())}), flush=True)
    dist.destroy_process_group()


def sleep(torch, dist, rank):
    """Rank 1 comes some 5 ms late to each: the other one waits for it on the GPU."""
    x = torch.ones(1 << 20, device="cuda")
    dist.barrier()
    torch.cuda.synchronize()
    torch.cuda.nvtx.range_push("late")
    for _ in range(COUNT):
        if rank == 1:
            torch.cuda._sleep(10_000_000)
        dist.all_reduce(x)
        torch.cuda.synchronize()
    torch.cuda.nvtx.range_pop()


if __name__ == "__main__":
    if "RANK" in os.environ:
        work()
    else:
        start_both()
