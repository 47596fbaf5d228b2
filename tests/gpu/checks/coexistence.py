"""torch.profiler inside a recorded process: who gets which kernels, and whether the recording says so."""

from harness import trace
from harness.check import answer_of
from harness.recording import within

SECONDS = 45
COUNT = 2000


def run(check):
    # Without us, for comparison; with us; with us but without CUPTI.
    file = check.path("alone.trace.json.gz")
    check.python("profiled", "--count", COUNT, "--trace", file)
    traced("alone", check, file)
    one(check, "both", {})
    one(check, "cupti_left_alone", {"PERFAGENT_CUPTI": "0"})


def one(check, name, env):
    file = check.path(f"{name}.trace.json.gz")
    # PERFAGENT_DEBUG: the library says on standard error why it does not record.
    env = {**env, "PERFAGENT_DEBUG": "1"}
    recording = check.record(check.target("profiled", "--count", COUNT, "--trace", file), name=name, env=env)
    answer = answer_of(recording.done)
    check.note(f"{name}: torch.profiler raised {answer['error']}")
    check.note(f"{name}: standard error: {recording.done.stderr.strip()[-1500:]}")
    missing = 0
    kernels = recording.kernels()
    check.figure(f"{name}_kernels", len(kernels), "count")
    for part in ("before", "during", "after"):
        spans = recording.ranges(part)
        if check.expect(len(spans) == 1, f"{name}: the range {part} is recorded"):
            found = len(within(kernels, spans[0]))
            check.figure(f"{name}_{part}", found, f"kernels of {COUNT}")
            missing += COUNT - found
            if part == "before" and not env.get("PERFAGENT_CUPTI"):
                check.expect(found == COUNT, f"{name}: {found} kernels recorded of {COUNT} before torch.profiler starts")
    told = recording.losses() or recording.notes()
    check.expect(missing == 0 or told, f"{name}: {missing} kernels are missing, and the recording says nothing of it")
    check.expect(missing >= 0, f"{name}: no kernel is recorded twice")
    traced(name, check, file)
    check.keep(recording.path)


def traced(name, check, file):
    if not file.is_file():
        return check.note(f"{name}: no trace of torch.profiler")
    count = sum("add" in kernel.name.lower() for kernel in trace.kernels(trace.read(file)))
    check.figure(f"{name}_torch_profiler", count, f"kernels of {COUNT}")
    return check.keep(file)
