"""What cuInit does when CUDA_INJECTION64_PATH names a library that is missing or fails."""

import sys

SECONDS = 30
SCRIPT = """
import ctypes, sys
cuda = ctypes.CDLL("libcuda.so.1")
count = ctypes.c_int(-1)
print("cuInit", cuda.cuInit(0), "cuDeviceGetCount", cuda.cuDeviceGetCount(ctypes.byref(count)), count.value)
"""


def run(check):
    text = check.path("text.so")
    text.write_text("this is no library\n")
    named = {
        "unset": None,
        "missing": "/nonexistent/libperfagent.so",
        "not_a_library": str(text),
        # A library that can be opened but has no InitializeInjection.
        "without_entry": "libm.so.6",
        "none": "none",
        "empty": "",
        "perfagent_without_spool": check.program("libperfagent.so"),
    }
    expected = None
    for name, path in named.items():
        env = {} if path is None else {"CUDA_INJECTION64_PATH": path}
        done = check.run([sys.executable, "-c", SCRIPT], env=env, timeout=30)
        outcome = f"exit {done.code}; {done.stdout.strip()}; standard error: {done.stderr.strip()[-300:] or 'nothing'}"
        check.note(f"{name}: {outcome}")
        check.figure(f"{name}_seconds", done.seconds, "s")
        if name == "unset":
            expected = done.stdout
        check.figure(f"{name}_ignored", done.code == 0 and done.stdout == expected, "bool")
        if name in ("unset", "perfagent_without_spool"):
            check.expect(done.code == 0 and done.stdout == expected, f"{name}: CUDA works")
