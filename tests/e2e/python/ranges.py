"""A program as people write it with the `nvtx` package: decorators, contexts, domains, threads, and a child process."""

import subprocess
import sys
import threading

import nvtx


@nvtx.annotate("load", domain="data", category="io", color="green")
def load(step):
    return [step * number for number in range(1000)]


@nvtx.annotate()
def compute(values):
    return sum(values)


def train(steps):
    total = 0
    for step in range(steps):
        with nvtx.annotate("step", payload=step):
            total += compute(load(step))
    return total


def child():
    with nvtx.annotate("work of the child"):
        nvtx.mark("child is here")


def main():
    if "--child" in sys.argv:
        return child()
    nvtx.mark("start", payload=7)
    # Begun on one thread, ended on another.
    across = nvtx.start_range("across threads")
    print(train(5))
    thread = threading.Thread(target=lambda: nvtx.end_range(across))
    thread.start()
    thread.join()
    nvtx.push_range("never popped")
    subprocess.run([sys.executable, __file__, "--child"], check=True)
    return 3


sys.exit(main())
