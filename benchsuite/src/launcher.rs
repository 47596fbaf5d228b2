//! The launchers that start ranks, and the variables in which they tell each rank its place.

/// Looks a variable up.
pub(crate) type Get<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Who starts ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Launcher {
    /// torchrun, and this program's own launcher, which speaks like it.
    Torchrun,
    /// Open MPI's mpirun.
    OpenMpi,
    /// Slurm's srun.
    Slurm,
}

impl Launcher {
    /// The one that is closest to the rank first: srun starts mpirun or torchrun, and mpirun torchrun, not the other
    /// way round.
    pub(crate) const ALL: [Self; 3] = [Self::Torchrun, Self::OpenMpi, Self::Slurm];

    /// Whether what it says is about a rank. A batch script under Slurm has a task number, too, but no step.
    pub(crate) fn started(self, get: Get<'_>) -> bool {
        self != Self::Slurm || get("SLURM_STEP_ID").is_some()
    }

    /// What it is called in messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Torchrun => "torchrun",
            Self::OpenMpi => "mpirun",
            Self::Slurm => "srun",
        }
    }

    /// The variable with the rank over all nodes.
    pub(crate) const fn rank(self) -> &'static str {
        match self {
            Self::Torchrun => "RANK",
            Self::OpenMpi => "OMPI_COMM_WORLD_RANK",
            Self::Slurm => "SLURM_PROCID",
        }
    }

    /// The variable with the number of ranks. A step of Slurm may have fewer than its job.
    pub(crate) fn size(self, get: Get<'_>) -> &'static str {
        match self {
            Self::Torchrun => "WORLD_SIZE",
            Self::OpenMpi => "OMPI_COMM_WORLD_SIZE",
            Self::Slurm if get("SLURM_STEP_NUM_TASKS").is_some() => "SLURM_STEP_NUM_TASKS",
            Self::Slurm => "SLURM_NTASKS",
        }
    }

    /// The variable with the rank on this node.
    pub(crate) const fn local_rank(self) -> &'static str {
        match self {
            Self::Torchrun => "LOCAL_RANK",
            Self::OpenMpi => "OMPI_COMM_WORLD_LOCAL_RANK",
            Self::Slurm => "SLURM_LOCALID",
        }
    }

    /// How many ranks there are on this node, if it tells.
    pub(crate) fn local_size(self, get: Get<'_>) -> Option<usize> {
        match self {
            Self::Torchrun => get("LOCAL_WORLD_SIZE")?.trim().parse().ok(),
            Self::OpenMpi => get("OMPI_COMM_WORLD_LOCAL_SIZE")?.trim().parse().ok(),
            Self::Slurm => {
                let node = get("SLURM_NODEID").and_then(|node| node.trim().parse().ok());
                tasks_of(&get("SLURM_STEP_TASKS_PER_NODE")?, node.unwrap_or(0))
            }
        }
    }

    /// What tells its jobs apart, if it tells.
    pub(crate) fn job(self, get: Get<'_>) -> Option<String> {
        match self {
            Self::Torchrun => None,
            Self::OpenMpi => get("PMIX_NAMESPACE").or_else(|| get("OMPI_MCA_ess_base_jobid")),
            Self::Slurm => Some(format!("{}.{}", get("SLURM_JOB_ID")?, get("SLURM_STEP_ID")?)),
        }
    }
}

/// The tasks of one node in Slurm's short form: `2(x3),1` is two on each of three nodes and one on the fourth.
fn tasks_of(text: &str, node: usize) -> Option<usize> {
    let mut nodes = 0_usize;
    for part in text.split(',') {
        let (tasks, repeat) = match part.split_once("(x") {
            Some((tasks, repeat)) => (tasks, repeat.strip_suffix(')')?.parse().ok()?),
            None => (part, 1),
        };
        nodes = nodes.checked_add(repeat)?;
        if node < nodes {
            return tasks.trim().parse().ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::tasks_of;

    #[test]
    fn slurms_short_form_is_understood() {
        let of = |node| tasks_of("2(x3),1,4(x2)", node);
        assert_eq!([0, 2, 3, 4, 5, 6].map(of), [Some(2), Some(2), Some(1), Some(4), Some(4), None]);
        for damaged in ["", "x", "2(x", "2(x3", "2(xa)"] {
            assert_eq!(tasks_of(damaged, 0), None, "{damaged}");
        }
    }
}
