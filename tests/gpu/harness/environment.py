"""What the measurements were made on."""

import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

from harness import libraries
from harness.catalogue import HERE

# Asked in a process of its own: cuInit may hang or crash where a driver is broken.
ASK_DRIVER = """
import ctypes
cuda = ctypes.CDLL("libcuda.so.1")
count, version = ctypes.c_int(), ctypes.c_int()
assert cuda.cuInit(0) == 0
assert cuda.cuDeviceGetCount(ctypes.byref(count)) == 0
cuda.cuDriverGetVersion(ctypes.byref(version))
print(count.value, version.value)
"""

ASK_TORCH = """
import json, torch
answer = {"torch": torch.__version__, "cuda_of_torch": torch.version.cuda, "torch_git": torch.version.git_version,
          "cuda_available": torch.cuda.is_available()}
if torch.cuda.is_available():
    properties = torch.cuda.get_device_properties(0)
    answer.update(device=properties.name, memory_bytes=properties.total_memory,
                  multiprocessors=properties.multi_processor_count,
                  capability=list(torch.cuda.get_device_capability(0)))
    answer["nccl"] = list(torch.cuda.nccl.version())
    answer["cudnn"] = torch.backends.cudnn.version()
print(json.dumps(answer))
"""

GPU_FACTS = (
    "name uuid driver_version vbios_version pstate memory.total power.limit clocks.max.sm clocks.max.memory"
    " clocks.sm clocks.mem temperature.gpu persistence_mode compute_mode mig.mode.current ecc.mode.current"
    " pcie.link.gen.current pcie.link.width.current"
).split()


def last_line(command):
    """The last line that a command prints, or None."""
    try:
        # The first import of torch on a machine can take a minute.
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    return lines[-1].strip() if done.returncode == 0 and lines else None


def has_gpu():
    """CUDA's version as the driver counts it (13000 is 13.0), or None where there is no GPU."""
    answer = last_line([sys.executable, "-c", ASK_DRIVER])
    if answer is None:
        return None
    count, version = map(int, answer.split())
    return version if count > 0 else None


def missing(need, driver):
    """Why a need is not met, or None. `driver` is the answer of has_gpu()."""
    if need == "gpu":
        return None if driver is not None else "no GPU"
    if need == "nvcc":
        return None if libraries.nvcc() else "no nvcc"
    if need == "cupti headers":
        return None if libraries.cupti_headers() and libraries.cupti_library() else "no headers of CUPTI"
    try:
        found = importlib.util.find_spec(need)
    except (ImportError, ValueError):
        found = None
    return None if found else f"no {need}"


def packages():
    """Versions of the Python packages that matter here."""
    wanted = ("torch", "triton", "jax", "jaxlib", "numpy", "nvtx", "pytorch-triton")
    found = {}
    for distribution in importlib.metadata.distributions():
        name = (distribution.metadata["Name"] or "").lower()
        if name in wanted or name.startswith(("nvidia-", "cuda-", "jax-cuda")):
            found[name] = distribution.version
    return dict(sorted(found.items()))


def describe(driver, programs):
    """All that is known of this machine. Slow parts only where there is a GPU."""
    facts = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "host": platform.node(),
        "system": platform.platform(),
        "libc": " ".join(platform.libc_ver()),
        "processors": os.cpu_count(),
        "processor": model_name(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "python": platform.python_version(),
        "packages": packages(),
        "perfagent": last_line([str(Path(programs) / "perfagent"), "--version"]),
        "bundle": manifest(),
        "nvcc": last_line([libraries.nvcc(), "--version"]) if libraries.nvcc() else None,
        "cupti_headers": str(libraries.cupti_headers()),
        "cupti_library": str(libraries.cupti_library()),
        "driver_cuda_version": driver,
    }
    if driver is not None:
        facts["gpu"] = gpu_facts()
        answer = last_line([sys.executable, "-c", ASK_TORCH])
        facts["torch"] = json.loads(answer) if answer and answer.startswith("{") else answer
    return facts


def gpu_facts():
    """Of the first GPU; a field that this nvidia-smi does not know costs only that field."""
    if not shutil.which("nvidia-smi"):
        return None
    ask = ["nvidia-smi", "--format=csv,noheader", "-i", "0"]
    answer = last_line([*ask, f"--query-gpu={','.join(GPU_FACTS)}"])
    if answer is not None:
        return dict(zip(GPU_FACTS, (word.strip() for word in answer.split(","))))
    return {fact: last_line([*ask, f"--query-gpu={fact}"]) for fact in GPU_FACTS}


def model_name():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), None)


def manifest():
    """What `cargo xtask gpu-bundle` says of the bundle."""
    try:
        return json.loads((HERE.parent.parent / "manifest.json").read_text())
    except (OSError, ValueError):
        return None
