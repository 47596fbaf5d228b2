"""A few kernels under torch.profiler with hardware counters, each kernel measured by itself; writes the trace."""

import argparse

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--trace", required=True)
arguments = parser.parse_args()

METRICS = ["dram__bytes_read.sum", "dram__bytes_write.sum", "sm__cycles_active.avg", "kineto__cuda_core_flops"]
a, b = (torch.randn(512, 512, device="cuda") for _ in range(2))
torch.cuda.synchronize()
kinds = torch.profiler.ProfilerActivity
config = torch.profiler._ExperimentalConfig(profiler_metrics=METRICS, profiler_measure_per_kernel=True)
with torch.profiler.profile(activities=[kinds.CPU, kinds.CUDA], experimental_config=config) as profiler:
    for _ in range(3):
        torch.relu(a @ b).sum()
    torch.cuda.synchronize()
profiler.export_chrome_trace(arguments.trace)
