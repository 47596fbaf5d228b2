"""perfagent doctor and health on a machine with a GPU: they answer, in time, and their JSON is kept."""

import json

from harness import libraries

SECONDS = 15
COMMANDS = {
    "doctor": (("doctor", "--json"), (0, 1)),
    "health": (("health", "--json", "--timeout", "20"), (0, 1, 3)),
    "health_nagios": (("health", "--exit-style", "nagios", "--timeout", "20"), (0, 1, 2, 3)),
}


def run(check):
    for surroundings, env in (("bare", {}), ("library_path", libraries.loader_environment())):
        for name, (words, codes) in COMMANDS.items():
            if surroundings == "library_path" and name != "doctor":
                continue
            done = check.perfagent(*words, env=env)
            full = f"{name}_{surroundings}"
            check.figure(f"{full}_seconds", done.seconds, "s")
            check.figure(f"{full}_exit_code", done.code, "code")
            check.expect(done.code in codes, f"{full}: exit code {done.code}: {done.stderr.strip()[-300:]}")
            path = check.path(f"{full}.txt")
            path.write_text(done.stdout)
            check.keep(path)
            if "--json" in words:
                document = json.loads(done.stdout)
                statuses = {item["name"]: item["status"] for item in document.get("checks", [])}
                check.note(f"{full}: {statuses}")
                if name == "health":
                    check.figure("health_gpus", len(document.get("gpus", [])), "count")
                    check.expect(document.get("gpus"), "health sees the GPU")
