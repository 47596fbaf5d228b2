"""Forks of a GPU process: DataLoader with 8 workers, os._exit, exit in a child. Nothing hangs, nothing doubles."""

from collections import Counter

from harness.check import answer_of

SECONDS = 45


def run(check):
    plain = check.python("loader")
    check.figure("plain_seconds", plain.seconds, "s")
    expected_ends = answer_of(plain)["children"]
    check.note(f"without perfagent the forked children end with {expected_ends}")
    for leave, code in (("return", 0), ("os._exit", 5)):
        name = leave.replace(".", "")
        recording = check.record(check.target("loader", "--leave", leave), name=name, code=code)
        answer = answer_of(recording.done)
        check.figure(f"{name}_seconds", recording.done.seconds, "s")
        check.expect(answer["children"] == expected_ends, f"{leave}: forked children end as without us: {answer}")
        kernels = recording.kernels()
        parts = {"add": answer["batches"], "mul": 100}
        for part, expected in parts.items():
            found = sum(part in kernel.name.lower() for kernel in kernels)
            check.figure(f"{name}_{part}", found, f"kernels of {expected}")
            # os._exit ends the process without a last flush: what is younger than one flush may be missing.
            if leave == "return":
                check.expect(found == expected, f"{leave}: {found} {part} kernels recorded of {expected}")
            else:
                check.expect(found <= expected, f"{leave}: no kernel twice")
        processes = recording.rows("SELECT id, pid, name, exit_code, exit_signal FROM processes")
        check.note(f"{leave}: processes: {processes}")
        check.note(f"{leave}: kernels by process: {dict(Counter(kernel.process for kernel in kernels))}")
        check.expect(len({kernel.process for kernel in kernels}) == 1, f"{leave}: only the parent has kernels")
        check.keep(recording.path)
