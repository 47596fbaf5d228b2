//! The options of `perfagent health` that are about many nodes and about Slurm.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use perfagent_health::Status;
use perfagent_health::launch::Flags;

/// What the command line says of them.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Many nodes")]
pub(crate) struct Arguments {
    /// Write the document to DIR/NODE.json, whole or not at all; all nodes of a run may write to one shared folder
    ///
    /// Under a launcher one rank a node examines it, the others end at once. torchrun and mpirun end all ranks when one
    /// fails: under them, over several nodes, the exit code is 0 as soon as the document is written, whatever it says.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// This node's name, where it is not that of the host, as in a pod; by default Slurm's, else the host's
    #[arg(long, value_name = "NAME")]
    pub(super) node: Option<String>,
    /// Without a shared folder: hand the documents over TCP to rank 0, which listens there and answers for all nodes
    ///
    /// HOST is the node of rank 0. Nodes that do not report in time are unknown. The other nodes exit with 0 when their
    /// report was taken. Nobody proves who they are: for networks that you trust.
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) gather_at: Option<String>,
    /// Seconds that rank 0 waits for the others beyond --timeout
    #[arg(long, value_name = "S", default_value = "30", value_parser = super::node::seconds)]
    pub(super) wait: Duration,
    /// Number of nodes, for --gather-at where no launcher tells it
    #[arg(long, value_name = "N")]
    nnodes: Option<usize>,
    /// Which of them this is, from 0; an indexed Job of Kubernetes tells it by itself
    #[arg(long, value_name = "I")]
    node_rank: Option<usize>,
    /// Drain this node in Slurm when it is critical; with =unknown also when it could not be checked
    ///
    /// The reason begins with `perfagent: `. A node that is drained already is left as it is. scontrol has 20 s, so that a
    /// `HealthCheckProgram` with a --timeout of 30 s ends before Slurm's limit of 60 s.
    #[arg(
        long,
        value_name = "VERDICT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "critical",
        help_heading = "Slurm"
    )]
    pub(super) slurm_drain: Option<Drain>,
    /// Give this node back to Slurm when it is ok again (or has warnings only) and its reason begins with `perfagent: `
    #[arg(long, help_heading = "Slurm")]
    pub(super) slurm_resume: bool,
}

/// From which verdict on a node is drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Drain {
    Critical,
    Unknown,
}

impl Drain {
    pub(super) fn least(self) -> Status {
        match self {
            Self::Critical => Status::Critical,
            Self::Unknown => Status::Unknown,
        }
    }
}

impl Arguments {
    pub(super) fn flags(&self) -> Flags {
        Flags { nodes: self.nnodes, node_rank: self.node_rank }
    }

    /// Where rank 0 gathers: the whole address and its port.
    pub(super) fn address(&self) -> anyhow::Result<Option<(&str, u16)>> {
        let Some(at) = self.gather_at.as_deref() else { return Ok(None) };
        let port = at.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        let port = port.and_then(|(_, port)| port.parse().ok());
        let port: u16 = port.with_context(|| {
            format!("--gather-at {at}: is no HOST:PORT; write the name of rank 0's node and a port: node1:29400")
        })?;
        ensure!(port > 0, "--gather-at {at}: all nodes must know the port; choose one above 1023");
        Ok(Some((at, port)))
    }
}
