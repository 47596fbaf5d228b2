"""perfagent tune of a GPT-2 124M on the GPU: from a poor start to a much faster arrangement, its expectations beside what came."""

import json

from harness import corpus, libraries

SECONDS = 110
TIMEOUT = 160
ALONE = True
BUDGET = 7
VARY = ["micro_batch=2,8,16,32,64", "precision=fp32,tf32,bf16", "recompute=full,none"]


def run(check):
    env = {**libraries.loader_environment(), "XDG_CACHE_HOME": check.path("cache")}
    data = corpus.write(check.path("text"))
    ceilings = check.path("ceilings.json")
    measured = check.perfagent("ceilings", "--device", "cuda:0", "--quick", "-o", ceilings, env=env, timeout=60)
    check.expect(measured.code == 0, f"ceilings: exit code {measured.code}: {measured.stderr.strip()[-300:]}")
    # The first value of each is where the search begins.
    command = ["tune", "--budget", BUDGET, "--json", "--dir", check.path("tune")]
    command += ["--ceilings", ceilings] if ceilings.is_file() else []
    for values in VARY:
        command += ["--vary", values]
    command += ["--", check.program("perfagent-bench"), "gpt", "--preset", "gpt2-124m", "--device", "cuda", "--quiet"]
    command += ["--data", data, "--steps", 8, "--micro-batch", "{micro_batch}", "--precision", "{precision}"]
    command += ["--recompute", "{recompute}"]
    done = check.perfagent(*map(str, command), env=env, timeout=130)
    check.figure("seconds", done.seconds, "s")
    if not check.expect(done.code == 0, f"exit code {done.code}: {done.stderr.strip()[-800:]}"):
        return
    path = check.path("tune.json")
    path.write_text(done.stdout)
    check.keep(path)
    document = json.loads(done.stdout)
    check.note(done.stdout[-6000:])
    trials = [trial for trial in document["trials"] if trial["status"] == "ok"]
    check.expect(len(trials) >= 3, f"{len(trials)} of {len(document['trials'])} trials were measured")
    check.figure("improvement", document["improvement"], "of the first trial")
    for trial in trials:
        check.figure(f"trial_{trial['number']}", trial["value"], "tokens/s")
