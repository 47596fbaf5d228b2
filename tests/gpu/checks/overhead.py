"""What recording costs: a launch-bound loop, a GPU-bound loop, a GPT-2 124M step; beside torch.profiler."""

import time

from harness.arm import Arm
from harness.figures import median, median_interval
from harness.recording import Recording

SECONDS = 120
TIMEOUT = 240
ALONE = True
LOOPS = {"launch": 20_000, "gpu": 100, "train": 8}
# The goals of the project: a factor for the first, shares for the others.
GOALS = {"launch": 1.25, "gpu": 1.005, "train": 1.02}
ROUNDS = {"launch": 31, "gpu": 41, "train": 21}
# torch.profiler's own start and stop take long: it has a turn in every third round.
PROFILER_EVERY = 3
# All take their turns on one processor: how fast it is differs from one to the next.
CORE = 5


def run(check):
    output = check.path("run.perfdb")
    record = [check.program("perfagent"), "record", "-f", "-o", output, "--"]
    loops = check.target("loops", "--core", CORE)
    arms = {
        "plain": Arm(check, "plain", loops),
        # Another one of the same kind: how far apart two equal programs are.
        "plain_again": Arm(check, "plain_again", loops),
        "perfagent": Arm(check, "perfagent", [*record, *loops]),
        "profiler_cuda": Arm(check, "profiler_cuda", [*loops, "--profile", "cuda"]),
        "profiler_full": Arm(check, "profiler_full", [*loops, "--profile", "full"]),
    }
    for name, arm in arms.items():
        check.figure(f"{name}_ready", arm.answer(120)["seconds"], "s")
    idle = at_rest(arms["perfagent"])
    launched = 0
    for loop, count in LOOPS.items():
        begun, before = time.monotonic(), arms["perfagent"].ask(loop="state")["threads_ns"]
        in_loop = measure(check, arms, loop, count)
        after = arms["perfagent"].ask(loop="state")["threads_ns"]
        launched += in_loop
        if in_loop:
            each_record(check, before, after, idle, time.monotonic() - begun, in_loop)
    states = {name: arms[name].ask(loop="state") for name in ("plain", "perfagent")}
    codes = {name: arm.finish() for name, arm in arms.items()}
    check.expect(not any(codes.values()), f"all programs end in order: {codes}")
    residue(check, states)
    cost_of_a_record(check, states["perfagent"], Recording(output), launched)


def at_rest(arm):
    """Processor time that the agent's threads take while nothing happens, ns a second by thread."""
    before = arm.ask(loop="state")["threads_ns"]
    begun = time.monotonic()
    time.sleep(2)
    after = arm.ask(loop="state")["threads_ns"]
    return {name: (after[name] - before.get(name, 0)) / (time.monotonic() - begun) for name in after}


def each_record(check, before, after, idle, seconds, records):
    """What a record of the launch-bound loop costs the agent's threads, their waking at rest left out."""
    for thread, nanoseconds in after.items():
        busy = nanoseconds - before.get(thread, 0) - idle.get(thread, 0) * seconds
        check.figure(f"{thread}_ns_at_rest", idle.get(thread, 0), "ns of processor time a second")
        check.figure(f"{thread}_ns_a_record", busy / records, "ns of processor time, beyond those at rest")
        # The writer thread takes records from CUPTI's buffers to the ring.
        if thread == "perfagent":
            check.expect(busy / records <= 150, f"from buffer to ring: {busy / records:.0f} ns a record, at most 150")


def ask(check, arms, name, loop, count):
    """One block, or None: without one of the profilers to compare with, the measurement goes on."""
    try:
        return arms[name].ask(loop=loop, count=count)
    except (RuntimeError, OSError) as error:
        if not name.startswith("profiler"):
            raise
        check.note(f"{name} has left: {error}")
        arms.pop(name).child.kill()
        return None


def measure(check, arms, loop, count):
    """Interleaved blocks of one loop. Returns how many one-kernel operations the recorded one has launched."""
    names = list(arms)
    ratios = {name: [] for name in names[1:]}
    times = {name: [] for name in names}
    wholes = {name: [] for name in names}
    blocks = 0
    for name in names:
        ask(check, arms, name, loop, count)
    for turn in range(ROUNDS[loop]):
        if check.seconds_left() < 30:
            check.note(f"{loop}: only {turn} of {ROUNDS[loop]} rounds: the time is up")
            break
        now = {}
        order = names[turn % len(names) :] + names[: turn % len(names)]
        for name in order:
            if name not in arms or name.startswith("profiler") and turn % PROFILER_EVERY:
                continue
            answer = ask(check, arms, name, loop, count)
            if answer is None:
                continue
            now[name] = answer["seconds"]
            wholes[name].append(answer["whole"])
        blocks += 1
        for name, seconds in now.items():
            times[name].append(seconds)
            if name != "plain":
                ratios[name].append(seconds / now["plain"])
    for name in names:
        if times[name]:
            check.figure(f"{loop}_{name}_ms", 1000 * median(times[name]) / count, "ms an iteration, median")
            check.figure(f"{loop}_{name}_whole_s", median(wholes[name]), "s a block, start and stop included, median")
    for name, values in ratios.items():
        if values:
            check.figure(f"{loop}_{name}_ratio", median(values), "of plain, median")
            check.figure(f"{loop}_{name}_interval", median_interval(values), "95 % interval of the median")
            check.figure(f"{loop}_{name}_ratios", values, "of plain, single rounds")
    ours = median(ratios["perfagent"]) if ratios["perfagent"] else None
    if ours is None:
        return 0
    check.expect(ours <= GOALS[loop], f"{loop}: {ours:.4f} of plain, at most {GOALS[loop]}")
    for name in ("profiler_cuda", "profiler_full"):
        if ratios.get(name):
            theirs = median(ratios[name])
            # Where neither costs more than two equal programs differ, nothing can be said of which costs less.
            noise = abs(median(ratios["plain_again"]) - 1)
            text = f"{loop}: {ours:.4f}, {name} {theirs:.4f}, equal programs {noise:.4f} apart: ours costs no more"
            check.expect(ours <= theirs + noise, text)
    if loop == "launch":
        extra = [(a - b) / count * 1e9 for a, b in zip(times["perfagent"], times["plain"])]
        check.figure("launch_thread_ns_per_record", median(extra), "ns, on the launching thread, median of rounds")
        check.figure("launch_thread_ns_per_record_interval", median_interval(extra), "95 % interval of the median")
    return (blocks + 1) * (count + 1) if loop == "launch" else 0


def residue(check, states):
    """What the agent takes of the target's memory."""
    for name, state in states.items():
        for kind, value in state["memory"].items():
            check.figure(f"{name}_{kind}", value, "count" if kind == "Threads" else "bytes")
    own = states["perfagent"]["memory"]["agent_mapped"]
    anonymous = states["perfagent"]["memory"]["RssAnon"] - states["plain"]["memory"]["RssAnon"]
    check.figure("agent_resident", own + anonymous, "bytes: mapped by name, and more anonymous memory than plain")
    check.expect(own + anonymous <= 64 << 20, f"resident memory of the agent: {own + anonymous} bytes, at most 64 MiB")


def cost_of_a_record(check, state, recording, launched):
    """Processor time of the agent's threads for a recorded operation."""
    rows = recording.count("kernels") + recording.count("copies")
    check.figure("recorded_operations", rows, "count")
    check.figure("launched_in_the_launch_loop", launched, "count")
    check.note(f"losses: {recording.losses()}; notes: {recording.notes()}")
    small = 0
    for span in recording.ranges("block launch"):
        counted = "SELECT count(*) FROM kernels WHERE start_ns >= ? AND end_ns <= ?"
        small += recording.rows(counted, span.start, span.end)[0][0]
    lost = sum(recording.losses().values())
    check.figure("recorded_in_the_launch_loop", small, "count")
    check.expect(small + lost >= launched, f"launch loop: {small} recorded + {lost} counted as lost of {launched}")
    if rows:
        for thread, nanoseconds in state["threads_ns"].items():
            check.figure(f"{thread}_ns_per_record", nanoseconds / rows, "ns of processor time")
        recorder = recording.meta().get("recorder_cpu_ns")
        if recorder:
            check.figure("recorder_ns_per_record", int(recorder) / rows, "ns of processor time, sampling included")
