"""perfagent-bench gpt on the GPU in fp32 and bf16: it trains, is recorded, and its steps agree with its own clock."""

import json
import re
import shutil

from harness import corpus, libraries
from harness.figures import median

SECONDS = 40
TIMEOUT = 150
STEPS = 20


def run(check):
    program = check.program("perfagent-bench")
    env = {**libraries.loader_environment(), "XDG_CACHE_HOME": check.path("cache")}
    if shutil.which("ldd"):
        loaded = check.run(["ldd", program], env=env)
        lost = re.findall(r"(\S+) => not found", loaded.stdout)
        check.expect(not lost, f"the loader finds all libraries: {lost}")
        check.note(f"ldd: {loaded.stdout.strip()[-2500:]}{loaded.stderr.strip()[-500:]}")
    check.succeeded(check.run([program, "list"], env=env))
    data = corpus.write(check.path("text"))
    for precision in ("fp32", "bf16"):
        try:
            one(check, program, env, data, precision)
        except (RuntimeError, KeyError, OSError, ValueError) as error:
            check.expect(False, f"{precision}: {type(error).__name__}: {error}")


def one(check, program, env, data, precision):
    result = check.path(f"{precision}.json")
    command = [program, "gpt", "--preset", "micro", "--device", "cuda", "--precision", precision, "--steps", STEPS]
    command += ["--data", data, "--json", result, "--quiet"]
    plain = check.succeeded(check.run(command, env=env, timeout=60))
    check.note(f"{precision}, not recorded: {plain.stdout.strip()}")
    alone = json.loads(result.read_text())
    recording = check.record(command, name=precision, env=env, timeout=60)
    document = json.loads(result.read_text())
    check.note(f"{precision}, recorded: {recording.done.stdout.strip()}")
    check.expect(document["device"] == "cuda", f"{precision}: it computed on the GPU")
    check.expect(document["losses"][-1] < document["losses"][0], f"{precision}: it learns: {document['losses']}")
    check.figure(f"{precision}_step_p50_plain", alone["step_p50_ns"], "ns")
    check.figure(f"{precision}_step_p50_recorded", document["step_p50_ns"], "ns")
    check.figure(f"{precision}_tokens_per_s", document["tokens_per_s"], "tokens/s")
    check.figure(f"{precision}_mfu", document["mfu_pct"], "%")
    check.figure(f"{precision}_peak", document["peak_tflops"], "TFLOP/s")

    ours = [span.end - span.start for span in recording.ranges("step")]
    its = document["ranks"][0]["step_ns"]
    check.expect(len(ours) == len(its) == STEPS, f"{precision}: {len(ours)} steps recorded, {len(its)} made")
    ratios = [a / b for a, b in zip(ours, its)]
    check.figure(f"{precision}_step_ratio_median", median(ratios), "recorded / own clock")
    check.expect(ratios and abs(median(ratios) - 1) < 0.05, f"{precision}: steps agree with its own clock to 5 %")
    check.figure(f"{precision}_kernels", recording.count("kernels"), "count")
    check.figure(f"{precision}_operators", recording.count("operators"), "count")
    check.expect(recording.count("kernels") > STEPS, f"{precision}: kernels are recorded")
    check.expect(recording.count("operators") > STEPS, f"{precision}: operators are recorded")
    check.keep(recording.path)
    check.keep(result)
    report = check.perfagent("report", recording.path, "--json")
    check.expect(report.code == 0, f"{precision}: perfagent report: {report.stderr.strip()[-300:]}")
    check.path(f"{precision}.report.json").write_text(report.stdout)
    check.keep(check.path(f"{precision}.report.json"))
