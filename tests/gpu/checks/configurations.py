"""Steps and peak memory of perfagent-bench in many arrangements: what predictions are held against."""

import json

from harness import corpus, libraries

SECONDS = 200
TIMEOUT = 300
ALONE = True
STEPS = 12
# The first of a model is the one that predictions are re-fitted to.
MODELS = {
    "gpt --preset gpt2-124m --precision bf16": [
        "--micro-batch 8",
        "--micro-batch 4",
        "--micro-batch 16",
        "--micro-batch 32",
        "--micro-batch 4 --accumulate 4",
        "--micro-batch 16 --recompute full",
        "--micro-batch 16 --recompute selective",
    ],
    "gpt --preset gpt2-124m --precision tf32": ["--micro-batch 8", "--micro-batch 16"],
    "gpt --preset gpt2-350m --precision bf16": [
        "--micro-batch 4",
        "--micro-batch 8",
        "--micro-batch 8 --recompute full",
    ],
    "llama --preset llama-1b --precision bf16": [
        "--micro-batch 1",
        "--micro-batch 2",
        "--micro-batch 2 --recompute full",
    ],
    "gpt --preset mini --precision bf16": ["--micro-batch 8", "--micro-batch 32", "--micro-batch 32 --recompute full"],
}


def run(check):
    env = {**libraries.loader_environment(), "XDG_CACHE_HOME": check.path("cache")}
    data = corpus.write(check.path("text"))
    runs = []
    for model, arrangements in MODELS.items():
        for options in arrangements:
            if check.seconds_left() < 20:
                check.note(f"{model} {options} is left out: the time is up")
                continue
            try:
                runs.append({"model": model, "options": options, "result": one(check, env, data, model, options)})
            except (RuntimeError, KeyError, OSError, ValueError) as error:
                check.expect(False, f"{model} {options}: {type(error).__name__}: {error}")
    check.expect(runs, "there is a run")
    path = check.path("runs.json")
    path.write_text(json.dumps(runs))
    check.keep(path)
    recorded(check, env, data)


def one(check, env, data, model, options):
    result = check.path("result.json")
    command = [check.program("perfagent-bench"), *model.split(), *options.split(), "--device", "cuda", "--quiet"]
    command += ["--data", data, "--steps", STEPS, "--json", result]
    check.succeeded(check.run(command, env=env, timeout=60))
    document = json.loads(result.read_text())
    name = f"{model} {options}".replace("--", "").replace(" ", "_")
    check.figure(f"{name}_step_p50", document["step_p50_ns"], "ns")
    check.figure(f"{name}_mfu", document["mfu_pct"], "%")
    check.figure(f"{name}_peak_device", document["ranks"][0]["peak_device_bytes"], "bytes")
    return document


def recorded(check, env, data):
    """A recording of the first arrangement, to read back without a GPU."""
    command = [check.program("perfagent-bench"), "gpt", "--preset", "gpt2-124m", "--precision", "bf16", "--micro-batch", 8]
    command += ["--device", "cuda", "--quiet", "--data", data, "--steps", 5]
    recording = check.record(command, name="gpt2", env=env, timeout=60)
    check.expect(recording.count("kernels") > 1000, "kernels of the steps are recorded")
    check.keep(recording.path)
