"""perfagent health --active: a sound GPU passes, and what it reaches is kept."""

import json

from harness import libraries

SECONDS = 140
# Those that load a device; all others are the check `health`.
LOADED = (
    "memory_pattern",
    "memory_bandwidth",
    "matrix_product_",
    "multiply_add_",
    "host_to_device",
    "device_to_host",
    "peer_to_peer",
    "all_reduce",
    "training_checksum",
    "training_step",
    "sustained_clocks",
)


def run(check):
    command = ["health", "--active", "--json", "--budget", "110", "--timeout", "20"]
    done = check.perfagent(*command, env=libraries.loader_environment(), timeout=135)
    check.figure("seconds", done.seconds, "s")
    if not check.expect(done.code in (0, 1, 3), f"exit code {done.code}: {done.stderr.strip()[-300:]}"):
        return
    path = check.path("active.json")
    path.write_text(done.stdout)
    check.keep(path)
    judge(check, json.loads(done.stdout))


def judge(check, document):
    """A sound GPU has no finding, and every part was done."""
    found = [item for item in document["checks"] if item["name"].startswith(LOADED)]
    for name in ("memory_pattern", "memory_bandwidth", "training_checksum", "training_step"):
        check.expect(any(item["name"] == name for item in found), f"{name} was looked at")
    for item in found:
        where = f"{item['target']}, {item['name']}: {item['detail']}"
        # What nothing is stated for is unknown without weight.
        fine = item["status"] == "ok" or (item["status"] == "unknown" and item["severity"] == "none")
        check.expect(fine, where)
        check.note(where)
        if isinstance(item["value"], (int, float)):
            check.figure(f"{item['target']} {item['name']}".lower().replace(" ", "_"), item["value"], item["unit"] or "")
