"""Material: CUPTI's activity buffers byte for byte, with the texts that they point to."""

from harness import libraries
from harness.buffers import Capture

SECONDS = 35
NEEDS = ("gpu", "nvcc", "cupti headers")
KERNEL, MEMCPY, MEMSET, GRAPH_TRACE = 10, 1, 2, 51


def run(check):
    headers, library = libraries.cupti_headers(), libraries.cupti_library()
    check.note(f"headers {headers}, library {library}")
    program = check.nvcc("buffers", "-I", headers, "-ldl")
    for mode in ("node", "graph"):
        file = check.path(f"{mode}.cupti")
        env = {**libraries.loader_environment(), "NVTX_INJECTION64_PATH": library}
        check.succeeded(check.run([program, library, mode, file], env=env))
        capture = Capture(file.read_bytes())
        check.note(f"{mode}: {capture.facts}; texts: {sorted(set(capture.texts.values()))}")
        kinds = capture.kinds()
        check.figure(f"{mode}_records", sum(kinds.values()), "count")
        check.note(f"{mode}: records by kind: {dict(kinds)}; sizes in bytes by kind: {capture.sizes()}")
        # 20 rounds of three kernels; those of the graph are 10 x 10 in node mode.
        expected = 60 + (100 if mode == "node" else 0)
        check.expect(kinds[KERNEL] == expected, f"{mode}: {kinds[KERNEL]} kernels of {expected}")
        check.expect(kinds[MEMCPY] >= 80 and kinds[MEMSET] >= 20, f"{mode}: copies and fills are there")
        if mode == "graph":
            check.expect(kinds[GRAPH_TRACE] == 10, f"graph: {kinds[GRAPH_TRACE]} graph launches of 10")
        named = {capture.texts.get(pointer) for pointer in capture.pointers(KERNEL, 104)}
        check.expect(None not in named and len(named) >= 3, f"{mode}: the names of kernels are at byte 104: {named}")
        check.expect(capture.facts["dropped"] == 0, f"{mode}: CUPTI dropped nothing")
        check.keep(file)
