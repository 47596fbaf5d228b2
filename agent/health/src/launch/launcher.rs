//! The launchers that start processes on nodes, and the variables in which they tell each its place.

use super::environment::{Contradiction, Environment};

/// Who starts ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launcher {
    /// torchrun, or whoever sets the variables of `torch.distributed` by hand.
    Torchrun,
    /// Open MPI's mpirun.
    OpenMpi,
    /// Another MPI's launcher, or Slurm's, that speaks PMI: MPICH, Intel MPI, `srun --mpi=pmi2`.
    Pmi,
    /// Slurm's srun.
    Slurm,
}

/// What one launcher says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) rank: usize,
    pub(super) size: usize,
    pub(super) local_rank: Option<usize>,
    pub(super) local_size: Option<usize>,
}

impl Launcher {
    /// The one that is closest to the process first: srun starts mpirun or torchrun, and mpirun torchrun, not the other
    /// way round.
    pub(super) const ALL: [Self; 4] = [Self::Torchrun, Self::OpenMpi, Self::Pmi, Self::Slurm];

    /// What it is called in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Torchrun => "torchrun",
            Self::OpenMpi => "mpirun",
            Self::Pmi => "mpiexec",
            Self::Slurm => "srun",
        }
    }

    /// Whether it ends all processes as soon as one of them fails.
    #[must_use]
    pub const fn ends_all_with_one(self) -> bool {
        !matches!(self, Self::Slurm)
    }

    /// Rank, number of ranks, rank on this node, ranks on this node.
    const fn variables(self) -> [&'static str; 4] {
        match self {
            Self::Torchrun => ["RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"],
            Self::OpenMpi => [
                "OMPI_COMM_WORLD_RANK",
                "OMPI_COMM_WORLD_SIZE",
                "OMPI_COMM_WORLD_LOCAL_RANK",
                "OMPI_COMM_WORLD_LOCAL_SIZE",
            ],
            Self::Pmi => ["PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"],
            // The last is in Slurm's short form, and its number of ranks has two names.
            Self::Slurm => ["SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", ""],
        }
    }

    /// The variable with the rank on this node.
    pub(super) const fn local_rank(self) -> &'static str {
        self.variables()[2]
    }

    /// What it says of this process, if it started it, checked against itself.
    pub(super) fn told(self, environment: Environment<'_>) -> Result<Option<Told>, Contradiction> {
        let [rank, size, local_rank, local_size] = self.variables();
        let (size, local) = if self == Self::Slurm {
            // A batch script has a task number and the job's number of tasks, too, but is no rank: it has no step.
            if environment.text("SLURM_STEP_ID").is_none() {
                return Ok(None);
            }
            let size = if environment.text(size).is_some() { size } else { "SLURM_NTASKS" };
            let node = environment.number("SLURM_NODEID")?.unwrap_or(0);
            let tasks = environment.text("SLURM_STEP_TASKS_PER_NODE");
            (size, tasks.and_then(|tasks| tasks_of(&tasks, node)))
        } else {
            (size, environment.number(local_size)?)
        };
        let (Some(rank_is), Some(size_is)) = (environment.number(rank)?, environment.number(size)?)
        else {
            return Ok(None);
        };
        let told = Told {
            rank: rank_is,
            size: size_is,
            local_rank: environment.number(local_rank)?,
            local_size: local,
        };
        if told.rank >= told.size {
            return Err(Contradiction::new(format!(
                "{rank}={rank_is} with {size}={size_is}: ranks count from 0"
            )));
        }
        if let (Some(least), Some(ranks)) = (told.local_rank, told.local_size)
            && least >= ranks
        {
            return Err(Contradiction::new(format!(
                "{local_rank}={least} with {ranks} ranks on this node: ranks count from 0"
            )));
        }
        if told.local_rank.is_some_and(|local| local > told.rank) {
            return Err(Contradiction::new(format!(
                "{local_rank} is greater than {rank}={rank_is}"
            )));
        }
        if told.local_size.is_some_and(|ranks| ranks > told.size) {
            return Err(Contradiction::new(format!(
                "more ranks on this node than {size}={size_is} of all"
            )));
        }
        Ok(Some(told))
    }

    /// What tells its runs apart, if it tells.
    pub(super) fn run(self, environment: Environment<'_>) -> Option<String> {
        match self {
            Self::Torchrun => environment.text("TORCHELASTIC_RUN_ID"),
            Self::OpenMpi => environment
                .text("PMIX_NAMESPACE")
                .or_else(|| environment.text("OMPI_MCA_ess_base_jobid")),
            Self::Pmi => environment.text("PMI_JOBID"),
            Self::Slurm => {
                let job = environment.text("SLURM_JOB_ID")?;
                Some(format!("{job}.{}", environment.text("SLURM_STEP_ID")?))
            }
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
    fn slurms_short_form_of_tasks_is_understood() {
        let of = |node| tasks_of("2(x3),1,4(x2)", node);
        assert_eq!([0, 2, 3, 4, 5, 6].map(of), [Some(2), Some(2), Some(1), Some(4), Some(4), None]);
        for damaged in ["", "x", "2(x", "2(x3", "2(xa)"] {
            assert_eq!(tasks_of(damaged, 0), None, "{damaged}");
        }
    }
}
