import contextlib
import io
import json
import os
import tarfile
import tempfile
import time
import unittest
from pathlib import Path

from harness import catalogue, environment, runner
from harness.material import Material

HEAD = '"""What it checks."""\nimport os, subprocess, sys, time\nSECONDS = 5\nNEEDS = ()\n'
CHECKS = {
    "good": "def run(check):\n    check.figure('speed', 2.5, 'GB/s')\n    check.expect(True, 'it holds')\n"
    "    check.path('a.txt').write_text('kept')\n    check.keep(check.path('a.txt'))\n",
    "wrong": "def run(check):\n    check.expect(True, 'one')\n    check.expect(False, 'two is two')\n"
    "    check.expect(False, 'three')\n",
    "raises": "def run(check):\n    check.figure('found', 1, 'count')\n    raise OSError('no such thing')\n",
    "cannot": "def run(check):\n    check.skip('no wings')\n",
    "vanishes": "def run(check):\n    check.note('so far')\n    os._exit(7)\n",
    "hangs": "TIMEOUT = 2\ndef run(check):\n    check.figure('before', 1, 'count')\n"
    "    child = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
    "    check.note(str(child.pid))\n    time.sleep(60)\n",
    "needy": "NEEDS = ('gpu', 'torch')\ndef run(check):\n    pass\n",
    "slow": "SECONDS = 5000\ndef run(check):\n    pass\n",
}


class Runs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        base = Path(cls.folder.name)
        (base / "checks").mkdir()
        (base / "bin").mkdir()
        (base / "bin" / "perfagent").write_text("")
        (base / "scratch").mkdir()
        for name, text in CHECKS.items():
            (base / "checks" / f"{name}.py").write_text(HEAD + text)
        cls.checks = catalogue.every(base / "checks", order=["good", "wrong"])
        cls.out = base / "out"
        cls.out.mkdir()
        report = runner.Report(cls.out, {"date": "today"})
        deadline = time.monotonic() + 60
        session = runner.Session(report, base / "scratch", base / "bin", None, deadline)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            for check in cls.checks:
                session.attempt(check)
            cls.code = report.close()
        cls.printed = printed.getvalue()
        cls.document = json.loads((cls.out / "results.json").read_text())
        cls.answers = {check["name"]: check for check in cls.document["checks"]}

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def outcome(self, name):
        return self.answers[name]["status"], self.answers[name]["reason"]

    def test_every_check_has_its_status_and_the_reason(self):
        self.assertEqual(self.outcome("good"), ("ok", None))
        self.assertEqual(self.outcome("wrong"), ("failed", "two is two (and 1 more)"))
        self.assertEqual(self.outcome("raises"), ("error", "OSError: no such thing"))
        self.assertEqual(self.outcome("cannot"), ("skipped", "no wings"))
        self.assertEqual(self.outcome("vanishes"), ("error", "its process ended with 7"))
        self.assertEqual(self.outcome("hangs"), ("error", "it had not ended after 2 s"))
        self.assertEqual(self.outcome("needy"), ("skipped", "no GPU"))
        self.assertEqual(self.answers["slow"]["status"], "skipped")
        self.assertIn("no time", self.answers["slow"]["reason"])
        self.assertEqual(self.code, 1)

    def test_what_was_found_before_the_end_is_kept(self):
        self.assertEqual(self.answers["good"]["figures"], {"speed": {"value": 2.5, "unit": "GB/s"}})
        self.assertEqual(self.answers["raises"]["figures"]["found"]["value"], 1)
        self.assertEqual(self.answers["hangs"]["figures"]["before"]["value"], 1)
        self.assertEqual(self.answers["vanishes"]["notes"], ["so far"])

    def test_a_check_that_hangs_leaves_no_process(self):
        pid = int(self.answers["hangs"]["notes"][0])
        state = Path(f"/proc/{pid}/stat")
        ended = not state.exists() or state.read_text().rpartition(")")[2].split()[0] in ("Z", "X")
        self.assertTrue(ended)

    def test_kept_files_are_in_the_archive(self):
        with tarfile.open(self.out / "material-1.tar") as archive:
            self.assertEqual(archive.getnames(), ["good/a.txt"])
            self.assertEqual(archive.extractfile("good/a.txt").read(), b"kept")

    def test_the_end_of_the_output_is_the_summary(self):
        self.assertIn("good.speed = 2.5 GB/s", self.printed)
        self.assertTrue(self.printed.splitlines()[-1].startswith("1 ok, 1 failed, 3 error, 3 skipped"))
        self.assertIn("no such thing", (self.out / "log.txt").read_text())

    def test_a_later_run_goes_on_with_what_is_missing(self):
        left = catalogue.select(after=self.out / "results.json", checks=self.checks)
        self.assertEqual([check.name for check in left], ["cannot", "needy", "slow"])

    def test_a_wrong_call_is_refused(self):
        with self.assertRaises(catalogue.Usage):
            catalogue.select(["no such"], checks=self.checks)
        with self.assertRaises(catalogue.Usage):
            catalogue.select(after=self.out / "log.txt", checks=self.checks)


class Batches(unittest.TestCase):
    def test_who_must_be_alone_is_alone(self):
        class One:
            def __init__(self, name, alone):
                self.name, self.alone = name, alone

        checks = [One("a", False), One("b", False), One("c", True), One("d", True), One("e", False)]
        names = [[check.name for check in batch] for batch in runner.batches(checks)]
        self.assertEqual(names, [["a", "b"], ["c"], ["d"], ["e"]])


class Archives(unittest.TestCase):
    def test_a_full_part_is_followed_by_the_next_and_the_last_by_none(self):
        with tempfile.TemporaryDirectory() as folder:
            base = Path(folder)
            (base / "file").write_bytes(bytes(40_000))
            material = Material(base, part_bytes=120_000, most_parts=2)
            stored = [material.add(base / "file", f"x/{index}") for index in range(6)]
            self.assertEqual(stored, [True, True, True, True, False, False])
            for part in (1, 2):
                path = base / f"material-{part}.tar"
                self.assertLessEqual(path.stat().st_size, 120_000)
                with tarfile.open(path) as archive:
                    self.assertEqual(len(archive.getnames()), 2)


class Needs(unittest.TestCase):
    def test_a_missing_module_is_named(self):
        self.assertEqual(environment.missing("no_such_module", 13000), "no no_such_module")
        self.assertEqual(environment.missing("gpu", None), "no GPU")
        self.assertIsNone(environment.missing("json", None))

    def test_without_visible_devices_there_is_no_gpu(self):
        before = os.environ.get("CUDA_VISIBLE_DEVICES")
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        try:
            self.assertIsNone(environment.has_gpu())
        finally:
            if before is None:
                del os.environ["CUDA_VISIBLE_DEVICES"]
            else:
                os.environ["CUDA_VISIBLE_DEVICES"] = before
