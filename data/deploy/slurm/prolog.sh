#!/bin/sh
# Slurm's Prolog (slurm.conf beside this file): before a job starts on this node, the node is drained if it is critical, and
# the job goes elsewhere, as the prolog fails. A node that is well, has warnings, or could not be checked takes the job: the
# failing of a prolog drains the node whatever the cause, and a name server that hangs is not to drain a cluster.
#
# Serves as Epilog, too: then a node that a job has left sick takes no next one.

PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin:/opt/slurm/bin
export PATH

perfagent health --timeout 4.5 --slurm-drain >/dev/null
case $? in
    # Critical, and nothing else: drained with its reason, which Slurm leaves in place.
    1) exit 1 ;;
    *) exit 0 ;;
esac
