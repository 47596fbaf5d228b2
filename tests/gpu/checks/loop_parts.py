"""What each part of CUPTI, and what of ours beyond it, costs a loop of launches from Python; all on one processor in turns."""

from harness import libraries
from harness.arm import Arm
from harness.figures import median, median_interval

SECONDS = 75
TIMEOUT = 110
ALONE = True
NEEDS = ("gpu", "torch", "nvcc", "cupti headers")
COUNT = 8_000
ROUNDS = 24
CORE = 5
BASE = "subscribe,stamps,zeroed,buffers"
KINDS = "kernels,copies,waits,overhead,memory,places"
# What CUPTI alone is asked for, by a library that does nothing else. `kindN` is the kind of activity of that number.
PARTS = {
    "subscribed": "subscribe",
    "kernels": f"{BASE},kernels",
    "copies": f"{BASE},kernels,copies",
    "waits": f"{BASE},kernels,waits",
    "overhead": f"{BASE},kernels,overhead",
    "memory": f"{BASE},kernels,kind49",
    "pools": f"{BASE},kernels,kind50",
    "contexts": f"{BASE},kernels,kind9",
    "streams": f"{BASE},kernels,kind37",
    "all": f"{BASE},{KINDS}",
    "no_waits": f"{BASE},kernels,copies,overhead,memory,places",
    # Waits seen by callbacks instead.
    "runtime_watched": f"{BASE},kernels,copies,overhead,memory,places,watch_runtime",
    "driver_watched": f"{BASE},kernels,copies,overhead,memory,places,watch_driver",
    "both_watched": f"{BASE},kernels,copies,overhead,memory,places,watch_runtime,watch_driver,flush",
}


def run(check):
    program = check.nvcc("cost", "-I", libraries.cupti_headers(), "-shared", "-Xcompiler", "-fPIC", "-ldl")
    loop = check.target("loops", "--only", "launch", "--core", CORE)
    arms = {"plain": Arm(check, "plain", loop), "plain_again": Arm(check, "plain_again", loop)}
    for name, parts in PARTS.items():
        env = {
            "CUDA_INJECTION64_PATH": program,
            "COST_CUPTI": libraries.cupti_library(),
            "COST_PARTS": parts,
        }
        arms[name] = Arm(check, name, loop, env)
    record = [check.program("perfagent"), "record", "-f", "-o"]
    ours = {"perfagent": [], "seldom_sampled": ["--sample-hz", "0.1"]}
    for name, options in ours.items():
        arms[name] = Arm(check, name, [*record, check.path(f"{name}.perfdb"), *options, "--", *loop])
    for name, arm in list(arms.items()):
        try:
            check.figure(f"{name}_ready", arm.answer(60)["seconds"], "s")
            arm.ask(loop="launch", count=COUNT)
        except RuntimeError as error:
            check.note(f"{name} has left: {error}")
            arms.pop(name).child.kill()
    measure(check, arms)
    for name, arm in arms.items():
        code = arm.finish()
        check.expect(code == 0, f"{name}: ends in order, exit code {code}")
        if arm_said := said(check, name):
            check.note(f"{name}: {arm_said}")


def said(check, name):
    return check.path(f"{name}.err").read_text(errors="replace").strip()[-300:]


def measure(check, arms):
    names = list(arms)
    times = {name: [] for name in names}
    for turn in range(ROUNDS):
        if check.seconds_left() < 15:
            check.note(f"only {turn} of {ROUNDS} rounds: the time is up")
            break
        at = turn * 5 % len(names)
        for name in names[at:] + names[:at]:
            times[name].append(arms[name].ask(loop="launch", count=COUNT)["seconds"])
    for name, values in times.items():
        extra = [(own - plain) / COUNT * 1e9 for own, plain in zip(values, times["plain"])]
        check.figure(f"{name}_ns", median(values) / COUNT * 1e9, "ns a launch, median of rounds")
        check.figure(f"{name}_least_ns", min(values) / COUNT * 1e9, "ns a launch, the fastest round")
        check.figure(f"{name}_extra_ns", median(extra), "ns a launch more than plain, median of rounds")
        check.figure(f"{name}_extra_interval", median_interval(extra), "95 % interval of the median")
    if "perfagent" in times:
        ratios = [own / plain for own, plain in zip(times["perfagent"], times["plain"])]
        check.figure("perfagent_ratio", median(ratios), "of plain, median of rounds")
