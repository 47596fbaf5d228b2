"""perfagent health beside nvidia-smi -q -x: where both tell the same, they agree."""

import json
import shutil

from harness.smi import Answer

SECONDS = 40
# What no two looks a moment apart need to agree on.
TOLERANCE_C = 8


def run(check):
    if shutil.which("nvidia-smi") is None:
        check.skip("no nvidia-smi")
    done = check.perfagent("health", "--json", "--timeout", "20")
    check.figure("seconds", done.seconds, "s")
    check.expect(done.code in (0, 1, 3), f"exit code {done.code}: {done.stderr.strip()[-300:]}")
    short = check.perfagent("health", "--json")
    check.figure("seconds_by_default", short.seconds, "s")
    check.expect(short.seconds < 5, f"a run with the usual limit takes {short.seconds:.1f} s of at most 5")
    smi = check.succeeded(check.run(["nvidia-smi", "-q", "-x"]))
    for name, text in (("health.json", done.stdout), ("nvidia-smi.xml", smi.stdout)):
        path = check.path(name)
        path.write_text(text)
        check.keep(path)
    agree(check, json.loads(done.stdout), Answer(smi.stdout))


def agree(check, document, answer):
    """States where the two differ, and what only one of them tells."""
    checks = {(item["name"], item["target"]): item for item in document["checks"]}

    def of(name, target):
        return checks.get((name, target), {})

    gpus = document["gpus"]
    check.expect(len(gpus) == len(answer.gpus), f"{len(gpus)} GPUs, nvidia-smi shows {len(answer.gpus)}")
    check.expect(
        of("nvidia_driver", "host").get("value") == answer.driver,
        f"driver {of('nvidia_driver', 'host').get('value')}, nvidia-smi says {answer.driver}",
    )
    check.expect(of("driver_library", "host").get("status") in ("ok", "unknown"), "the library is the driver's")
    by_bus = {gpu.bus(): gpu for gpu in answer.gpus}
    for gpu in gpus:
        target = f"GPU {gpu['index']}"
        theirs = by_bus.get(gpu["pci"])
        if not check.expect(theirs is not None, f"{target} is at {gpu['pci']}, of {sorted(by_bus)}"):
            continue
        names = sorted(name for name, of_target in checks if of_target == target)
        statuses = {name: of(name, target)["status"] for name in names}
        check.note(f"{target}: {statuses}")
        check.figure(f"unknown_of_gpu_{gpu['index']}", list(statuses.values()).count("unknown"), "checks")
        for what, mine, their in compared(gpu, theirs, lambda name, target=target: of(name, target)):
            if mine is None or their is None:
                check.note(f"{target}: {what}: {mine} here, {their} in nvidia-smi")
            else:
                near = isinstance(mine, (int, float)) and "°C" in what and abs(mine - their) <= TOLERANCE_C
                check.expect(mine == their or near, f"{target}: {what}: {mine} here, {their} in nvidia-smi")


def compared(gpu, theirs, of):
    """What both tell: a name, the value here, the value there."""

    def value(name):
        found = of(name)
        return found.get("value") if found.get("status") in ("ok", "warning", "critical") else None

    def status(name, flagged):
        """Whether a check says that something is wrong, as a flag of theirs."""
        found = of(name).get("status")
        return None if found in (None, "unknown") else found in flagged

    yield "name", gpu["name"], theirs.text("product_name")
    yield "UUID", gpu["uuid"], theirs.text("uuid")
    yield "VBIOS", gpu["vbios"], theirs.text("vbios_version")
    yield "persistence off", status("gpu_persistence", ("warning",)), invert(theirs.flag("persistence_mode"))
    ecc = value("gpu_ecc_mode")
    yield "ECC", None if ecc is None else ecc == "on", theirs.flag("ecc_mode/current_ecc")
    mig = value("gpu_mig_mode")
    yield "MIG", None if mig is None else mig == "on", theirs.flag("mig_mode/current_mig")
    yield "compute mode", value("gpu_compute_mode"), lower(theirs.text("compute_mode"))
    yield "temperature, °C", value("gpu_temperature"), theirs.number("temperature/gpu_temp")
    yield "memory, °C", value("gpu_memory_temperature"), theirs.number("temperature/memory_temp")
    yield (
        "margin, °C",
        value("gpu_temperature_margin"),
        theirs.number("temperature/gpu_temp_tlimit", "temperature/gpu_temp_t_limit"),
    )
    yield "lanes", value("gpu_pcie_width"), theirs.number("pci/pci_gpu_link_info/link_widths/current_link_width")
    yield "replays", value("gpu_pcie_replays"), theirs.number("pci/replay_counter")
    yield (
        "row to be replaced",
        {"pending": True, "none pending": False}.get(value("gpu_row_remapping")),
        theirs.flag("remapped_rows/remapped_row_pending"),
    )
    yield (
        "row that could not be replaced",
        {"failed": True, "none pending": False, "pending": False}.get(value("gpu_row_remapping")),
        theirs.flag("remapped_rows/remapped_row_failure"),
    )
    yield (
        "banks with one spare row",
        value("gpu_row_reserve"),
        theirs.number("remapped_rows/row_remapper_histogram/row_remapper_histogram_low"),
    )
    # Before the wording of the driver changed, the element had another name.
    yield "fabric", value("gpu_fabric"), lower(theirs.text("fabric/state"))
    yield "recovery", value("gpu_recovery_action"), lower(theirs.text("gpu_recovery_action"))
    reasons = value("gpu_throttle") or ""
    for word, element in (
        ("power brake", "hw_power_brake_slowdown"),
        ("hardware thermal slowdown", "hw_thermal_slowdown"),
    ):
        flag = theirs.flag(
            f"clocks_event_reasons/clocks_event_reason_{element}",
            f"clocks_throttle_reasons/clocks_throttle_reason_{element}",
        )
        yield word, (word in reasons) if reasons else None, flag


def invert(flag):
    return None if flag is None else not flag


def lower(text):
    return None if text is None else text.lower()
