"""The process of one check: `python3 -m harness.child CHECK.py FOLDER SECONDS PROGRAMS`."""

import sys
import traceback
from pathlib import Path

from harness.answer import Answer
from harness.catalogue import CheckFile
from harness.check import Check, Skip


def main():
    path, folder, seconds, programs = sys.argv[1:]
    answer = Answer(Path(folder) / "answer.json")
    answer.document["reason"] = "it did not end"
    try:
        file = CheckFile(path)
        file.module.run(Check(file.name, folder, answer, float(seconds), programs))
        answer.finish(*answer.verdict())
    except Skip as reason:
        answer.finish("skipped", str(reason))
    except Exception as error:  # whatever it is, it is the answer
        traceback.print_exc()
        answer.finish("error", f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
