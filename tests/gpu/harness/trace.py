"""A trace of torch.profiler: its GPU operations."""

import gzip
import json
from collections import namedtuple

# Times in ns since the trace's own origin.
Operation = namedtuple("Operation", "name start end stream category bytes correlation")

CATEGORIES = ("kernel", "gpu_memcpy", "gpu_memset")


def read(path):
    opened = gzip.open if str(path).endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8") as file:
        return json.load(file)


def operations(document):
    """Kernels, copies and fills, in the order of their start."""
    found = []
    for event in document["traceEvents"]:
        if event.get("ph") != "X" or str(event.get("cat", "")).lower() not in CATEGORIES:
            continue
        arguments = event.get("args", {})
        start = round(float(event["ts"]) * 1000)
        found.append(
            Operation(
                event["name"],
                start,
                start + round(float(event["dur"]) * 1000),
                arguments.get("stream"),
                event["cat"].lower(),
                arguments.get("bytes"),
                arguments.get("correlation"),
            )
        )
    return sorted(found, key=lambda operation: operation.start)


def kernels(document):
    return [operation for operation in operations(document) if operation.category == "kernel"]
