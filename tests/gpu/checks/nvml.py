"""What NVML told the recorder over a run, beside what nvidia-smi said meanwhile."""

import shutil
import subprocess

from harness.check import answer_of
from harness.figures import median

SECONDS = 30
ALONE = True
ASKED = "timestamp,utilization.gpu,utilization.memory,memory.used,power.draw,clocks.sm,temperature.gpu,pstate"


def run(check):
    readings = check.path("nvidia-smi.csv")
    watcher = None
    if shutil.which("nvidia-smi"):
        command = ["nvidia-smi", "-i", "0", f"--query-gpu={ASKED}", "--format=csv,nounits", "-lms", "100"]
        if shutil.which("stdbuf"):
            # Line by line: it has no end of its own.
            command = ["stdbuf", "-oL", *command]
        with open(readings, "wb") as file:
            watcher = check.spawn(command, stdout=file, stderr=subprocess.STDOUT)
    try:
        recording = check.record(check.target("load"))
    finally:
        if watcher:
            watcher.terminate()
            watcher.wait(10)
    answer_of(recording.done)
    if watcher:
        check.keep(readings)
        compare(check, readings.read_text().splitlines())
    spans = recording.ranges("busy")
    check.expect(len(spans) == 2, f"{len(spans)} busy ranges recorded of 2")
    counters = recording.counters()
    check.note(f"counters: {[(name, unit, len(samples)) for name, (unit, samples) in sorted(counters.items())]}")
    for name, (unit, samples) in sorted(counters.items()):
        if len(samples) < 2:
            continue
        values = [value for _, value in samples]
        seconds = (samples[-1][0] - samples[0][0]) / 1e9
        check.figure(f"{name}_rate", (len(samples) - 1) / seconds if seconds else None, "samples/s")
        check.figure(f"{name}_range", [min(values), median(values), max(values)], f"{unit}: min, median, max")
        # The later half of each busy range, and the quiet before it.
        during = [v for t, v in samples if any((s.start + s.end) // 2 <= t <= s.end for s in spans)]
        quiet = [v for t, v in samples if any(s.start - 10**9 <= t < s.start for s in spans)]
        check.figure(f"{name}_busy_and_quiet", [median(during), median(quiet)], unit)
        if name in ("power", "gpu_utilization") and during and quiet:
            check.expect(median(during) > median(quiet), f"{name} is higher under load")
    check.expect("power" in counters and "memory_used" in counters, "power and memory are sampled")
    check.keep(recording.path)


def compare(check, lines):
    """The same figures of nvidia-smi."""
    if len(lines) < 3:
        return check.note(f"nvidia-smi: {lines}")
    names = [word.strip() for word in lines[0].split(",")]
    for index, name in enumerate(names):
        values = []
        for line in lines[1:]:
            words = line.split(",")
            try:
                values.append(float(words[index]))
            except (ValueError, IndexError):
                continue
        if values:
            check.figure(f"nvidia_smi_{name}", [min(values), median(values), max(values)], "min, median, max")
    return None
