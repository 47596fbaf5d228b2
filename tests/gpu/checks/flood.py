"""Many kernels a second: what is written and what is counted as lost make up what was launched."""

from harness.check import answer_of

SECONDS = 60
TIMEOUT = 150
ALONE = True


def run(check):
    one(check, "at_200k", 8, "--rate", 200_000)
    one(check, "unlimited", 3)


def one(check, name, seconds, *options):
    plain = answer_of(check.python("flood", "--seconds", 3, *options))
    recording = check.record(check.target("flood", "--seconds", seconds, *options), name=name, timeout=60)
    answer = answer_of(recording.done)
    spans = recording.ranges("flood")
    if not check.expect(len(spans) == 1, f"{name}: the range is recorded"):
        return
    counted = "SELECT count(*) FROM kernels WHERE start_ns >= ? AND end_ns <= ?"
    written = recording.rows(counted, spans[0].start, spans[0].end)[0][0]
    lost = sum(recording.losses().values())
    check.figure(f"{name}_rate_plain", plain["launched"] / plain["seconds"], "kernels/s")
    check.figure(f"{name}_rate", answer["launched"] / answer["seconds"], "kernels/s")
    check.figure(f"{name}_launched", answer["launched"], "kernels")
    check.figure(f"{name}_written", written, "kernels")
    check.figure(f"{name}_lost", lost, "events counted as lost")
    check.note(f"{name}: losses: {recording.losses()}")
    check.expect(written <= answer["launched"], f"{name}: no kernel is recorded twice")
    check.expect(written + lost >= answer["launched"], f"{name}: {written} + {lost} of {answer['launched']}")
    if options:
        check.expect(lost == 0, f"{name}: nothing is lost at this rate")
    for thread, nanoseconds in answer["threads_ns"].items():
        check.figure(f"{name}_{thread}_ns_per_record", nanoseconds / written, "ns of processor time")
        # The writer thread takes records from CUPTI's buffers to the ring.
        if thread == "perfagent":
            text = f"{name}: from buffer to ring: {nanoseconds / written:.0f} ns a record, at most 150"
            check.expect(nanoseconds / written <= 150, text)
    check.figure(f"{name}_recording", recording.path.stat().st_size, "bytes")
    cpu = recording.meta().get("recorder_cpu_ns")
    if cpu and written:
        check.figure(f"{name}_recorder_ns_per_record", int(cpu) / written, "ns of processor time")
    recording.path.unlink()
