//! Which runs of a history are meant.

use std::path::PathBuf;

use perfagent_history::Selection;

/// As the user said.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Wanted {
    /// The history
    #[arg(long, value_name = "HISTORY.db")]
    pub(crate) store: PathBuf,
    /// Only runs on this branch
    #[arg(long, value_name = "NAME")]
    pub(crate) branch: Option<String>,
    /// Only runs of this suite
    #[arg(long, value_name = "NAME")]
    pub(crate) suite: Option<String>,
    /// Only runs on this machine
    #[arg(long, value_name = "NAME")]
    pub(crate) machine: Option<String>,
    /// Only runs of this commit; its beginning is enough
    #[arg(long, value_name = "ID")]
    pub(crate) commit: Option<String>,
}

impl Wanted {
    pub(crate) fn selection(&self) -> Selection {
        Selection {
            commit: self.commit.clone(),
            branch: self.branch.clone(),
            suite: self.suite.clone(),
            machine: self.machine.clone(),
        }
    }
}
