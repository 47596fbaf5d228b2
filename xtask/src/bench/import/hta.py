# Loads one trace with HolisticTraceAnalysis and makes the figures that `perfagent report` has too.
import logging
import sys
import time
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

from hta.trace_analysis import TraceAnalysis

begun = time.perf_counter()
trace = TraceAnalysis(trace_files={0: sys.argv[1]}, trace_dir="")
trace.get_temporal_breakdown(visualize=False)
trace.get_idle_time_breakdown(visualize=False)
trace.get_comm_comp_overlap(visualize=False)
trace.get_gpu_kernel_breakdown(
    visualize=False, num_kernels=1_000_000, duration_ratio=1.0, include_memory_kernels=True
)
trace.get_queue_length_summary()
trace.get_cuda_kernel_launch_stats(visualize=False)
trace.get_memory_bw_summary()
print(time.perf_counter() - begun)
