"""How long CUDA takes to start in a torch process, and how long the process takes to end."""

import json
import time

begun = time.perf_counter()
import torch  # noqa: E402

imported = time.perf_counter()
torch.cuda.init()
started = time.perf_counter()
x = torch.ones(1024, device="cuda")
x.add_(1.0)
torch.cuda.synchronize()
used = time.perf_counter()
answer = {"import": imported - begun, "init": started - imported, "first": used - started, "ended": time.time()}
print(json.dumps(answer), flush=True)
