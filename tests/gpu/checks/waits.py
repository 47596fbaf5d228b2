"""Waits for the GPU: each kind once, by the stream that the kernel before it ran in, as long as that ran."""

from harness.check import answer_of
from harness.recording import within

SECONDS = 20
# What each range of the target waits for, and whether the host does.
KINDS = {
    "device": ("context", True),
    "stream": ("stream", True),
    "event": ("event", True),
    "stream_event": ("stream-event", False),
    "null_stream": ("stream", True),
}
ROWS = """
    SELECT start_ns, end_ns, kind, stream, event, correlation, recorded_by, recorded_on
    FROM synchronizations ORDER BY start_ns
"""


def run(check):
    for name, options in (("run", ()), ("api", ("--api",))):
        recording = check.record(check.target("waits"), name=name, options=options)
        answer_of(recording.done)
        check.expect(not recording.losses(), f"{name}: nothing is lost: {recording.losses()}")
        rows = recording.rows(ROWS)
        for part, (kind, of_host) in KINDS.items():
            one(check, f"{name}: {part}", recording, rows, part, kind, of_host)
        span = recording.ranges("query")[0]
        queries = [row for row in rows if span.start <= row[0] <= span.end]
        check.expect(not queries, f"{name}: queries are no waits: {len(queries)}")
        check.keep(recording.path)


def one(check, name, recording, rows, part, kind, of_host):
    span = recording.ranges(part)[0]
    kernels = within(recording.kernels(), span) if of_host else recording.kernels()
    found = [row for row in rows if span.start <= row[0] <= span.end]
    if not check.expect([row[2] for row in found] == [kind], f"{name}: {found}"):
        return
    start, end, _, stream, event, correlation, recorded_by, recorded_on = found[0]
    numbers = dict(recording.rows("SELECT id, stream FROM streams"))
    ran_in = [numbers[kernel.stream] for kernel in kernels if span.start <= kernel.start]
    check.note(f"{name}: {found[0]}, kernels in {ran_in[:2]}, joined to {correlation}")
    if of_host:
        check.expect(len(kernels) == 1, f"{name}: one kernel within, not {len(kernels)}")
        late = end - kernels[0].end
        check.figure(f"{part}_after_kernel", late, "ns from the kernel's end to the wait's")
        check.expect(0 <= late < 1_000_000, f"{name}: the wait ends after the kernel, by {late} ns")
        check.expect(start < kernels[0].end, f"{name}: it begins while the kernel runs")
    if kind == "stream":
        check.expect(stream == ran_in[0], f"{name}: stream {stream}, the kernel's {ran_in[:1]}")
    if kind in ("event", "stream-event"):
        check.expect(recorded_on == ran_in[0], f"{name}: recorded on {recorded_on}, the kernel ran in {ran_in[:1]}")
        check.expect(event and recorded_by, f"{name}: event {event} recorded by {recorded_by}")
    if kind == "stream-event":
        check.expect(stream == ran_in[1], f"{name}: stream {stream} waits, of {ran_in[:2]}")
    if name.startswith("api"):
        counted = "SELECT count(*) FROM api_calls WHERE correlation = ?"
        calls = recording.rows(counted, correlation)[0][0]
        check.expect(calls == 1, f"{name}: joined to {calls} calls")
        if recorded_by:
            calls = recording.rows(counted, recorded_by)[0][0]
            check.expect(calls == 1, f"{name}: recorded by {calls} calls")
