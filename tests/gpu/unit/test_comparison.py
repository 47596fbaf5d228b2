import gzip
import json
import tempfile
import unittest
from collections import namedtuple
from pathlib import Path

from harness import trace
from harness.comparison import compare

Kernel = namedtuple("Kernel", "name start end")


class Compared(unittest.TestCase):
    def test_names_must_be_equal_to_the_letter(self):
        ours = [Kernel("void f<2ul>()", 0, 5), Kernel("void g<(unsigned long)2>()", 6, 9)]
        theirs = [Kernel("void f<2ul>()", 0, 4), Kernel("void g<2ul>()", 6, 9)]
        found = compare(ours, theirs)
        self.assertEqual((len(found.pairs), len(found.only_left), found.differing_order), (1, 1, 1))

    def test_what_one_side_lacks_is_named(self):
        ours = [Kernel("a", 0, 1), Kernel("b", 1, 2), Kernel("a", 2, 3)]
        theirs = [Kernel("a", 0, 1), Kernel("c", 1, 2)]
        found = compare(ours, theirs)
        self.assertEqual([kernel.name for kernel in found.only_left], ["b", "a"])
        self.assertEqual([kernel.name for kernel in found.only_right], ["c"])
        self.assertEqual(found.differing_order, 1)

    def test_the_kth_kernel_meets_the_kth_of_its_name(self):
        ours = [Kernel("a", 0, 1), Kernel("b", 1, 9), Kernel("a", 9, 12)]
        theirs = [Kernel("b", 0, 8), Kernel("a", 8, 9), Kernel("a", 9, 13)]
        pairs = [(a.end - a.start, b.end - b.start) for a, b in compare(ours, theirs).pairs]
        self.assertEqual(sorted(pairs), [(1, 1), (3, 4), (8, 8)])


class Traced(unittest.TestCase):
    EVENTS = [
        {"ph": "X", "cat": "kernel", "name": "late", "ts": 20.5, "dur": 1.25, "args": {"stream": 7, "correlation": 3}},
        {"ph": "X", "cat": "kernel", "name": "early", "ts": 10.0, "dur": 2, "args": {"stream": 7}},
        {"ph": "X", "cat": "gpu_memcpy", "name": "Memcpy HtoD", "ts": 1, "dur": 1, "args": {"bytes": 64}},
        {"ph": "X", "cat": "cpu_op", "name": "aten::add", "ts": 0, "dur": 1},
        {"ph": "X", "cat": "gpu_user_annotation", "name": "step", "ts": 0, "dur": 100, "args": {"stream": 7}},
        {"ph": "f", "cat": "ac2g", "name": "ac2g", "ts": 0},
    ]

    def test_only_operations_of_the_gpu_are_taken_in_order(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "trace.json.gz"
            with gzip.open(path, "wt") as file:
                json.dump({"traceEvents": self.EVENTS}, file)
            document = trace.read(path)
        self.assertEqual([kernel.name for kernel in trace.kernels(document)], ["early", "late"])
        late = trace.kernels(document)[1]
        self.assertEqual((late.start, late.end, late.stream, late.correlation), (20_500, 21_750, 7, 3))
        self.assertEqual([operation.bytes for operation in trace.operations(document)], [64, None, None])
