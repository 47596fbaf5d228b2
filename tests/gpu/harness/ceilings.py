"""What an answer of `perfagent ceilings --json` for a GPU says, and what must hold of it."""

# What MAMF's finder got out of an H100 SXM in bf16 (stas00/ml-engineering, commit b9e29720), in TFLOP/s.
MAMF_BF16 = {"NVIDIA H100 80GB HBM3": 794.5, "NVIDIA H200": 794.5}
# Of the datasheet's bandwidth, or of what a plain copy on the device reaches.
LEAST_SHARE = 0.92
DTYPES = ["fp32", "tf32", "fp16", "bf16", "fp8_e4m3"]
KERNELS = ["read", "write", "copy", "triad"]


def figures(document):
    """The figures worth a line each: (name, value, unit)."""
    cuda = document["cuda"]
    for kernel in document["memory_bandwidth"]["kernels"]:
        yield f"stream_{kernel['name']}", kernel["median_gbps"], "GB/s"
    for curve in cuda["bandwidth_by_size"]["kernels"]:
        for point in curve["points"]:
            size = point["working_set_bytes"] / (1 << 20)
            yield f"{curve['name']}_of_{size:.0f}_mib", point["median_gbps"], "GB/s"
    for peak in cuda["multiply_add"]:
        yield f"multiply_add_{peak['dtype']}", peak["median_tflops"], "TFLOP/s"
        yield f"multiply_add_{peak['dtype']}_power", peak["mean_watts"], "W"
    for row in cuda["matrix_products"]["dtypes"]:
        for kind in ("best", "sustained"):
            if row[kind]:
                yield f"{row['dtype']}_{kind}", row[kind]["median_tflops"], "TFLOP/s"
        if row["sustained"]:
            yield f"{row['dtype']}_power", row["sustained"]["mean_watts"], "W"
        yield f"{row['dtype']}_shapes", len(row["shapes"]), "shapes"
    for kind in ("copies", "pageable_copies"):
        for copy in cuda[kind]:
            yield f"{kind}_{copy['name']}", copy["median_gbps"], "GB/s"
    for latency in cuda["launch"]:
        yield latency["name"], latency["median_ns"], "ns"
    for compared in (document["datasheet"] or {"figures": []})["figures"]:
        yield f"share_{compared['what'].replace(' ', '_')}", compared["pct"], "% of the datasheet"


def expectations(document, copy_by_torch):
    """What must hold: (met, text). `copy_by_torch` in GB/s, or None."""
    cuda = document["cuda"]
    yield document["schema"] == "perfagent.ceilings/1", f"schema {document['schema']}"
    yield from bandwidth(document, copy_by_torch)
    yield from by_size(cuda)
    yield from products(document["name"], cuda["matrix_products"])
    peaks = {peak["dtype"]: peak["median_tflops"] for peak in cuda["multiply_add"]}
    yield 0 < peaks["fp64"] < peaks["fp32"], f"multiply-adds: {peaks}"
    launches = {latency["name"]: latency["median_ns"] for latency in cuda["launch"]}
    yield launches["graph_node"] <= launches["launch_in_a_row"], f"a node of a graph costs less than a launch: {launches}"
    for pinned, pageable in zip(cuda["copies"], cuda["pageable_copies"]):
        rates = pinned["median_gbps"], pageable["median_gbps"]
        yield rates[0] >= 0.95 * rates[1], f"{pinned['name']}: page-locked {rates[0]:.1f}, ordinary {rates[1]:.1f} GB/s"
    yield from power(document)
    for kind, rows in (("peer_copies", "peers"), ("collectives", "curves")):
        yield bool(cuda[kind][rows]) != bool(cuda[kind]["reason"]), f"{kind}: measured, or why not: {cuda[kind]['reason']}"


def bandwidth(document, copy_by_torch):
    """Copy and triad against the datasheet, or else against a plain copy on the same device."""
    compared = {row["what"]: row["pct"] for row in (document["datasheet"] or {"figures": []})["figures"]}
    for kernel in document["memory_bandwidth"]["kernels"]:
        yield kernel["interval_gbps"] is not None, f"{kernel['name']}: its median has an interval"
        if kernel["name"] not in ("copy", "triad"):
            continue
        shares = []
        if f"memory {kernel['name']}" in compared:
            shares.append(compared[f"memory {kernel['name']}"] / 100)
        if copy_by_torch:
            shares.append(kernel["median_gbps"] / copy_by_torch)
        text = ", ".join(f"{share:.3f}" for share in shares) or "nothing to hold it against"
        yield not shares or max(shares) >= LEAST_SHARE, f"{kernel['name']}: {LEAST_SHARE} of the datasheet or of torch's copy: {text}"


def by_size(cuda):
    """The curves: all kernels, rising sizes, a cache that is faster than memory."""
    curves = {curve["name"]: curve["points"] for curve in cuda["bandwidth_by_size"]["kernels"]}
    yield list(curves) == KERNELS, f"curves: {list(curves)}"
    for name, points in curves.items():
        sizes = [point["working_set_bytes"] for point in points]
        yield len(sizes) >= 4 and sizes == sorted(set(sizes)), f"{name}: {len(sizes)} working sets, rising"
    reads = curves.get("read") or []
    cached = [point["median_gbps"] for point in reads if point["working_set_bytes"] <= cuda["l2_cache_bytes"] / 2]
    if cached and reads[-1]["working_set_bytes"] > 4 * cuda["l2_cache_bytes"]:
        yield max(cached) > 1.2 * reads[-1]["median_gbps"], f"L2 {max(cached):.0f}, memory {reads[-1]['median_gbps']:.0f} GB/s"


def products(name, products):
    """Products of matrices: every format measured or with a reason; bf16 as MAMF has it."""
    yield products["reason"] is None, f"cuBLASLt is found: {products['reason']}"
    rows = {row["dtype"]: row for row in products["dtypes"]}
    if products["reason"] is not None:
        return
    yield list(rows) == DTYPES, f"formats: {list(rows)}"
    for dtype, row in rows.items():
        yield bool(row["best"]) != bool(row["reason"]), f"{dtype}: measured, or why not: {row['reason']}"
        yield row["left_out"] == 0, f"{dtype}: {row['left_out']} shapes left out"
    best = {dtype: row["best"]["median_tflops"] for dtype, row in rows.items() if row["best"]}
    if "bf16" in best and "fp8_e4m3" in best:
        yield best["fp8_e4m3"] > 1.3 * best["bf16"], f"fp8 is faster than bf16: {best}"
    if name in MAMF_BF16 and "bf16" in best:
        ratio = best["bf16"] / MAMF_BF16[name]
        yield abs(ratio - 1) <= 0.03, f"bf16 {best['bf16']:.1f} TFLOP/s is within 3 % of MAMF's {MAMF_BF16[name]}"


def power(document):
    """Power where NVML tells it, within what the device may draw."""
    state = document["power"]
    yield bool(state["method"]) != bool(state["reason"]), f"power: {state['method']} or why not: {state['reason']}"
    limit = document["environment"]["power_limit_watts"]
    for row in document["cuda"]["matrix_products"]["dtypes"]:
        watts = row["sustained"] and row["sustained"]["mean_watts"]
        if watts is not None and limit:
            yield 0.1 * limit < watts < 1.1 * limit, f"{row['dtype']}: {watts:.0f} W of {limit} W"
