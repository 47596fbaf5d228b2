"""CUDA graphs: nodes times replays are recorded as kernels of one graph."""

from collections import Counter

from harness.check import answer_of
from harness.recording import within

SECONDS = 35
NODES, REPLAYS = 50, 200


def run(check):
    command = check.target("graphs", "--nodes", NODES, "--replays", REPLAYS)
    recording = check.record(command)
    answer_of(recording.done)
    spans = recording.ranges("replays")
    if check.expect(len(spans) == 1, "the range of the replays is recorded"):
        inside = within(recording.kernels(), spans[0])
        check.figure("kernels", len(inside), f"of {NODES * REPLAYS}")
        check.expect(len(inside) == NODES * REPLAYS, f"{len(inside)} kernels recorded of {NODES} x {REPLAYS}")
        graphs = Counter(kernel.graph for kernel in inside)
        check.note(f"graphs: {dict(graphs)}")
        check.expect(len(graphs) == 1 and None not in graphs, "all belong to one graph")
        nodes = recording.rows("SELECT count(DISTINCT graph_node) FROM kernels WHERE graph IS NOT NULL")[0][0]
        check.figure("distinct_nodes", nodes, "count")
        check.expect(nodes == NODES, f"{nodes} nodes of {NODES}")
        launches = len({kernel.correlation for kernel in inside})
        check.figure("distinct_correlations", launches, f"of {REPLAYS} launches")
    check.expect(not recording.losses(), "nothing is lost")
    check.keep(recording.path)
    if "--cuda-graphs" in check.perfagent("record", "--help").stdout:
        for mode in ("graph", "auto"):
            other = check.record(command, name=mode, options=("--cuda-graphs", mode))
            check.figure(f"{mode}_kernels", other.count("kernels"), "count")
            check.keep(other.path)
