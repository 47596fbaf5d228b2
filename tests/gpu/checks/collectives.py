"""NCCL's collectives of two ranks on one GPU: number, bytes, the times of their kernels, waiting told from transfer."""

import os

from harness.check import answer_of
from harness.figures import median

SECONDS = 60
TIMEOUT = 120
RANKS, COUNT = 2, 20
# How torch's calls are named in a recording, where that is not the name of the call.
OPERATIONS = {"all_reduce bf16": "all_reduce", "exchange": None, "all_to_all": None}
ROWS = """
    SELECT process_id, op.value, dtype.value, bytes, group_size, start_ns, end_ns, enqueued_ns, timing, source.value,
           collectives.correlation
    FROM collectives JOIN strings AS op ON op.id = op_id LEFT JOIN strings AS dtype ON dtype.id = dtype_id
    LEFT JOIN strings AS source ON source.id = source_id ORDER BY start_ns
"""


def run(check):
    library = os.environ.get("PERFAGENT_GPU_NCCL")
    if not library:
        check.skip("PERFAGENT_GPU_NCCL names no libnccl.so.2 of 2.30.3 or newer: older ones take one rank a GPU")
    env = {"LD_PRELOAD": library, "NCCL_MULTI_RANK_GPU_ENABLE": "1", "NCCL_DEBUG": "WARN"}
    plain = answer_of(check.python("two_ranks", env=env))
    check.expect(plain["codes"] == [0, 0], f"both ranks run without us: {plain['codes']}")
    # With the times of kernels by CUPTI, and by NCCL's own timers where CUPTI is left to others.
    one(check, "cupti", {**env, "PERFAGENT_DEBUG": "1"}, plain)
    one(check, "timers", {**env, "PERFAGENT_CUPTI": "0"}, plain)


def one(check, name, env, plain):
    recording = check.record(check.target("two_ranks"), name=name, env=env)
    check.keep(recording.path)
    check.note(f"standard error: {recording.done.stderr.strip()[-1500:]}")
    answer = answer_of(recording.done)
    check.expect(answer["codes"] == [0, 0], f"both ranks end in order: {answer['codes']}")
    check.note(f"NCCL {answer['ranks'][0]['nccl']}")
    check.expect(not recording.losses(), f"nothing is lost: {recording.losses()}")
    rows = [row for row in recording.rows(ROWS) if row[9] == "nccl"]
    check.figure(f"{name}_collectives", len(rows), "count, of both ranks")
    kinds = {}
    for row in rows:
        kinds[row[1], row[8]] = kinds.get((row[1], row[8]), 0) + 1
    check.note(f"rows by operation and timing: {kinds}")
    check.expect(all(row[4] == RANKS for row in rows), "the size of the group is known")
    for made, unrecorded in zip(answer["ranks"][0]["rows"], plain["ranks"][0]["rows"]):
        each(check, name, recording, rows, made, unrecorded)
    late(check, name, recording, rows)
    done = check.perfagent("report", recording.path, "--json")
    check.expect(done.code == 0, f"report: {done.stderr.strip()[-300:]}")
    report = check.path(f"{name}.report.json")
    report.write_text(done.stdout)
    check.keep(report)


def each(check, by, recording, rows, one, unrecorded):
    """One kind of call at one size."""
    name = f"{one['op']} {one['size']}"
    figure = f"{by}_{name}".replace(" ", "_")
    spans = recording.ranges(name)
    if not check.expect(len(spans) == RANKS, f"{name}: its range is recorded on both ranks, not {len(spans)} times"):
        return
    found = [
        row for row in rows for span in spans if row[0] == span.process and span.start <= (row[7] or row[5]) <= span.end
    ]
    operation = OPERATIONS.get(one["op"], one["op"])
    check.figure(f"{figure}_ratio", one["elapsed_ns"] / unrecorded["elapsed_ns"], "recorded / plain, one run of each")
    if operation is None:
        check.note(f"{name}: {len(found)} rows: {sorted({(row[1], row[2], row[3], row[8]) for row in found})}")
        return
    check.expect(len(found) == RANKS * COUNT, f"{name}: {len(found)} recorded of {RANKS} x {COUNT}")
    check.expect(all(row[1] == operation for row in found), f"{name}: is called {operation}")
    check.expect(all(row[3] == one["bytes"] for row in found), f"{name}: {one['bytes']} bytes, not {sorted({row[3] for row in found})}")
    kernel = [row for row in found if row[8] == "kernel"]
    # NCCL 2.30.7 tells its timers nothing of broadcasts after the program's call: without CUPTI they have no times.
    if by == "timers" and operation == "broadcast" and not kernel:
        return check.note(f"{name}: counted without a time, as NCCL's timers tell nothing")
    if not check.expect(len(kernel) == len(found), f"{name}: {len(kernel)} of {len(found)} have their kernel's times"):
        return
    if by == "cupti":
        own = len({(row[0], row[10]) for row in kernel})
        check.expect(own == len(kernel), f"{name}: each has a kernel of its own")
    # One call follows the other in the stream, so that the events around all of them bound the sum.
    total = sum(row[6] - row[5] for row in kernel if row[0] == kernel[0][0])
    share = total / one["elapsed_ns"]
    check.figure(f"{figure}_share", share, "sum of its kernels' times / time between CUDA events around them")
    check.figure(f"{figure}_median", median([row[6] - row[5] for row in kernel]), "ns")
    check.expect(0.2 < share < 1.05, f"{name}: its times fill the time that events measured: {share:.3f}")


def late(check, by, recording, rows):
    """One rank comes late to each. On a GPU that both share their kernels also take turns, so this is for people to read."""
    waits = {}
    spans = recording.ranges("late")
    for span in spans:
        calls = [row for row in rows if row[0] == span.process and span.start <= (row[7] or row[5]) <= span.end]
        durations = [row[6] - row[5] for row in calls]
        waits[span.process] = median(durations)
    check.figure(f"{by}_late_kernel_medians", list(waits.values()), "ns by rank; one comes late on purpose")
