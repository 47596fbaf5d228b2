"""What a check is given: it runs and records programs, states figures and expectations, keeps files."""

import gzip
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

from harness import libraries
from harness.catalogue import HERE
from harness.recording import Recording

MOST_KEPT_BYTES = 5_000_000
Done = namedtuple("Done", "code stdout stderr seconds")


class Skip(Exception):
    """The check cannot be made here."""


def answer_of(done):
    """What a target says in the last line that it prints: one JSON object."""
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"the target said nothing; exit code {done.code}: {done.stderr.strip()[-800:]}")
    return json.loads(lines[-1])


class Check:
    """One check at work in a folder of its own, with `seconds` to go."""

    def __init__(self, name, folder, answer, seconds, programs):
        self.name = name
        self.folder = Path(folder)
        self.answer = answer
        self.deadline = time.monotonic() + seconds
        self.programs = Path(programs)
        self.numbers = itertools.count()
        (self.folder / "keep").mkdir(parents=True, exist_ok=True)

    # What it says.

    def figure(self, name, value, unit):
        self.answer.figure(name, value, unit)

    def expect(self, met, text):
        """States what must hold; the check goes on when it does not."""
        self.answer.expect(met, text)
        return bool(met)

    def note(self, text):
        self.answer.add("notes", text)

    def skip(self, reason):
        raise Skip(reason)

    def seconds_left(self):
        return self.deadline - time.monotonic()

    # What it runs.

    def path(self, name):
        return self.folder / name

    def program(self, name):
        return str(self.programs / name)

    def target(self, name, *arguments):
        """The command of a program of targets/."""
        return [sys.executable, str(HERE / "targets" / f"{name}.py"), *map(str, arguments)]

    def spawn(self, command, env=None, **options):
        """Starts a command in the check's folder. `env` is added to the environment."""
        shown = [f"{key}={value}" for key, value in (env or {}).items()]
        self.answer.add("commands", " ".join([*shown, *map(str, command)]))
        return subprocess.Popen(
            [str(word) for word in command],
            cwd=self.folder,
            env={**os.environ, **{key: str(value) for key, value in (env or {}).items()}},
            **options,
        )

    def run(self, command, env=None, timeout=60):
        """Runs a command to its end; code -9 and a note when it had to be killed."""
        started = time.monotonic()
        number = next(self.numbers)
        outputs = [self.path(f".{stream}-{number}") for stream in ("out", "err")]
        with open(outputs[0], "wb") as out, open(outputs[1], "wb") as err:
            child = self.spawn(
                command, env, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )
            try:
                child.wait(max(1, min(timeout, self.seconds_left() - 2)))
            except subprocess.TimeoutExpired:
                # Its own process group: what it started ends with it.
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                self.note(f"killed after {time.monotonic() - started:.0f} s: {' '.join(map(str, command))}")
        out, err = (path.read_text(errors="replace") for path in outputs)
        for path in outputs:
            path.unlink()
        seconds = time.monotonic() - started
        print(f"$ {' '.join(map(str, command))}\n{out[-2000:]}{err[-2000:]}-> {child.returncode}, {seconds:.1f} s")
        return Done(child.returncode, out, err, seconds)

    def python(self, name, *arguments, env=None, timeout=60):
        """Runs a target without recording it; it must succeed."""
        return self.succeeded(self.run(self.target(name, *arguments), env, timeout))

    def perfagent(self, *arguments, env=None, timeout=60):
        return self.run([self.program("perfagent"), *arguments], env, timeout)

    def record(self, command, name="run", options=(), env=None, timeout=60, code=0):
        """Records a command, which must exit with `code`. Returns the recording, with `.done` of the recorder."""
        output = self.path(f"{name}.perfdb")
        done = self.perfagent("record", "-f", "-o", output, *options, "--", *command, env=env, timeout=timeout)
        if not output.is_file():
            raise RuntimeError(f"no recording: exit code {done.code}: {done.stderr.strip()[-500:]}")
        self.expect(done.code == code, f"{name}: exit code {done.code} is the program's own, {code}")
        recording = Recording(output)
        recording.done = done
        for text in recording.notes():
            self.note(f"{name}: the recording says: {text}")
        losses = recording.losses()
        if losses:
            self.note(f"{name}: losses: {losses}")
        return recording

    def succeeded(self, done):
        if done.code != 0:
            raise RuntimeError(f"exit code {done.code}: {(done.stderr or done.stdout).strip()[-800:]}")
        return done

    def nvcc(self, name, *flags):
        """Compiles a program of cuda/; skips the check where there is no nvcc."""
        compiler = libraries.nvcc()
        if compiler is None:
            self.skip("no nvcc")
        program = self.path(name)
        source = HERE / "cuda" / f"{name}.cu"
        words = [compiler, "-O2", "-std=c++17", "-arch=native", *flags, "-o", program, source]
        self.succeeded(self.run(words, timeout=120))
        return program

    # What it keeps.

    def keep(self, path, name=None):
        """Keeps a file for later tests, compressed, unless it is too large even so."""
        path = Path(path)
        if not path.is_file():
            return self.note(f"{path.name} was to be kept but is not there")
        name = name or path.name
        kept = self.folder / "keep" / name
        if path.suffix in (".gz", ".json", ".csv", ".txt") and path.stat().st_size < 100_000 or path.suffix == ".gz":
            shutil.copyfile(path, kept)
        else:
            kept = kept.with_name(name + ".gz")
            with open(path, "rb") as source, gzip.open(kept, "wb", compresslevel=9) as sink:
                shutil.copyfileobj(source, sink)
        if kept.stat().st_size > MOST_KEPT_BYTES:
            self.note(f"{name} is not kept: {kept.stat().st_size} bytes")
            return kept.unlink()
        self.answer.add("kept", kept.name)
        return None
