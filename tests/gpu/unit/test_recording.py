import os
import re
import sqlite3
import tempfile
import unittest
from pathlib import Path

from harness.catalogue import HERE
from harness.recording import Range, Recording, within

SCHEMA = HERE.parent.parent / "agent" / "recording" / "SCHEMA.md"


def tables():
    """CREATE TABLE for every table that SCHEMA.md describes."""
    for section in SCHEMA.read_text().split("\n## ")[1:]:
        name = section.splitlines()[0].strip()
        columns = re.findall(r"^\| `(\w+)` \| ([A-Za-z ]+) \|", section, re.MULTILINE)
        if columns:
            own = "" if any(column == "id" for column, _ in columns) else "id INTEGER PRIMARY KEY, "
            kinds = ", ".join(f"{column} {'' if kind == 'any' else kind.split(' NOT')[0]}" for column, kind in columns)
            yield f"CREATE TABLE {name} ({own}{kinds})"


def insert(database, table, **values):
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(values.values()))


@unittest.skipUnless(SCHEMA.is_file(), "the schema's page is not beside the bundle")
class Rows(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        path = Path(self.folder.name) / "a run.perfdb"
        database = sqlite3.connect(path)
        for statement in tables():
            database.execute(statement)
        for number, text in enumerate(["gemm<float>", "add", "step", "torch"], 1):
            insert(database, "strings", id=number, value=text)
        shape = {"grid_x": 3, "grid_y": 1, "grid_z": 1, "block_x": 64, "block_y": 1, "block_z": 1}
        common = {"process_id": 1, "device_id": 1, "stream_id": 2, **shape}
        insert(database, "kernels", start_ns=50, end_ns=70, name_id=2, correlation=8, graph=4, **common)
        insert(database, "kernels", start_ns=10, end_ns=20, name_id=1, correlation=7, **common)
        insert(database, "copies", process_id=1, device_id=1, stream_id=2, start_ns=1, end_ns=2, kind="HtoD", bytes=64)
        insert(database, "ranges", process_id=1, thread_id=1, start_ns=5, end_ns=30, depth=0, domain_id=4,
               category_id=0, name_id=3, payload=7, open=0)
        # In the default domain, which has no name.
        insert(database, "ranges", process_id=1, thread_id=1, start_ns=6, end_ns=9, depth=1, domain_id=0,
               category_id=0, name_id=2, open=0)
        for cause, count in (("ring_full", 3), ("ring_full", 2), ("cupti_dropped", 1)):
            insert(database, "losses", cause=cause, count=count)
        insert(database, "notes", severity="warning", text="something was lost")
        insert(database, "meta", key="exit_code", value="0")
        insert(database, "counters", id=1, host_id=1, gpu_index=0, name="power", unit="W")
        insert(database, "counters", id=2, host_id=1, process_id=1, name="rss", unit="bytes")
        insert(database, "counter_samples", counter_id=1, time_ns=9, value=300.5)
        insert(database, "memory", process_id=1, device_id=1, time_ns=3, device_bytes=1024, source_id=4)
        insert(database, "devices", process_id=1, ordinal=0, uuid="GPU-1", name="H200", total_bytes=1, sm_count=132)
        database.commit()
        database.close()
        self.recording = Recording(path)

    def test_kernels_come_in_order_with_their_names(self):
        kernels = self.recording.kernels()
        self.assertEqual([kernel.name for kernel in kernels], ["gemm<float>", "add"])
        self.assertEqual((kernels[1].graph, kernels[1].grid, kernels[1].block), (4, (3, 1, 1), (64, 1, 1)))
        self.assertEqual(len(self.recording.kernels("add")), 1)

    def test_what_lies_within_a_range_is_found(self):
        (step,) = self.recording.ranges("step")
        self.assertEqual(step, Range("step", "torch", 5, 30, 0, 1, 1, 7, 0))
        self.assertEqual([kernel.name for kernel in within(self.recording.kernels(), step)], ["gemm<float>"])
        self.assertEqual([span.domain for span in self.recording.ranges("add")], [""])
        self.assertEqual(self.recording.ranges("other"), [])

    def test_losses_are_summed_by_cause(self):
        self.assertEqual(self.recording.losses(), {"ring_full": 5, "cupti_dropped": 1})

    def test_the_rest_is_read(self):
        self.assertEqual(self.recording.copies()[0][:2], ("HtoD", 64))
        self.assertEqual(self.recording.notes(), ["something was lost"])
        self.assertEqual(self.recording.meta(), {"exit_code": "0"})
        self.assertEqual(self.recording.counters(), {"power": ("W", [(9, 300.5)])})
        self.assertEqual(self.recording.memory(), [(3, None, None, None, 1024, "torch")])
        self.assertEqual(self.recording.devices()[0][1], "H200")
        self.assertEqual(self.recording.count("kernels"), 2)


@unittest.skipUnless(os.environ.get("PERFAGENT_SAMPLE_RECORDING"), "no recording was named")
class Real(unittest.TestCase):
    """One that `perfagent record` has just made: the names of tables and columns are its own."""

    def test_every_question_has_an_answer(self):
        recording = Recording(os.environ["PERFAGENT_SAMPLE_RECORDING"])
        steps = recording.ranges("step")
        self.assertTrue(steps and all(step.end > step.start and step.open == 0 for step in steps))
        self.assertEqual((recording.kernels(), recording.copies(), recording.devices()), ([], [], []))
        self.assertEqual(recording.losses(), {})
        self.assertEqual(recording.meta()["exit_code"], "0")
        self.assertIn("recorder_cpu_ns", recording.meta())
        self.assertTrue(recording.counters())
        self.assertGreater(recording.count("operators"), 0)
        recording.notes(), recording.memory()
        self.assertTrue(recording.rows("SELECT time_ns, realtime_ns FROM clock_anchors"))
        self.assertTrue(recording.rows("SELECT id, pid, name, exit_code, exit_signal FROM processes"))
        self.assertEqual(recording.rows("SELECT DISTINCT dynamic_shared_bytes, registers, graph_node FROM kernels"), [])
