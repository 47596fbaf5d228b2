#!/bin/sh
# Slurm's HealthCheckProgram (slurm.conf beside this file): drains this node when it is critical, with the reason in
# `sinfo -R`, and gives it back when it is well again. Nodes that a person, Slurm or another tool has drained stay as they
# are. What was done stands in the log of slurmd's node (`journalctl -t perfagent`).
#
# Slurm starts it with SLURMD_NODENAME and no PATH, and looks at no exit code: only scontrol drains.

# Where perfagent and Slurm's programs are.
PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin:/opt/slurm/bin
export PATH

# `--slurm-drain=unknown` drains a node that could not be checked as well. 20 s here and 20 s for scontrol are within Slurm's
# limit of 60 s.
said=$(perfagent health --timeout 20 --slurm-drain --slurm-resume 2>&1)
code=$?

if command -v logger >/dev/null 2>&1; then
    printf '%s\n' "$said" | logger -t perfagent
fi
exit "$code"
