//! What a recording does not tell of a rank that took part in more than it holds.

use perfagent_analysis::report::{Basis, Rank};
use perfagent_analysis::{COMMUNICATION, Rules};

/// Whether a rank used a GPU of whose work nothing is recorded: traces of a GPU's run may hold the host's side alone.
pub(crate) fn gpu_is_missing(rank: &Rank) -> bool {
    let handed_over = || rank.collectives.iter().any(|row| row.untimed > 0);
    let is_nccl = || rank.ranges.iter().any(|row| row.name.starts_with("nccl"));
    rank.basis != Basis::Gpu && (!rank.devices.is_empty() || handed_over() || is_nccl())
}

/// Whether a rank communicated, and the times of that are not in its figures.
pub(crate) fn communication_is_missing(rank: &Rank) -> bool {
    let rules = Rules::built_in();
    let is_communication =
        || rank.ranges.iter().any(|row| rules.category(&row.name) == COMMUNICATION);
    gpu_is_missing(rank) || (rank.basis != Basis::Gpu && rank.comm_ns == 0 && is_communication())
}
