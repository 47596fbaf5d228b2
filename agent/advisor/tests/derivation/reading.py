"""Traces of torch.profiler and Nsight Systems, read with json and sqlite3, and sums over stretches of time."""

import gzip
import json
import re
import sqlite3
from collections import defaultdict
from decimal import Decimal

# --- reading ------------------------------------------------------------------------------------------------------------


class Op:
    """A kernel, copy or memset."""

    def __init__(self, kind, name, start, end, device, stream, correlation):
        self.kind, self.name, self.start, self.end = kind, name, start, max(start, end)
        self.device, self.stream, self.correlation = device, stream, correlation
        self.launched = None


class Rank:
    def __init__(self):
        self.ops, self.calls, self.syncs, self.ranges, self.devices = [], [], [], [], {}
        self.number = self.world = None
        self.memory = {}
        self.cpu_ops = []


def ns(value):
    return int(Decimal(str(value)) * 1000)


def kineto(path):
    text = gzip.open(path, "rt").read() if path.suffix == ".gz" else path.read_text()
    document = json.loads(text, parse_float=Decimal)
    rank = Rank()
    info = document.get("distributedInfo") or {}
    rank.number, rank.world = info.get("rank"), info.get("world_size")
    for device in document.get("deviceProperties") or []:
        capability = (device.get("computeMajor"), device.get("computeMinor"))
        rank.devices[device["id"]] = (device.get("name", ""), capability, device.get("totalGlobalMem"))
    changes = []
    for event in document["traceEvents"]:
        arguments = event.get("args") or {}
        if event.get("name") == "[memory]" and arguments.get("Device Type") not in (0, None):
            for key in ("Total Allocated", "Total Reserved"):
                if key in arguments:
                    place = (key, arguments.get("Device Id"))
                    rank.memory[place] = max(rank.memory.get(place, 0), int(arguments[key]))
            if "Total Allocated" not in arguments:
                # The format of 2021 tells changes and no levels.
                changes.append((ns(event["ts"]), int(arguments["Bytes"])))
        if event.get("ph") != "X":
            continue
        category, name = str(event.get("cat", "")).lower(), str(event["name"])
        start = ns(event["ts"])
        end = start + max(0, ns(event.get("dur", 0)))
        if category in ("kernel", "concurrent_kernel", "gpu_memcpy", "memcpy", "gpu_memset", "memset"):
            kind = "kernel" if "kernel" in category else "memset" if "memset" in category else direction(name)
            device = arguments.get("device", arguments.get("device_id", event.get("pid")))
            rank.ops.append(Op(kind, name, start, end, device, arguments.get("stream", event.get("tid")),
                               arguments.get("correlation", arguments.get("External id"))))
        elif category in ("cuda_runtime", "cuda_driver", "hip_runtime", "runtime", "driver"):
            rank.calls.append((start, end, name, arguments.get("correlation")))
        elif category == "cuda_sync":
            if arguments.get("cuda_sync_kind", name) in ("Event Sync", "Stream Sync", "Context Sync"):
                rank.syncs.append((start, end, name, arguments.get("correlation")))
        elif category in ("user_annotation", "cpu_op", "operator"):
            rank.ranges.append((start, end, name, (event["pid"], event["tid"])))
            if category != "user_annotation" and not is_step(name):
                rank.cpu_ops.append((start, end, name, (event["pid"], event["tid"])))
    level = 0
    for _, change in sorted(changes, key=lambda change: change[0]):
        level += change
        place = ("Total Allocated", None)
        rank.memory[place] = max(rank.memory.get(place, 0), level)
    return [rank]


def direction(name):
    found = re.search(r"(HtoD|DtoH|DtoD|HtoH|PtoP)", name)
    return found.group(1) if found else {"host": "HtoD"}.get(name, "other")


NSYS_COPIES = {1: "HtoD", 2: "DtoH", 8: "DtoD", 9: "HtoH", 10: "PtoP"}


def nsys(path):
    database = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    database.row_factory = sqlite3.Row
    tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    text = dict(database.execute("SELECT id, value FROM StringIds").fetchall())

    def rows(table):
        return database.execute(f"SELECT * FROM {table}") if table in tables else []

    ranks = defaultdict(Rank)
    for row in rows("CUPTI_ACTIVITY_KIND_KERNEL"):
        name = text[row["demangledName"]]
        ranks[row["globalPid"]].ops.append(
            Op("kernel", name, row["start"], row["end"], row["deviceId"], row["streamId"], row["correlationId"]))
    for row in rows("CUPTI_ACTIVITY_KIND_MEMCPY"):
        kind = NSYS_COPIES.get(row["copyKind"], "other")
        ranks[row["globalPid"]].ops.append(
            Op(kind, kind, row["start"], row["end"], row["deviceId"], row["streamId"], row["correlationId"]))
    for row in rows("CUPTI_ACTIVITY_KIND_MEMSET"):
        ranks[row["globalPid"]].ops.append(
            Op("memset", "memset", row["start"], row["end"], row["deviceId"], row["streamId"], row["correlationId"]))
    for row in rows("CUPTI_ACTIVITY_KIND_RUNTIME"):
        process = row["globalTid"] & ~0xFFFFFF
        if process in ranks:
            ranks[process].calls.append((row["start"], row["end"], text[row["nameId"]], row["correlationId"]))
    for row in rows("CUPTI_ACTIVITY_KIND_SYNCHRONIZATION"):
        # 2 is a stream that waits for an event.
        if row["globalPid"] in ranks and row["syncType"] in (1, 3, 4):
            ranks[row["globalPid"]].syncs.append((row["start"], row["end"], "sync", row["correlationId"]))
    for row in rows("NVTX_EVENTS"):
        process = (row["globalTid"] or 0) & ~0xFFFFFF
        if process in ranks and row["end"] is not None:
            name = row["text"] or text.get(row["textId"]) or ""
            ranks[process].ranges.append((row["start"], row["end"], name, row["globalTid"]))
    for row in rows("TARGET_INFO_GPU"):
        for rank in ranks.values():
            rank.devices[row["id"]] = (row["name"], (row["computeMajor"], row["computeMinor"]), row["totalMemory"])
    return [ranks[process] for process in sorted(ranks)]


def is_step(name):
    return re.fullmatch(r"ProfilerStep(#\d+)?", name) is not None
