"""--api: each kernel and copy has the call that made it; muted calls are absent; what it costs is seen in launches."""

from harness.check import answer_of

SECONDS = 30
COUNT = 1000
JOINED = """
    SELECT count(*), sum(api_calls.id IS NOT NULL), sum(api_calls.start_ns <= kernels.start_ns)
    FROM kernels LEFT JOIN api_calls ON api_calls.process_id = kernels.process_id
    AND api_calls.correlation = kernels.correlation
"""


def run(check):
    recording = check.record(check.target("launches", "--count", COUNT), options=("--api",))
    answer_of(recording.done)
    kernels, joined, ordered = recording.rows(JOINED)[0]
    check.figure("kernels", kernels, "count")
    check.figure("with_their_call", joined, "count")
    check.expect(kernels >= 4 * COUNT and joined == kernels, f"{joined} of {kernels} kernels have the call that made them")
    check.expect(ordered == joined, f"no kernel starts before its call: {ordered} of {joined}")
    names = recording.rows(
        "SELECT value, count(*) FROM api_calls JOIN strings ON strings.id = name_id GROUP BY value ORDER BY 2 DESC LIMIT 40"
    )
    check.note(f"calls: {names}")
    check.expect(all(name != "cudaGetDevice" for name, _ in names), "calls that only ask are muted")
    waits = recording.rows("SELECT kind, count(*) FROM synchronizations GROUP BY kind")
    check.note(f"waits: {waits}; overheads: {recording.rows('SELECT value, count(*) FROM overheads JOIN strings ON strings.id = kind_id GROUP BY value')}")
    check.expect(waits, "waits for the GPU are recorded")
    check.keep(recording.path)
