"""Runs checks, each in a process of its own with a time limit, and writes down what they found."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import environment
from harness.answer import write_json
from harness.catalogue import HERE
from harness.material import Material

AT_ONCE = 5
LOG_BYTES = 8000
SCHEMA = "perfagent.gpu-tests/1"


def programs_folder(named=None):
    """Where perfagent is: as named, else the bundle's, else that of `PERFAGENT_PROGRAMS`."""
    if named is None:
        named = os.environ.get("PERFAGENT_PROGRAMS") or HERE.parent.parent / "bin"
    return Path(named).resolve()


def run(checks, out, minutes, programs=None):
    """Runs the checks until the minutes are used. Returns the exit code."""
    out = Path(out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    programs = programs_folder(programs)
    deadline = time.monotonic() + 60 * minutes
    driver = environment.has_gpu()
    report = Report(out, environment.describe(driver, programs))
    with tempfile.TemporaryDirectory(prefix="perfagent-gpu-") as scratch:
        session = Session(report, Path(scratch), programs, driver, deadline)
        for batch in batches(checks):
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(session.attempt, batch))
    return report.close()


def batches(checks):
    """Checks that measure time one by one, neighbours that do not together."""
    batch = []
    for check in checks:
        if check.alone:
            if batch:
                yield batch
            yield [check]
            batch = []
        else:
            batch.append(check)
    if batch:
        yield batch


class Session:
    """What the checks of one run share."""

    def __init__(self, report, scratch, programs, driver, deadline):
        self.report = report
        self.scratch = scratch
        self.programs = programs
        self.driver = driver
        self.deadline = deadline

    def attempt(self, check):
        """Runs one check, whatever becomes of it."""
        started = time.monotonic()
        document = {"name": check.name, "summary": check.summary}
        folder = self.scratch / check.name
        folder.mkdir()
        reason = self.obstacle(check)
        if reason is None:
            # A little is left for writing down.
            seconds = min(check.timeout, self.deadline - started - 3)
            try:
                document.update(self.start(check, folder, seconds))
            except Exception as error:  # the others go on
                document.update(status="error", reason=f"{type(error).__name__}: {error}")
        else:
            document.update(status="skipped", reason=reason)
        document["seconds"] = round(time.monotonic() - started, 1)
        self.report.add(document, folder)
        shutil.rmtree(folder, ignore_errors=True)

    def obstacle(self, check):
        """Why a check cannot be made, or None."""
        for need in check.needs:
            reason = environment.missing(need, self.driver)
            if reason:
                return reason
        if not (self.programs / "perfagent").is_file():
            return f"no perfagent in {self.programs}: name its folder with --programs"
        left = self.deadline - time.monotonic()
        if left < 10 or left < check.seconds / 2:
            return f"no time: about {check.seconds:.0f} s are needed, {max(left, 0):.0f} s are left"
        return None

    def start(self, check, folder, seconds):
        """The process of the check, killed with all that it started when its time is up."""
        answer = folder / "answer.json"
        command = [sys.executable, "-m", "harness.child", check.path, folder, seconds, self.programs]
        # What is compiled or tuned goes to the scratch folder, not to the home of whoever lends the machine.
        variables = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "XDG_CACHE_HOME": str(folder / "cache")}
        with open(folder / "log", "wb") as log:
            child = subprocess.Popen(
                [str(word) for word in command],
                cwd=HERE,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                child.wait(seconds)
                ended = f"its process ended with {child.returncode}"
            except subprocess.TimeoutExpired:
                ended = f"it had not ended after {seconds:.0f} s"
            kill_tree(child)
        document = read_answer(answer)
        if document["status"] == "error" and document["reason"] in (None, "it did not end"):
            document["reason"] = ended
        return document


def read_answer(path):
    """What the check wrote, whole at any time; without it, that there is none."""
    try:
        document = json.loads(path.read_text())
        assert isinstance(document, dict) and "status" in document
    except (OSError, ValueError, AssertionError):
        document = {"status": "error", "reason": None}
    return document


def kill_tree(child):
    """Ends the check's process and all its descendants, also those in process groups of their own."""
    victims = descendants(child.pid)
    for pid in victims:
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    child.wait()


def descendants(root):
    """The processes below `root`, by what /proc says now."""
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


class Report:
    """results.json, log.txt and the kept files; complete after each check."""

    def __init__(self, out, facts):
        self.out = out
        self.lock = threading.Lock()
        self.material = Material(out)
        self.started = time.monotonic()
        self.document = {
            "schema": SCHEMA,
            "command": " ".join(sys.argv),
            "environment": facts,
            "seconds": 0.0,
            "checks": [],
        }
        (out / "log.txt").write_text("")
        self.save()

    def save(self):
        self.document["seconds"] = round(time.monotonic() - self.started, 1)
        write_json(self.out / "results.json", self.document)

    def add(self, document, folder):
        with self.lock:
            self.keep(document, folder)
            self.document["checks"].append(document)
            self.save()
            log = folder / "log"
            text = log.read_bytes()[-LOG_BYTES:].decode(errors="replace") if log.is_file() else ""
            with open(self.out / "log.txt", "a") as file:
                file.write(f"==== {document['name']}: {document['status']}\n{text}\n")
            print(line(document), flush=True)

    def keep(self, document, folder):
        for name in document.get("kept", []):
            path = folder / "keep" / name
            if not path.is_file() or not self.material.add(path, f"{document['name']}/{name}"):
                document.setdefault("notes", []).append(f"{name} is not in the material: no room")

    def close(self):
        """Prints all figures, the statuses last, and returns the exit code."""
        checks = self.document["checks"]
        for document in checks:
            for name, figure in document.get("figures", {}).items():
                value = figure["value"]
                if not isinstance(value, (list, dict)):
                    print(f"  {document['name']}.{name} = {value} {figure['unit']}")
        for document in checks:
            print(line(document))
        counts = {status: 0 for status in ("ok", "failed", "error", "skipped")}
        for document in checks:
            counts[document["status"]] = counts.get(document["status"], 0) + 1
        print(", ".join(f"{count} {status}" for status, count in counts.items()), f"-> {self.out / 'results.json'}")
        self.save()
        return 1 if counts["failed"] or counts["error"] else 0


def line(document):
    reason = f": {document['reason']}" if document.get("reason") else ""
    return f"{document['status']:<7} {document['name']} ({document['seconds']} s){reason[:300]}"


def dry(checks, out):
    """Lists the checks, and sees that every file parses and that every program that is named is there."""
    out = Path(out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    wrong = []
    for path in sorted([HERE / "run", *HERE.rglob("*.py")]):
        try:
            compile(path.read_text(), str(path), "exec")
        except SyntaxError as error:
            wrong.append(f"{path}: {error}")
    for check in checks:
        print(f"{check.name:<16} {check.seconds:>4.0f} s{' alone' if check.alone else ''}  {check.summary}")
        text = check.path.read_text()
        named = [("targets", name, "py") for name in re.findall(r"(?:target|python)\(\s*\"(\w+)\"", text)]
        named += [("cuda", name, "cu") for name in re.findall(r"nvcc\(\s*\"(\w+)\"", text)]
        for folder, name, suffix in named:
            if not (HERE / folder / f"{name}.{suffix}").is_file():
                wrong.append(f"{check.path}: there is no {folder}/{name}.{suffix}")
    common = {"status": "skipped", "reason": "dry run"}
    listed = [{"name": check.name, "summary": check.summary, **common} for check in checks]
    write_json(out / "results.json", {"schema": SCHEMA, "environment": {}, "checks": listed, "wrong": wrong})
    for text in wrong:
        print(f"wrong: {text}", file=sys.stderr)
    print(f"{len(checks)} checks, about {sum(check.seconds for check in checks) / 60:.0f} minutes one after the other")
    return 1 if wrong else 0
