"""kill -9 of the target, and of the recorder, at random moments: how much is lost, against the flush interval."""

import os
import random
import signal
import struct
import time
from concurrent.futures import ThreadPoolExecutor

from harness.figures import median
from harness.recording import Recording

SECONDS = 60
TIMEOUT = 150
ALONE = True
# How many trials: with one flush interval and another, and of the recorder's end.
TRIALS = {100: 3, 200: 6}
RECORDER_TRIALS = 3
# Programs that share the GPU take turns on it, which delays what is flushed.
AT_ONCE = 3


def run(check):
    for flush_ms, trials in TRIALS.items():
        trials = [(check, f"target{flush_ms}-{index}", flush_ms, False) for index in range(trials)]
        conclude(check, f"target_{flush_ms}ms", flush_ms, all_of(trials))
    trials = [(check, f"recorder-{index}", 200, True) for index in range(RECORDER_TRIALS)]
    conclude(check, "recorder_200ms", 200, all_of(trials))


def all_of(trials):
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda arguments: trial(*arguments), trials))


def conclude(check, name, flush_ms, found):
    """`found`: (kernels missing, ms without a record before the end) of each trial."""
    check.figure(f"{name}_missing", [missing for missing, _ in found], "kernels")
    check.figure(f"{name}_window", [window for _, window in found], "ms from the last record to the end")
    check.figure(f"{name}_window_median", median([window for _, window in found]), "ms")
    # One interval, and the round of kernels under way.
    allowed = flush_ms + 30
    worst = max(window for _, window in found)
    check.expect(worst <= allowed, f"{name}: at most one flush interval is lost: {worst:.0f} ms of {allowed}")
    # A thousandth: kernels that finished after the count was last written.
    check.expect(min(missing for missing, _ in found) > -40, f"{name}: no kernel is recorded twice")


def trial(check, name, flush_ms, recorder_too):
    """Kills the target, or first the recorder and then the target, after a random time."""
    progress = check.path(f"{name}.progress")
    progress.write_bytes(bytes(24))
    output = check.path(f"{name}.perfdb")
    command = [check.program("perfagent"), "record", "-f", "--flush-ms", flush_ms, "-o", output, "--"]
    with open(check.path(f"{name}.err"), "wb") as errors:
        recorder = check.spawn([*command, *check.target("endless", progress)], stdout=errors, stderr=errors)
    try:
        wait_until(lambda: read(progress)[2] != 0, 60, f"{name}: the target does not start")
        target = read(progress)[2]
        time.sleep(random.uniform(1.0, 3.0))
        if recorder_too:
            recorder.kill()
            recorder.wait()
            # The target goes on, into its ring; a little later it ends as well.
            time.sleep(random.uniform(0.2, 1.0))
        os.kill(target, signal.SIGKILL)
        ended = time.time_ns()
        if recorder_too:
            time.sleep(0.5)
            partial = f"{output}.partial"
            check.succeeded(check.perfagent("recover", partial, "-o", output))
        else:
            recorder.wait(30)
    finally:
        if recorder.poll() is None:
            recorder.kill()
            recorder.wait()
    recording = Recording(output)
    kernels = recording.kernels("Mul") or recording.kernels("mul")
    finished = read(progress)[0]
    last = max((kernel.end for kernel in kernels), default=0)
    # The recording's clock was set to CLOCK_REALTIME when it began.
    window = (ended - last) / 1e6 if last else float(finished)
    return finished - len(kernels), window


def read(progress):
    return struct.unpack("<QQQ", progress.read_bytes())


def wait_until(condition, seconds, complaint):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(complaint)
        time.sleep(0.05)
