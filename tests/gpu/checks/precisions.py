"""perfagent-bench gpt2-124m in every precision: it trains as in fp32, how fast; then micro-batches to the memory's limit."""

import json

from harness import corpus, libraries

SECONDS = 180
TIMEOUT = 480
ALONE = True
STEPS = 12
# Further from the loss of fp32 than this after STEPS steps, a precision is broken. The learning rate is small: with 1e-3 and
# no warm-up the first steps jump about, and formats part ways there by as much as runs of one format.
MARGIN = 0.02
RATE = "1e-4"
PRECISIONS = {
    "fp32": ["--precision", "fp32"],
    "tf32": ["--precision", "tf32"],
    "bf16": ["--precision", "bf16"],
    # From 65536 it would skip the first steps, and lag behind.
    "fp16": ["--precision", "fp16", "--loss-scale", 1024],
    "fp8_tensor": ["--precision", "fp8", "--fp8-scaling", "tensor"],
    "fp8_row": ["--precision", "fp8", "--fp8-scaling", "row"],
}
LARGEST = 512


def run(check):
    env = {**libraries.loader_environment(), "XDG_CACHE_HOME": check.path("cache")}
    data = corpus.write(check.path("text"))
    start = [check.program("perfagent-bench"), "gpt", "--preset", "gpt2-124m", "--device", "cuda", "--quiet", "--data", data]
    losses = {}
    for name, options in PRECISIONS.items():
        try:
            losses[name] = one(check, start, env, name, options)
        except (RuntimeError, KeyError, OSError, ValueError) as error:
            check.expect(False, f"{name}: {type(error).__name__}: {error}")
    for name, loss in losses.items():
        if "fp32" in losses:
            apart = abs(loss / losses["fp32"] - 1)
            check.expect(apart < MARGIN, f"{name}: the loss is {100 * apart:.2f} % from that of fp32")
    to_the_limit(check, start, env)


def one(check, start, env, name, options):
    result = check.path(f"{name}.json")
    command = [*start, *options, "--micro-batch", 8, "--steps", STEPS, "--lr", RATE, "--json", result]
    check.succeeded(check.run(command, env=env, timeout=90))
    document = json.loads(result.read_text())
    check.keep(result)
    rank = document["ranks"][0]
    check.expect(document["losses"][-1] < document["losses"][0], f"{name}: it learns: {document['losses']}")
    check.expect((rank["peak_device_bytes"] or 0) > 1 << 30, f"{name}: its peak of GPU memory is told")
    check.figure(f"{name}_step_p50", document["step_p50_ns"], "ns")
    check.figure(f"{name}_tokens_per_s", document["tokens_per_s"], "tokens/s")
    check.figure(f"{name}_mfu", document["mfu_pct"], "%")
    check.figure(f"{name}_peak_device", rank["peak_device_bytes"], "bytes")
    check.figure(f"{name}_last_loss", document["losses"][-1], "nats")
    return document["losses"][-1]


def to_the_limit(check, start, env):
    size, fits = 16, 8
    while size <= LARGEST:
        result = check.path("limit.json")
        command = [*start, "--precision", "bf16", "--micro-batch", size, "--steps", 3, "--json", result]
        done = check.run(command, env=env, timeout=120)
        if done.code != 0:
            line = done.stderr.strip().splitlines()
            told = len(line) == 1 and "does not fit in memory" in line[0]
            check.expect(done.code == 2 and told, f"micro-batch {size}: exit code {done.code}: {done.stderr.strip()[-400:]}")
            break
        document = json.loads(result.read_text())
        check.figure(f"bf16_micro_batch_{size}_tokens_per_s", document["tokens_per_s"], "tokens/s")
        check.figure(f"bf16_micro_batch_{size}_peak_device", document["ranks"][0]["peak_device_bytes"], "bytes")
        fits, size = size, size * 2
    check.figure("bf16_largest_micro_batch", fits, "sequences")
