//! Which process of which run this is.

pub use super::environment::Contradiction;
use super::environment::Environment;
use super::launcher::{Launcher, Told};
use crate::host_list;

/// What the command line says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Number of nodes.
    pub nodes: Option<usize>,
    /// Which of them this is, from 0.
    pub node_rank: Option<usize>,
}

/// The place of this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Who started it; `None`: nobody, or only the command line tells.
    pub launcher: Option<Launcher>,
    /// The variable with the rank on this node, where that is not 0.
    pub local_variable: Option<&'static str>,
    /// From 0, over all nodes. Of nodes instead of ranks where the command line tells it.
    pub rank: usize,
    /// Of all nodes.
    pub size: usize,
    /// From 0, on this node.
    pub local_rank: usize,
    /// On this node, where that is told.
    pub local_size: Option<usize>,
    /// What tells the run from others, where that is told.
    pub run: Option<String>,
    /// The names of the run's nodes, where Slurm tells them.
    pub nodes: Vec<String>,
    /// Ranks are numbered node by node, as many on each.
    pub by_node: bool,
}

impl Place {
    /// Reads the environment of this process. Flags come first, then torchrun, MPI, Slurm; by none of them started, it
    /// is alone.
    pub fn of_this_process(flags: Flags) -> Result<Self, Contradiction> {
        Self::read(flags, Environment(&|name| std::env::var(name).ok()))
    }

    fn read(flags: Flags, environment: Environment<'_>) -> Result<Self, Contradiction> {
        let started = Self::started(environment)?;
        let Some((nodes, node)) = of_flags(flags, environment)? else { return Ok(started) };
        Ok(Self {
            rank: node,
            size: nodes,
            local_size: None,
            by_node: true,
            nodes: Vec::new(),
            ..started
        })
    }

    fn started(environment: Environment<'_>) -> Result<Self, Contradiction> {
        let mut all = Vec::new();
        for launcher in Launcher::ALL {
            if let Some(told) = launcher.told(environment)? {
                all.push((launcher, told));
            }
        }
        one_mpi(&all, environment)?;
        let Some(&(launcher, told)) = all.first() else {
            return Ok(Self { size: 1, local_size: Some(1), ..Self::default() });
        };
        // What the closest does not tell, another that speaks of the same rank may: scripts that set RANK and WORLD_SIZE
        // from Slurm's variables often leave the local rank out.
        let same: Vec<_> = all
            .iter()
            .filter(|(_, other)| (other.rank, other.size) == (told.rank, told.size))
            .collect();
        let local = same.iter().find_map(|(who, told)| Some((*who, told.local_rank?)));
        let local_size = same.iter().find_map(|(_, told)| told.local_size);
        let of_slurm = same.iter().any(|(who, _)| *who == Launcher::Slurm);
        let nodes = environment.text("SLURM_STEP_NODELIST").filter(|_| of_slurm);
        Ok(Self {
            launcher: Some(launcher),
            local_variable: local.filter(|(_, rank)| *rank > 0).map(|(who, _)| who.local_rank()),
            rank: told.rank,
            size: told.size,
            local_rank: local.map_or(0, |(_, rank)| rank),
            local_size,
            run: launcher.run(environment),
            // A list that cannot be read costs the missing nodes their names, nothing else.
            nodes: nodes.and_then(|list| host_list::hosts(&list).ok()).unwrap_or_default(),
            by_node: launcher == Launcher::Torchrun,
        })
    }

    /// Whether this process is the one that examines its node.
    #[must_use]
    pub fn examines(&self) -> bool {
        self.local_rank == 0
    }

    /// Whether other nodes take part.
    #[must_use]
    pub fn has_others(&self) -> bool {
        self.local_size.unwrap_or(1) < self.size
    }
}

/// Number of nodes, and which this is.
fn of_flags(
    flags: Flags,
    environment: Environment<'_>,
) -> Result<Option<(usize, usize)>, Contradiction> {
    let node = match flags.node_rank {
        Some(node) => Some(node),
        // A pod of an indexed Job knows its number, and not how many there are.
        None if flags.nodes.is_some() => environment.number("JOB_COMPLETION_INDEX")?,
        None => None,
    };
    match (flags.nodes, node) {
        (None, None) => Ok(None),
        (Some(nodes), Some(node)) if node < nodes => Ok(Some((nodes, node))),
        (Some(nodes), Some(node)) => {
            Err(Contradiction::new(format!("node {node} of --nnodes {nodes}: nodes count from 0")))
        }
        (Some(nodes), None) => {
            Err(Contradiction::new(format!("--nnodes {nodes} without --node-rank")))
        }
        (None, Some(node)) => {
            Err(Contradiction::new(format!("--node-rank {node} without --nnodes")))
        }
    }
}

/// Open MPI sets variables of `PMIx` as well, and no other MPI's: of the same number of ranks they tell the same one, or
/// some are left over from another launcher.
fn one_mpi(all: &[(Launcher, Told)], environment: Environment<'_>) -> Result<(), Contradiction> {
    let told = |who| all.iter().find(|(launcher, _)| *launcher == who).map(|(_, told)| *told);
    let Some(open) = told(Launcher::OpenMpi) else { return Ok(()) };
    let rank = open.rank;
    if let Some(other) = environment.number("PMIX_RANK")?
        && other != rank
    {
        return Err(Contradiction::new(format!(
            "OMPI_COMM_WORLD_RANK={rank} and PMIX_RANK={other} are of two launchers"
        )));
    }
    if let Some(other) = told(Launcher::Pmi)
        && other.size == open.size
        && other.rank != rank
    {
        let other = other.rank;
        return Err(Contradiction::new(format!(
            "OMPI_COMM_WORLD_RANK={rank} and PMI_RANK={other} are of two launchers"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
