"""A CUDA program without torch, its runtime linked statically: kernels by number, grid, block and shared memory."""

import json

from harness import libraries
from harness.check import answer_of

SECONDS = 25
NEEDS = ("gpu", "nvcc")
# name -> grid, block, dynamic shared bytes
SHAPES = {
    "alpha": ((3, 1, 1), (64, 1, 1), 0),
    "beta": ((2, 5, 1), (128, 1, 1), 512),
    "gamma_of": ((1, 1, 1), (32, 1, 1), 0),
}


def run(check):
    program = check.nvcc("launches")
    # Nothing of CUPTI is in the process or on the library path: what does the agent find, and say?
    bare = check.record([program], name="bare", env={"PERFAGENT_DEBUG": "1"})
    check.figure("bare_kernels", bare.count("kernels"), "count")
    check.note(f"without a library path: {bare.done.stderr.strip()[-800:]}")
    told = bare.losses() or bare.notes()
    check.expect(bare.count("kernels") or told, "without libcupti the recording says that GPU operations are missing")

    recording = check.record([program], env={**libraries.loader_environment(), "PERFAGENT_DEBUG": "1"})
    check.note(f"with one: {recording.done.stderr.strip()[-800:]}")
    answer = answer_of(recording.done)
    check.note(json.dumps(answer))
    kernels = recording.kernels()
    check.figure("kernels", len(kernels), "count")
    for name, (grid, block, shared) in SHAPES.items():
        found = [kernel for kernel in kernels if name in kernel.name]
        check.expect(len(found) == answer[name], f"{name}: {len(found)} recorded of {answer[name]}")
        check.expect(all(kernel.grid == grid and kernel.block == block for kernel in found), f"{name}: grid and block")
        sizes = recording.rows(
            "SELECT DISTINCT dynamic_shared_bytes, registers FROM kernels JOIN strings ON strings.id = name_id"
            " WHERE instr(value, ?)", name
        )
        check.note(f"{name}: dynamic shared bytes and registers: {sizes}; called {sorted({k.name for k in found})}")
        check.expect(all(size == shared for size, _ in sizes), f"{name}: {shared} bytes of dynamic shared memory")
    streams = {kernel.stream for kernel in kernels}
    check.expect(len(streams) == 3, f"three streams, not {len(streams)}")
    check.expect(not recording.losses(), "nothing is lost")
    check.keep(recording.path)
