"""Copies and fills: number, direction and bytes as the program made them."""

from collections import Counter

from harness.check import answer_of
from harness.figures import median
from harness.recording import within

SECONDS = 20


def run(check):
    recording = check.record(check.target("copies"))
    answer = answer_of(recording.done)
    copies = recording.copies()
    expected = answer["count"] * answer["bytes"]
    for phase in answer["phases"]:
        spans = recording.ranges(phase)
        if not check.expect(len(spans) == 1, f"the range {phase} is recorded once"):
            continue
        inside = within(copies, spans[0])
        kind = phase.split()[0]
        same = [copy for copy in inside if copy.kind == kind]
        check.note(f"{phase}: {dict(Counter((copy.kind, copy.bytes) for copy in inside))}")
        total = sum(copy.bytes for copy in same)
        # A pageable copy may be split by the driver, so that bytes count and not operations.
        check.expect(total == expected, f"{phase}: {total} bytes recorded of {expected}")
        if "pageable" not in phase:
            check.expect(len(same) == answer["count"], f"{phase}: {len(same)} recorded of {answer['count']}")
        speeds = [copy.bytes / (copy.end - copy.start) for copy in same if copy.end > copy.start]
        check.figure(f"{phase.replace(' ', '_')}_gbps", median(speeds), "GB/s, median of single operations")
    check.expect(not recording.losses(), "nothing is lost")
    check.keep(recording.path)
