"""What libcupti this process has, and what it says to one more subscriber. Uses the GPU through torch."""

import ctypes
import json

import torch

x = torch.ones(4096, device="cuda")
for _ in range(100):
    x.add_(1.0)
torch.cuda.synchronize()

with open("/proc/self/maps") as maps:
    mapped = sorted({line.split(maxsplit=5)[5].strip() for line in maps if "/" in line})
wanted = ("libcupti", "libcuda.so", "libcudart", "libnccl", "libnvToolsExt", "libperfagent", "libnvperf")
libraries = [path for path in mapped if any(name in path for name in wanted)]
answer = {"libraries": libraries, "torch": torch.__version__, "cupti": []}
for path in (path for path in libraries if "libcupti.so" in path):
    cupti = ctypes.CDLL(path)
    version = ctypes.c_uint32()
    cupti.cuptiGetVersion(ctypes.byref(version))
    names = ("cuptiSubscribe_v2", "cuptiActivityEnable_v2", "cuptiActivityRegisterCallbacks_v2", "cuptiGetTimestamp_v2",
             "cuptiActivityGetNumDroppedRecords_v2", "cuptiActivityEnableHWTrace", "cuptiFinalize")
    found = {"path": path, "version": version.value, "has": [name for name in names if hasattr(cupti, name)]}
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32, ctypes.c_void_p)
    callback = kind(lambda *_: None)
    handle = ctypes.c_void_p()
    found["subscribe"] = cupti.cuptiSubscribe(ctypes.byref(handle), callback, None)
    if found["subscribe"] == 0:
        found["unsubscribe"] = cupti.cuptiUnsubscribe(handle)
    answer["cupti"].append(found)
print(json.dumps(answer), flush=True)
