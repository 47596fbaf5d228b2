"""Training steps of perfagent-bench beside the same model in eager PyTorch: the same shapes, batch and libtorch, in turns."""

import json

from harness import corpus, libraries
from harness.figures import median

SECONDS = 200
TIMEOUT = 480
ALONE = True
STEPS = 15
ROUNDS = 3
RUNS = [
    ("gpt", "gpt2-124m", "bf16", 8),
    ("gpt", "gpt2-124m", "tf32", 8),
    ("llama", "mini", "bf16", 32),
    ("gpt", "gpt2-124m", "fp32", 8),
]


def run(check):
    env = {**libraries.loader_environment(), "XDG_CACHE_HOME": check.path("cache")}
    data = corpus.write(check.path("text"))
    for model, preset, precision, batch in RUNS:
        name = f"{model}_{preset}_{precision}"
        if check.seconds_left() < 45:
            check.note(f"{name} is left out: the time is up")
            continue
        result = check.path(f"{name}.json")
        command = [check.program("perfagent-bench"), model, "--preset", preset, "--precision", precision]
        command += ["--micro-batch", batch, "--device", "cuda", "--steps", STEPS, "--data", data, "--json", result, "--quiet"]
        try:
            ratios = [one(check, command, env, result) for _ in range(ROUNDS)]
        except (RuntimeError, KeyError, OSError, ValueError) as error:
            check.expect(False, f"{name}: {type(error).__name__}: {error}")
            continue
        check.keep(result)
        check.note(f"{name}: step time by PyTorch's, round by round: {ratios}")
        check.figure(f"{name}_step_by_pytorch", median(ratios), "ratio")
        check.expect(median(ratios) <= 1.0, f"{name}: not slower than eager PyTorch: {median(ratios):.3f} times its step")


def one(check, command, env, result):
    check.succeeded(check.run(command, env=env, timeout=90))
    ours = json.loads(result.read_text())["ranks"][0]["step_ns"]
    theirs = check.succeeded(check.run(check.target("eager", result), timeout=120))
    return steady(ours) / steady(json.loads(theirs.stdout.splitlines()[-1]))


def steady(times):
    return median(times[2:])
