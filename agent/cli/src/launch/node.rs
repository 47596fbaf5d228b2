//! This process's part in the run.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use perfagent_health::launch::{Collector, Folder, Place, Wait};
use perfagent_health::slurm::Permit;
use perfagent_health::{Health, host_name};

use super::Arguments;
use crate::printer::Printer;

/// All talk with Slurm, whose limit for a health check is 60 s.
const SLURM: Duration = Duration::from_secs(20);
/// How much longer a node tries to report than rank 0 waits: started at one time, they still begin at different ones.
const LATER: Duration = Duration::from_secs(10);

/// The node that this process examines.
pub(crate) struct Node {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) folder: Option<Folder>,
    pub(super) gather: Option<Gather>,
    pub(super) slurm: Option<Permit>,
}

/// A node's side of the collection.
pub(super) enum Gather {
    /// It is rank 0's.
    Here(Collector),
    /// It reports there, until then.
    There { at: String, deadline: Instant },
}

impl Node {
    /// Finds out which process this is; `None`: one that has nothing to do, as another examines its node.
    pub(crate) fn begin(
        arguments: &Arguments,
        timeout: Duration,
        printer: &mut Printer,
    ) -> anyhow::Result<Option<Self>> {
        let address = arguments.address()?;
        let place = Place::of_this_process(arguments.flags())?;
        if !place.examines() {
            let variable = place.local_variable.unwrap_or("the launcher's variables");
            printer.note(format!(
                "rank {} of this node ({variable}) examines nothing: its rank 0 does",
                place.local_rank
            ));
            return Ok(None);
        }
        let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        // A batch script, which Slurm starts on one node; a prolog is on each.
        let script = place.launcher.is_none() && variable("SLURM_SCRIPT_CONTEXT").is_none();
        let nodes = variable("SLURM_JOB_NUM_NODES").filter(|_| script && arguments.out.is_some());
        if let Some(nodes) = nodes.filter(|nodes| nodes != "1") {
            printer.note(format!(
                "a job of {nodes} nodes, of which only this one is examined; start it with srun --ntasks-per-node=1"
            ));
        }
        let name = arguments.node.clone().or_else(|| variable("SLURMD_NODENAME"));
        // Slurm's own name for a node is the first part of the host's.
        let short = || host_name().split('.').next().unwrap_or_default().to_owned();
        let slurm = (arguments.slurm_drain.is_some() || arguments.slurm_resume).then(|| Permit {
            node: name.clone().unwrap_or_else(short),
            drain: arguments.slurm_drain.map(super::arguments::Drain::least),
            resume: arguments.slurm_resume,
            patience: SLURM,
        });
        let gather = match address {
            None => None,
            Some((at, port)) => {
                ensure!(
                    place.launcher.is_some() || place.size > 1,
                    "--gather-at {at}: nothing tells of other nodes; start it with srun, mpirun or torchrun, or say \
                     --nnodes N --node-rank I"
                );
                Some(gather(at, port, &place, timeout + arguments.wait)?)
            }
        };
        Ok(Some(Self {
            name: name.unwrap_or_else(host_name),
            place,
            folder: arguments.out.as_ref().map(Folder::new),
            gather,
            slurm,
        }))
    }

    /// Gives the document the node's name.
    pub(crate) fn name(&self, health: Health) -> Health {
        Health { host: self.name.clone(), ..health }
    }
}

/// Rank 0 listens before it examines its own node, so that the fastest of the others finds it there.
fn gather(at: &str, port: u16, place: &Place, patience: Duration) -> anyhow::Result<Gather> {
    let deadline = Instant::now() + patience;
    if place.rank > 0 {
        return Ok(Gather::There { at: at.to_owned(), deadline: deadline + LATER });
    }
    let wait = Wait { deadline, patience, at: at.to_owned() };
    let collector = Collector::listen(port, place, wait).with_context(|| {
        format!("--gather-at {at}: port {port} cannot be listened at here; choose another one")
    })?;
    Ok(Gather::Here(collector))
}

/// Seconds as an option's value.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.0..=86_400.0).contains(seconds));
    let seconds = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "give a number of seconds, at most a day".to_owned())
}
