"""NVTX ranges, marks and torch's own operators (emit_nvtx) beside kernels."""

from harness.check import answer_of

SECONDS = 20


def run(check):
    recording = check.record(check.target("ranges"))
    rounds = answer_of(recording.done)["rounds"]
    for name in ("main", "second"):
        for kind, depth in (("outer", 0), ("inner", 1)):
            found = recording.ranges(f"{name} {kind}")
            check.expect(len(found) == rounds, f"{name} {kind}: {len(found)} ranges recorded of {rounds}")
            check.expect(all(span.depth == depth and not span.open for span in found), f"{name} {kind}: depth {depth}")
            check.expect(len({span.thread for span in found}) == 1, f"{name} {kind}: one thread")
        handles = recording.ranges(f"{name} handle")
        check.expect(len(handles) == 1, f"{name}: the start/end range is recorded")
        marks = recording.rows(
            "SELECT count(*) FROM marks JOIN strings ON strings.id = name_id WHERE value = ?", f"{name} mark"
        )[0][0]
        check.expect(marks == rounds, f"{name}: {marks} marks recorded of {rounds}")
    threads = {span.thread for span in recording.ranges() if span.name.endswith("inner")}
    check.expect(len(threads) == 2, "the two threads are told apart")
    kernels = recording.kernels("add")
    check.expect(len(kernels) >= 2 * rounds, f"{len(kernels)} kernels recorded of {2 * rounds} and more")
    operators = recording.rows(
        "SELECT value, strings.id FROM operators JOIN strings ON strings.id = name_id ORDER BY start_ns"
    )
    names = [name for name, _ in operators]
    check.note(f"operators of emit_nvtx: {names}")
    check.expect(any("mm" in name for name in names), "the matrix product is among the operators")
    check.keep(recording.path)
