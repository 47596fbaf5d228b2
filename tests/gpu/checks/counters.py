"""A trace of torch.profiler with hardware counters of each kernel, for the importer; what came out is for people to read."""

import json

SECONDS = 25
TIMEOUT = 60


def run(check):
    trace = check.path("counters.trace.json")
    done = check.run(check.target("counters", "--trace", trace), timeout=50)
    check.note(f"exit code {done.code}: {done.stderr.strip()[-1500:]}")
    if not check.expect(trace.is_file(), "the trace is written"):
        return
    events = json.loads(trace.read_text())["traceEvents"]
    ranges = [event for event in events if event.get("cat") == "cuda_profiler_range"]
    check.figure("ranges", len(ranges), "events of the category cuda_profiler_range")
    check.note(json.dumps(ranges[:2]))
    check.keep(trace)
