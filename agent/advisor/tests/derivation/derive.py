#!/usr/bin/env python3
"""Works out, straight from the files of other tools, what `perfagent advise` must find in them.

    python3 derive.py TRACES > expected.tsv

Shares nothing with perfagent but the definitions: the trace formats are read with json and sqlite3 (reading.py), times are exact
integers of nanoseconds, and every rule is written down in its simplest form. Each line is a trace, a finding, its verdict, its
value, its likely and greatest gain (shares of the time, percent) and one line that says how the numbers come about.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

from reading import is_step, kineto, nsys

SHORT, TURNAROUND, LONG = 10_000, 30_000, 1_000_000
GIB = 1 << 30

# --- sets of instants ---------------------------------------------------------------------------------------------------


def union(spans):
    result = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if result and start <= result[-1][1]:
            result[-1][1] = max(result[-1][1], end)
        else:
            result.append([start, end])
    return result


def length(spans):
    return sum(end - start for start, end in spans)


def clip(spans, window):
    return [[max(s, window[0]), min(e, window[1])] for s, e in spans if min(e, window[1]) > max(s, window[0])]


def minus(a, b):
    return length(union(a)) - overlap(a, b)


def overlap(a, b):
    """Length of what is in both sets, each a union."""
    total, j = 0, 0
    for start, end in a:
        while j and b[j - 1][1] > start:
            j -= 1
        while j < len(b) and b[j][0] < end:
            total += max(0, min(end, b[j][1]) - max(start, b[j][0]))
            j += 1
    return total


def is_data(name):
    return re.search(r"(?i)dataloader|^data$|^data[ _:/-]|load_batch|next_batch", name) is not None


COMMUNICATION = re.compile(r"(?:^|\W)nccl[A-Z][A-Za-z]*(?:Kernel|_)|multimem_(?:one_shot_|two_shot_)?all_reduce|(?i:[^a-z]all_?reduce)")


def is_communication(op):
    return op.kind == "kernel" and not op.name.startswith("triton_") and COMMUNICATION.search(op.name) is not None


WAITING = {"DeviceSynchronize", "StreamSynchronize", "EventSynchronize", "ThreadSynchronize", "CtxSynchronize", "Free", "MemFree"}


def waits(name):
    return re.sub(r"(_ptsz)?(_v\d+)?$", "", re.sub(r"^(cuda|hip|cu)", "", name)) in WAITING and not name[0].isupper()


# --- one rank -----------------------------------------------------------------------------------------------------------


class Facts:
    """What is true of a rank with GPU operations."""

    def __init__(self, rank):
        self.rank, ops = rank, sorted(rank.ops, key=lambda op: (op.start, op.end))
        by_correlation = {}
        for call in sorted(rank.calls):
            by_correlation.setdefault(call[3], call)
        by_correlation.pop(None, None)
        self.linked = 0
        blocking = []
        for op in ops:
            call = by_correlation.get(op.correlation)
            if call:
                op.launched = call[0]
                self.linked += 1
                if op.kind not in ("kernel", "memset") and "memcpy" in call[2].lower() and call[1] >= op.end:
                    blocking.append(call)
        named = [call for call in rank.calls if waits(call[2])]
        known = {call[3] for call in named}
        self.waits = named + blocking + [sync for sync in rank.syncs if sync[3] not in known]
        steps = [r for r in rank.ranges if is_step(r[2])]
        self.steps = steps
        span = (min(op.start for op in ops), max(op.end for op in ops))
        self.window = (min(s[0] for s in steps), max(s[1] for s in steps)) if steps else span
        self.length = self.window[1] - self.window[0]
        threads = {step[3] for step in steps}
        loading = [r for r in rank.ranges if is_data(r[2]) and (not threads or r[3] in threads)]
        self.loads = len(loading)
        self.data = union([(r[0], r[1]) for r in loading])
        self.ops = ops
        self.comm = union([(op.start, op.end) for op in ops if is_communication(op)])
        self.compute = union([(op.start, op.end) for op in ops if op.kind == "kernel" and not is_communication(op)])
        self.copies = union([(op.start, op.end) for op in ops if op.kind != "kernel"])
        self.busy = union([(op.start, op.end) for op in ops])
        self.exposed = minus(clip(self.comm, self.window), clip(self.compute, self.window))
        self.gaps()

    def gaps(self):
        """Idle time within the window by what ended it."""
        self.idle = defaultdict(int)
        self.count = defaultdict(int)
        self.before_short = defaultdict(int)
        self.count_before_short = defaultdict(int)
        self.long = defaultdict(int)
        self.count_long = defaultdict(int)
        self.earlier = self.long_earlier = 0
        first, last = self.window
        # Operations that begin together are looked at together.
        starting = defaultdict(list)
        for op in self.ops:
            starting[op.start].append(op)
        end = None
        for start in sorted(starting):
            since = first if end is None else max(end, min(first, start))
            if start > since:
                self.gap(since, start, starting[start])
            latest = max(op.end for op in starting[start])
            end = latest if end is None else max(end, latest)
        if end < last:
            begin = max(end, first)
            self.idle["other"] += last - begin - overlap([[begin, last]], self.data)

    def gap(self, start, end, ops):
        inside = (max(start, self.window[0]), min(end, self.window[1]))
        if inside[0] >= inside[1]:
            return
        op = min(ops, key=lambda op: (op.launched is None, op.launched or 0, op.end))
        wait = [w for w in self.waits if w[0] <= start <= w[1] <= end]
        if wait:
            cause = "synchronization"
        elif op.launched is not None and op.launched > start:
            cause = "late_launch"
        elif end - start < TURNAROUND:
            cause = "turnaround"
        else:
            cause = "other" if op.launched is not None else "unlinked"
        time = inside[1] - inside[0] - overlap([list(inside)], self.data)
        self.idle[cause] += time
        self.count[cause] += 1
        if end - start >= LONG:
            self.long[cause] += time
            self.count_long[cause] += 1
        elif op.kind == "kernel" and op.end - op.start < SHORT:
            self.before_short[cause] += time
            self.count_before_short[cause] += 1
        if wait:
            last = max(wait, key=lambda w: (w[1], -w[0]))
            self.earlier += min(time, last[1] - last[0])
            if end - start >= LONG:
                self.long_earlier += min(time, last[1] - last[0])

    def elsewhere(self):
        """Idle time behind waits in gaps of 1 ms and more that the host spent on something else."""
        return self.long["synchronization"] - self.long_earlier

    def turnaround(self):
        return self.idle["turnaround"] / self.count["turnaround"] if self.count["turnaround"] else 0

    def pct(self, part):
        return 100 * part / self.length

    def kernels(self):
        return [op for op in self.ops if op.kind == "kernel"]

    def used(self):
        return {op.device for op in self.ops}

    def facts_of_devices(self):
        return [self.rank.devices[device] for device in sorted(self.used(), key=str) if device in self.rank.devices]


# --- findings -----------------------------------------------------------------------------------------------------------

ACT, NOTHING, UNKNOWN = "act", "nothing_to_gain", "unknown"


def gain(facts, likely, most):
    most = min(most / facts.length, 1) * 100
    return (max(0, min(100 * likely / facts.length, most)), most) if most > 0 else (None, None)


def data_stall(facts):
    if not facts.steps and not facts.loads:
        return UNKNOWN, None, None, None, "neither steps nor loading of data is marked"
    data = minus(clip(facts.data, facts.window), facts.busy)
    lead = 0
    for step in facts.steps:
        later = [s for s, e in facts.busy if e > step[0]]
        if later and max(later[0], step[0]) < step[1]:
            begin = [step[0], max(later[0], step[0])]
            lead += begin[1] - begin[0] - overlap([begin], facts.data)
    value = facts.pct(data + lead)
    return (ACT if value >= 5 else NOTHING, value, *gain(facts, data, data + lead),
            f"({data} ns of loading while idle + {lead} ns before the first operation of {len(facts.steps)} steps) / {facts.length} ns")


def communication(facts):
    value = facts.pct(facts.exposed)
    comm, compute = length(clip(facts.comm, facts.window)), length(clip(facts.compute, facts.window))
    verdict = ACT if comm and value >= 5 else NOTHING
    beside = compute - (comm - facts.exposed)
    return (verdict, value, *gain(facts, min(facts.exposed, beside), facts.exposed),
            f"{facts.exposed} of {comm} ns of communication without computation / {facts.length} ns")


def exposed_copies(facts):
    alone = copies_alone(facts)
    value = facts.pct(alone)
    pct = lambda kind: sum(op.end - op.start for op in facts.ops if op.kind == kind)
    return (ACT if value >= 5 else NOTHING, value, *gain(facts, min(alone, length(clip(facts.compute, facts.window))), alone),
            f"{alone} ns of copies alone / {facts.length} ns; DtoH {pct('DtoH')} ns, HtoD {pct('HtoD')} ns in all")


def host_bound(facts):
    if not facts.linked:
        # Late launches cost no more than all the idle time that nothing else explains.
        idle = sum(time for cause, time in facts.idle.items() if cause != "synchronization") + facts.elsewhere()
        return (UNKNOWN if facts.pct(idle) >= 5 else NOTHING, None, None, None,
                f"no operation has its launching call; {idle} ns idle / {facts.length} ns")
    late, unlinked = facts.idle["late_launch"] + facts.elsewhere(), facts.idle["unlinked"]
    value = facts.pct(late)
    text = f"{late} ns in {facts.count['late_launch']} gaps / {facts.length} ns; {unlinked} ns before operations without a call; "
    text += f"{facts.long['late_launch'] + facts.elsewhere()} ns in gaps of 1 ms and more"
    if value >= 5 or facts.pct(unlinked) < 5:
        short = facts.idle["late_launch"] - facts.long["late_launch"]
        likely = short - (facts.count["late_launch"] - facts.count_long["late_launch"]) * facts.turnaround()
        return (ACT if value >= 5 else NOTHING, value, *gain(facts, likely, late), text)
    return UNKNOWN, value, None, None, text


def synchronization(facts):
    if not facts.linked and not facts.waits:
        return UNKNOWN, None, None, None, "neither calls nor waits"
    behind = facts.idle["synchronization"] - facts.elsewhere()
    value = facts.pct(behind)
    return (ACT if value >= 5 else NOTHING, value, *gain(facts, facts.earlier, behind),
            f"{behind} ns in {facts.count['synchronization']} gaps / {facts.length} ns; {len(facts.waits)} calls waited")


PRODUCT = re.compile(r"(?i)gemm|cutlass|cijk|nvjet|bmm_|matmul|convolve|cudnn.*conv|scudnn|dgrad|wgrad|fprop|winograd|fft2d|"
                     r"flash_fwd|flash_bwd|fmha|attention|attn_fwd|miopen.*conv|conv_|convsgemm")
# Read by eye in the lists of names of all these traces.
ORDINARY = re.compile(r"(?:ampere|volta|maxwell|turing)_sgemm|scudnn|f32f32_f32f32_f32|implicit_convolve_sgemm|dgrad_engine<float|"
                      r"wgrad_alg0_engine<float|_simt_sgemm|convolve_common_engine_float|explicit_convolve_sgemm|"
                      r"precomputed_convolve_sgemm|sgemm_largek|gemmSN|cgemm|wgrad_alg1_engine<float")
NEITHER = re.compile(r"(?i)splitk_?reduce|gemv|gemmk1|depthwise|computeoffsets|computeboffsets|generatewinograd|"
                     r"fbgemm_gpu::|split_embedding|bounds_check|reshape_and_cache|im2col|nchwtonhwc|triton_|vectorized_|cudnn::ops|dot_kernel|elementwise")
TENSOR = re.compile(r"(?i)tensorop|wmma|s16816|s1688|884|tf32|bf16|nvjet|flash_(?:fwd|bwd)|fmha|MI16x16|MI32x32|E4m3|mxfp|bfloat16")


def tensor_cores(facts):
    kernels = facts.kernels()
    if not kernels:
        return UNKNOWN, None, None, None, "no kernels"
    time = defaultdict(int)
    for op in kernels:
        if is_communication(op) or NEITHER.search(op.name) or not PRODUCT.search(op.name):
            continue
        unit = "tensor" if TENSOR.search(op.name) else "ordinary" if ORDINARY.search(op.name) else "unknown"
        time[unit] += op.end - op.start
    value = facts.pct(time["ordinary"])
    devices = facts.facts_of_devices()
    has = True if time["tensor"] else has_tensor_cores(devices)
    text = (f"{time['ordinary']} ns of products on ordinary cores / {facts.length} ns; {time['tensor']} ns on tensor cores, "
            f"{time['unknown']} ns of names that do not tell; {sorted({d[0] for d in devices})}")
    shares = gain(facts, time["ordinary"] / 2, time["ordinary"] * 7 / 8) if has else (None, None)
    if has is False:
        verdict = NOTHING
    elif value >= 5:
        verdict = ACT if has else UNKNOWN
    else:
        verdict = UNKNOWN if facts.pct(time["unknown"]) >= 5 else NOTHING
    return (verdict, value, *shares, text)


def unaligned_products(facts):
    kernels = facts.kernels()
    if not kernels:
        return UNKNOWN, None, None, None, "no kernels"
    time = 0
    for op in kernels:
        if is_communication(op) or NEITHER.search(op.name) or not PRODUCT.search(op.name):
            continue
        if TENSOR.search(op.name) and re.search(r"_align[12](?!\d)", op.name):
            time += op.end - op.start
    value = facts.pct(time)
    return (ACT if value >= 5 else NOTHING, value, *gain(facts, time / 2, time * 6.5 / 7.5),
            f"{time} ns of products by align1 and align2 / {facts.length} ns")


def has_tensor_cores(devices):
    known = []
    for name, capability, _ in devices:
        if "AMD" in name:
            known.append(re.search(r"MI\d\d\d", name) is not None)
        elif name and capability[0] is not None:
            known.append(capability[0] >= 7)
    return any(known) if known else None


def moved(name):
    """cast, layout or copy; the names were read by eye in the lists of all these traces."""
    if "direct_copy_kernel" in name or "<at::native::copy_device_to_device" in name:
        return "cast" if "LoadWithCast" in name or "StoreWithCast" in name else "copy"
    if re.search(r"(?:bfloat16|float16|float8|half)\w*_copy_kernel_cuda", name):
        return "cast"
    if re.search(r"CastTensor|convertTensor|_fp8_quant|quantize_with_block_size|FP8_quantize|FP8rowwise_to_float|float_to_hfp8|hfp8_to_float|FP8_qparam", name) or name in ("aten::_to_copy", "aten::to"):
        return "cast"
    if re.search(r"triton_poi_fused__to_copy_\d+$", name):
        return "cast"
    if re.search(r"nchwToNhwc|nhwcToNchw|batched_transpose", name):
        return "layout"
    return "copy" if name in ("aten::copy_", "aten::clone", "aten::contiguous") else None


def dtype_casts(facts):
    if not facts.kernels():
        return UNKNOWN, None, None, None, "no kernels"
    time = defaultdict(int)
    for op in facts.kernels():
        time[moved(op.name)] += op.end - op.start
    total = time["cast"] + time["layout"] + time["copy"]
    value = facts.pct(total)
    return (ACT if value >= 5 else NOTHING, value, *gain(facts, time["cast"] + time["layout"], total),
            f"({time['cast']} ns of casts + {time['layout']} ns of layouts + {time['copy']} ns of copies) / {facts.length} ns")


def tiny_kernels(facts):
    kernels = facts.kernels()
    if not kernels:
        return UNKNOWN, None, None, None, "no kernels"
    short = sum(op.end - op.start < SHORT for op in kernels)
    value = 100 * short / len(kernels)
    late, own = facts.before_short["late_launch"], facts.before_short["turnaround"]
    likely = late - facts.count_before_short["late_launch"] * facts.turnaround()
    verdict = ACT if value >= 50 and facts.pct(late + own) >= 5 else NOTHING
    return (verdict, value, *gain(facts, likely, late + own),
            f"{short} of {len(kernels)} kernels under 10 us; {late} + {own} ns idle before them / {facts.length} ns")


def peaks(facts):
    def total(key):
        values = [bytes_ for (name, _), bytes_ in facts.rank.memory.items() if name == key]
        return sum(values) if values else None

    return total("Total Allocated"), total("Total Reserved")


def device_bytes(facts):
    sizes = [device[2] for device in facts.facts_of_devices()]
    return sum(sizes) if sizes and all(sizes) else None


def memory_headroom(facts):
    allocated, reserved = peaks(facts)
    total, peak = device_bytes(facts), reserved if reserved is not None else allocated
    if not total or peak is None:
        return UNKNOWN, None, None, None, "no peak, or no size of the GPU"
    free = total - peak
    share = 100 * free / total
    return ACT if share >= 20 or share < 5 else NOTHING, free, None, None, f"{total} - {peak} bytes"


def memory_fragmentation(facts):
    allocated, reserved = peaks(facts)
    if allocated is None or not reserved:
        return UNKNOWN, None, None, None, "no levels of the allocator"
    unused, total = reserved - allocated, device_bytes(facts)
    matters = 100 * unused / total >= 5 if total else unused >= GIB
    verdict = ACT if matters and 100 * unused / reserved >= 20 else NOTHING
    return verdict, unused, None, None, f"{reserved} - {allocated} bytes"


def throttling(_):
    return UNKNOWN, None, None, None, "no clocks are sampled"


def stragglers(all_facts):
    worlds = [facts.rank.world for facts in all_facts]
    alone = all((world or 1) <= 1 and not facts.comm for world, facts in zip(worlds, all_facts))
    if alone or len(all_facts) == 1 and worlds[0] is not None and worlds[0] <= 1:
        return NOTHING, None, None, None, "no rank of a group"
    if len(all_facts) == 1:
        return UNKNOWN, None, None, None, f"one rank of {worlds[0]}"
    work = [length(clip(facts.compute, facts.window)) + copies_alone(facts) for facts in all_facts]
    late = max(work)
    most = max(range(len(work)), key=lambda i: late - work[i])
    facts = all_facts[most]
    value = facts.pct(late - work[most])
    mean = sum(late - own for own in work) / len(work)
    return (ACT if value >= 5 else NOTHING, value, *gain(facts, mean, late - work[most]),
            f"({late} - {work[most]} ns of computation and copies alone) / {facts.length} ns")


def copies_alone(facts):
    others = union([tuple(span) for span in facts.compute + facts.comm])
    return minus(clip(facts.copies, facts.window), clip(others, facts.window))


def host_only(rank):
    """Of a trace without a GPU's work: of a run on a processor, or of the host's side of one on a GPU."""
    steps = [r for r in rank.ranges if is_step(r[2])]
    first, last = min(s[0] for s in steps), max(s[1] for s in steps)
    threads = {step[3] for step in steps}
    data = union([(r[0], r[1]) for r in rank.ranges if is_data(r[2]) and r[3] in threads])
    loading = length(clip(data, (first, last)))
    lead = 0
    for step in steps:
        # Something computes at an instant at which an operator runs on any thread.
        starts = [max(op[0], step[0]) for op in rank.cpu_ops if op[1] > step[0]]
        if starts and min(starts) < step[1]:
            begin = [step[0], min(starts)]
            lead += begin[1] - begin[0] - overlap([begin], data)
    share = 100 * (loading + lead) / (last - first)
    text = f"({loading} ns of loading + {lead} ns before the first operator) / {last - first} ns"
    known = loading + lead > 0
    answers = {"data_stall": (ACT if share >= 5 else NOTHING, share, 100 * loading / (last - first) if known else None,
                              share if known else None, text)}
    used_gpu = bool(rank.devices) or any(r[2].startswith("nccl") for r in rank.ranges)
    assert used_gpu or any(re.search(r"\ball_?reduce", r[2]) for r in rank.ranges)
    missing = (UNKNOWN, None, None, None, "the GPU's side of the run is not in the file")
    none = (NOTHING, None, None, None, "no GPU")
    for finding in ("host_bound", "exposed_copies", "synchronization", "tensor_cores", "unaligned_products", "tiny_kernels",
                    "throttling", "memory_fragmentation"):
        answers[finding] = missing if used_gpu else none
    answers["communication"] = (UNKNOWN, None, None, None, "ranges name communication that no operator times")
    answers["memory_headroom"] = (UNKNOWN, None, None, None, "no level of memory")
    answers["stragglers"] = (UNKNOWN, None, None, None, f"one rank of {rank.world}")
    casts = [op for op in rank.cpu_ops if moved(op[2])]
    answers["dtype_casts"] = missing if used_gpu else (NOTHING, 0.0, None, None, f"{len(casts)} operators of that kind")
    assert used_gpu or not casts
    return answers


OF_A_RANK = [data_stall, communication, memory_headroom, host_bound, exposed_copies, synchronization, tensor_cores, unaligned_products, dtype_casts,
             tiny_kernels, throttling, memory_fragmentation]


def worst(finding, all_facts):
    """That of the rank with most to gain (of memory that is free, the one with least of it)."""
    answers = [finding(facts) for facts in all_facts]
    known = [answer for answer in answers if answer[1] is not None]
    if not known:
        return answers[0]
    return (min if finding is memory_headroom else max)(known, key=lambda answer: answer[1])


def write(trace, name, answer):
    verdict, value, likely, most, text = answer
    number = lambda value: "-" if value is None else repr(float(value))
    print(trace, name, verdict, number(value), number(likely), number(most), text, sep="\t")


def main(folder):
    traces = sorted(path for path in (folder / "kineto").iterdir() if path.is_file())
    jobs = [(f"kineto/{path.name}", kineto(path)) for path in traces]
    jobs.append(("kineto/pair2", [rank for n in (0, 1) for rank in kineto(folder / f"kineto/pair2/rank{n}.json.gz")]))
    jobs += [(f"nsys/{path.name}", nsys(path)) for path in sorted((folder / "nsys").iterdir())]
    for trace, ranks in jobs:
        if not any(rank.ops for rank in ranks):
            for name, answer in host_only(ranks[0]).items():
                write(trace, name, answer)
            continue
        ranks = [rank for rank in ranks if rank.ops]
        facts = [Facts(rank) for rank in ranks]
        for finding in OF_A_RANK:
            write(trace, finding.__name__, worst(finding, facts))
        write(trace, "stragglers", stragglers(facts))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
