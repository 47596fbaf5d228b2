"""One of several programs that take turns: a running targets/loops.py that is asked for blocks."""

import json
import os
import select
import subprocess
import time


class Arm:
    def __init__(self, check, name, command, env=None):
        self.name = name
        self.buffer = b""
        self.errors = open(check.path(f"{name}.err"), "wb")
        self.child = check.spawn(
            command, env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors
        )

    def answer(self, timeout):
        """The next line that it prints, as JSON; what is no JSON object is passed over."""
        deadline = time.monotonic() + timeout
        while True:
            line, found, rest = self.buffer.partition(b"\n")
            if found:
                self.buffer = rest
                if line.startswith(b"{"):
                    return json.loads(line)
                continue
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.child.stdout], [], [], left)[0]:
                raise RuntimeError(f"{self.name}: no answer within {timeout:.0f} s")
            more = os.read(self.child.stdout.fileno(), 1 << 16)
            if not more:
                raise RuntimeError(f"{self.name}: it ended: {self.said()}")
            self.buffer += more

    def ask(self, timeout=60, **request):
        self.child.stdin.write((json.dumps(request) + "\n").encode())
        self.child.stdin.flush()
        return self.answer(timeout)

    def said(self):
        """The end of its standard error."""
        self.errors.flush()
        with open(self.errors.name, "rb") as file:
            return file.read()[-800:].decode(errors="replace").strip()

    def finish(self, timeout=60):
        """Tells it that no more is asked, and waits. Returns its exit code."""
        self.child.stdin.close()
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.child.kill()
            return self.child.wait()
        finally:
            self.child.stdout.close()
            self.errors.close()
