"""The checks that there are, in order of value."""

import importlib.util
import json
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
FOLDER = HERE / "checks"

# Most valuable first: what could not be known before comes before what confirms. Neighbours that need not be alone run
# together, so those come first.
ORDER = [
    "launches",
    "program",
    "libcupti",
    "missing_library",
    "buffers",
    "coexistence",
    "copies",
    "graphs",
    "fork",
    "bench",
    "traces",
    "counters",
    "calls",
    "capture",
    "reset",
    "collectives",
    "streams",
    "waits",
    "ranges",
    "memory",
    "commands",
    "health",
    "nccl",
    "other_tools",
    "compiled",
    "jax",
    "loop_parts",
    "parts",
    "overhead",
    "profiler",
    "events",
    "kill",
    "flood",
    "clock",
    "nvml",
    "startup",
    "ceilings",
    "load",
    "precisions",
    "pytorch",
    "distributed",
]


class Usage(Exception):
    """The call is wrong."""


class CheckFile:
    """A check that has not been started: its file, and what that says about it."""

    def __init__(self, path):
        self.path = Path(path)
        self.name = self.path.stem
        spec = importlib.util.spec_from_file_location(f"checks.{self.name}", self.path)
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        document = (self.module.__doc__ or "").strip()
        if not document or not callable(getattr(self.module, "run", None)):
            raise Usage(f"{self.path}: a check has a first line of documentation and a function run(check)")
        self.summary = document.splitlines()[0]
        # How long it is expected to take, in seconds, and when it is given up.
        self.seconds = float(self.module.SECONDS)
        self.timeout = float(getattr(self.module, "TIMEOUT", 4 * self.seconds))
        # Whether it measures time and must have the machine to itself.
        self.alone = bool(getattr(self.module, "ALONE", False))
        self.needs = tuple(getattr(self.module, "NEEDS", ("gpu", "torch")))


def every(folder=FOLDER, order=None):
    """All checks of the folder; those that ORDER forgets come last."""
    order = ORDER if order is None else order
    paths = {path.stem: path for path in sorted(Path(folder).glob("*.py")) if path.stem != "__init__"}
    missing = [name for name in order if name not in paths]
    if missing:
        raise Usage(f"{folder}: no file for the check {missing[0]}")
    names = order + [name for name in paths if name not in order]
    return [CheckFile(paths[name]) for name in names]


def select(names=None, after=None, checks=None):
    """The checks with these names, without those that `after`, an earlier results.json, has run."""
    checks = every() if checks is None else checks
    if names is not None:
        known = {check.name for check in checks}
        for name in names:
            if name not in known:
                raise Usage(f"no check is called {name!r}; there are {', '.join(sorted(known))}")
        checks = [check for check in checks if check.name in names]
    if after is not None:
        try:
            document = json.loads(Path(after).read_text())
            done = {check["name"] for check in document["checks"] if check["status"] != "skipped"}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Usage(f"{after}: not a results.json of an earlier run: {error}") from error
        checks = [check for check in checks if check.name not in done]
    return checks
