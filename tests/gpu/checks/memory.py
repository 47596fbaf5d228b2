"""Device memory over time, with and without expandable_segments, against what torch says of itself."""

from collections import Counter

from harness.check import answer_of
from harness.figures import median

SECONDS = 40


def run(check):
    one(check, "ordinary", {})
    # The second is the name since torch 2.9, the first the older one.
    setting = "expandable_segments:True"
    one(check, "expandable", {"PYTORCH_CUDA_ALLOC_CONF": setting, "PYTORCH_ALLOC_CONF": setting})


def one(check, name, env):
    recording = check.record(check.target("memory"), name=name, env=env)
    levels = answer_of(recording.done)["levels"]
    if recording.done.stderr.strip():
        check.note(f"{name}: standard error: {recording.done.stderr.strip()[-600:]}")
    events = recording.memory()
    check.note(f"{name}: memory events by source: {dict(Counter(event[5] for event in events))}")
    unit, samples = recording.counters().get("memory_used", ("bytes", []))
    check.note(f"{name}: {len(samples)} samples of memory_used in {unit}")
    whole, own = [], []
    for level in levels:
        spans = recording.ranges(level["name"])
        if not check.expect(len(spans) == 1, f"{name}: the range {level['name']} is recorded"):
            continue
        # The later half: readings lag behind.
        span = spans[0]
        begin = (span.start + span.end) // 2
        whole.append(median([value for time, value in samples if begin <= time <= span.end]))
        own.append(median([row[4] for row in events if row[4] is not None and begin <= row[0] <= span.end]))
    check.figure(f"{name}_reserved_by_torch", [level["reserved"] for level in levels], "bytes by level")
    check.figure(f"{name}_used_by_driver", [level["used"] for level in levels], "bytes by level")
    check.figure(f"{name}_memory_used_recorded", whole, "bytes by level, the whole GPU, NVML")
    check.figure(f"{name}_device_bytes_recorded", own, "bytes by level, this process")
    for source, values in (("memory_used", whole), ("device_bytes", own)):
        known = len(values) == len(levels) and None not in values
        # Where the driver does not tell a process's memory (in a container, a virtual machine), it stays unknown.
        if not known:
            check.note(f"{name}: {source} is not known at every level: {values}")
            continue
        growth = values[3] - values[0]
        check.figure(f"{name}_{source}_growth", growth, "bytes, of 7 GiB")
        if source == "device_bytes":
            check.expect(abs(growth - (7 << 30)) < (256 << 20), f"{name}: {source} grows by {growth}, 7 GiB were taken")
    total = sum(row[1] or 0 for row in events if row[5] == "cupti")
    check.figure(f"{name}_cupti_balance", total, "bytes allocated and not freed, of CUPTI's events")
    check.keep(recording.path)
