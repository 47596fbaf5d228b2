"""--capture-range: only the kernels of the range are recorded, or of cudaProfilerStart to cudaProfilerStop."""

from collections import Counter

from harness.check import answer_of

SECONDS = 40


def run(check):
    for range_, part, times in (("wanted", "add", 5), ("cudaProfilerApi", "mul", 1)):
        recording = check.record(check.target("captured"), name=range_, options=("--capture-range", range_))
        expected = answer_of(recording.done)["count"] * times
        found = Counter()
        for kernel in recording.kernels():
            name = kernel.name.lower()
            found[next((part for part in ("add", "mul", "fill") if part in name), name)] += 1
        check.note(f"{range_}: {dict(found)}")
        check.figure(f"{range_}_kernels", found[part], f"of {expected}")
        check.expect(found[part] == expected, f"{range_}: {found[part]} kernels recorded of {expected}")
        others = sum(found.values()) - found[part]
        check.figure(f"{range_}_outside", others, "kernels from outside of the range")
        check.expect(others == 0, f"{range_}: {others} kernels from outside of it")
        check.expect(not recording.losses(), f"{range_}: nothing is lost")
        check.keep(recording.path)
