"""What a check has found so far, on disk after every word, so that it outlives the check."""

import json
import os
import threading
from pathlib import Path


def write_json(path, document):
    """Under a neighbouring name first: the final one never holds half a document."""
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps(document, indent=1, allow_nan=False, default=str) + "\n")
    part.replace(path)


class Answer:
    """Figures, expectations, notes, commands and kept files of one check."""

    def __init__(self, path):
        self.path = Path(path)
        self.lock = threading.RLock()
        self.document = {
            "status": "error",
            "reason": "it ended before it said anything",
            "figures": {},
            "expectations": [],
            "notes": [],
            "commands": [],
            "kept": [],
        }
        self.save()

    def save(self):
        with self.lock:
            write_json(self.path, self.document)

    def figure(self, name, value, unit):
        """A number (or a list of numbers) with its unit; None when it could not be had."""
        self.document["figures"][name] = {"value": finite(value), "unit": unit}
        self.save()

    def expect(self, met, text):
        self.document["expectations"].append({"met": bool(met), "text": text})
        self.save()

    def add(self, kind, item):
        self.document[kind].append(item)
        self.save()

    def finish(self, status, reason=None):
        self.document["status"] = status
        self.document["reason"] = reason
        self.save()

    def verdict(self):
        """`ok`, or `failed` with the first expectation that was not met."""
        broken = [item["text"] for item in self.document["expectations"] if not item["met"]]
        if not broken:
            return "ok", None
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        return "failed", broken[0] + more


def finite(value):
    """JSON knows no infinity and no NaN."""
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return None
        return round(value, 6)
    return value
