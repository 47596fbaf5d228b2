"""perfagent-bench over NCCL, two ranks on the one GPU: every way to share the work has the losses of one process; a killed rank ends both."""

import json
import os
import signal
import subprocess
import time

from harness import corpus, libraries

SECONDS = 150
TIMEOUT = 400
ALONE = True
STEPS = 20
# Sums of fp32 in another order; on processors 2e-7 has been seen, on GPUs products of other shapes have other kernels.
MARGIN = 1e-4
MODEL = ["--layers", 2, "--hidden", 64, "--heads", 4, "--seq", 64, "--vocab", 512, "--precision", "fp32", "--peak-tflops", 1]
WAYS = {
    "replicas": ["--micro-batch", 4],
    "zero1": ["--micro-batch", 4, "--zero", 1],
    "zero2": ["--micro-batch", 4, "--zero", 2],
    "zero3": ["--micro-batch", 4, "--zero", 3],
    "tensor": ["--micro-batch", 8, "--tp", 2],
    "sequence": ["--micro-batch", 8, "--tp", 2, "--sequence-parallel"],
    "pipeline": ["--micro-batch", 2, "--accumulate", 4, "--pp", 2],
}


def run(check):
    library = os.environ.get("PERFAGENT_GPU_NCCL")
    if not library:
        check.skip("PERFAGENT_GPU_NCCL names no libnccl.so.2 of 2.30.3 or newer: older ones take one rank a GPU")
    env = {**libraries.loader_environment(), "XDG_CACHE_HOME": check.path("cache")}
    env.update({"PERFAGENT_NCCL": library, "LD_PRELOAD": library, "NCCL_MULTI_RANK_GPU_ENABLE": "1", "NCCL_DEBUG": "WARN"})
    data = corpus.write(check.path("text"))
    for model, ways in (("gpt", list(WAYS)), ("llama", ["zero3", "sequence", "pipeline"])):
        start = [check.program("perfagent-bench"), model, *MODEL, "--device", "cuda", "--quiet", "--data", data, "--steps", STEPS]
        alone = trained(check, start, env, f"{model}_alone", ["--micro-batch", 8])
        for way in ways:
            options = WAYS[way]
            try:
                shared = trained(check, start, env, f"{model}_{way}", [*options, "--nproc", 2])
            except (RuntimeError, KeyError, OSError, ValueError) as error:
                check.expect(False, f"{model} {way}: {type(error).__name__}: {error}")
                continue
            for key in ("losses", "gradient_norms"):
                apart = max(abs(a / b - 1) for a, b in zip(shared[key], alone[key]))
                check.figure(f"{model}_{way}_{key}", apart, "largest relative difference")
                check.expect(apart < MARGIN, f"{model} {way}: {key} are {apart:.1e} from those of one process")
    recorded(check, env, data)
    killed(check, env, data)


def trained(check, start, env, name, options):
    result = check.path(f"{name}.json")
    check.succeeded(check.run([*start, *options, "--json", result], env=env, timeout=60))
    return json.loads(result.read_text())


def recorded(check, env, data):
    command = [check.program("perfagent-bench"), "gpt", *MODEL, "--device", "cuda", "--quiet", "--data", data]
    command += ["--steps", 6, "--micro-batch", 4, "--zero", 3, "--nproc", 2]
    recording = check.record(command, name="zero3_recorded", env=env, timeout=90)
    rows = recording.rows("SELECT source.value, count(*) FROM collectives JOIN strings AS source ON source.id = source_id GROUP BY 1")
    check.note(f"collectives by what told of them: {rows}")
    check.expect(any(row[0] == "nccl" and row[1] > 0 for row in rows), "NCCL's collectives are recorded")
    check.keep(recording.path)


def killed(check, env, data):
    command = [check.program("perfagent-bench"), "gpt", *MODEL, "--device", "cuda", "--quiet", "--data", data]
    command += ["--steps", 100000, "--micro-batch", 4, "--nproc", 2, "--timeout", 10]
    words = [str(word) for word in command]
    child = subprocess.Popen(words, env={**os.environ, **{k: str(v) for k, v in env.items()}}, stderr=subprocess.PIPE, text=True)
    time.sleep(12)
    listed = subprocess.run(["pgrep", "-P", str(child.pid)], capture_output=True, text=True, check=False)
    ranks = [int(pid) for pid in listed.stdout.split()]
    if len(ranks) != 2:
        child.kill()
        check.expect(False, f"two ranks run: {ranks}")
        return
    os.kill(ranks[1], signal.SIGKILL)
    begun = time.monotonic()
    try:
        _, said = child.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        child.kill()
        check.expect(False, "a killed rank ends the others within the time-out")
        return
    check.figure("seconds_after_a_kill", time.monotonic() - begun, "s")
    check.expect(child.returncode == 1, f"exit code {child.returncode}: {said.strip()[-400:]}")
