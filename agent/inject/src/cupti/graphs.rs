//! Whether CUDA graphs have so many nodes that recording them as wholes would be the better choice.
//!
//! That is the user's choice and cannot be ours on the way: with CUDA 13.0 on an H200 a program crashed in the first launch
//! of a graph that had been made before CUPTI was asked for whole graphs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use perfagent_spool::MonotonicNs;

use super::session::{self, Session};

/// Kernels of graphs a second from which on there are many: their records alone are over 20 MB/s.
const MANY: u64 = 100_000;
/// Over which time that is looked at.
const LOOK_NS: u64 = 1_000_000_000;

/// How many nodes of graphs have been recorded, and how many when that was last looked at.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Whether to tell of it, still.
    automatic: AtomicBool,
    nodes: AtomicU64,
    seen: AtomicU64,
    since: AtomicU64,
}

impl Watch {
    pub(super) fn new(automatic: bool) -> Self {
        Self { automatic: automatic.into(), ..Self::default() }
    }

    /// A node of a graph was recorded; called by one thread, which so needs no atomic addition.
    pub(super) fn count(&self) {
        self.nodes.store(self.nodes.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// The rate to be told of, when there were too many; called by one thread, now and then.
    fn too_many(&self, now: MonotonicNs) -> Option<u64> {
        let since = self.since.load(Ordering::Relaxed);
        let passed = now.0.saturating_sub(since);
        if passed < LOOK_NS {
            return None;
        }
        self.since.store(now.0, Ordering::Relaxed);
        let nodes = self.nodes.load(Ordering::Relaxed);
        let nodes = nodes - self.seen.swap(nodes, Ordering::Relaxed);
        // The first look has nothing to compare with.
        let rate = u128::from(nodes) * 1_000_000_000 / u128::from(passed);
        (since != 0 && rate > u128::from(MANY)).then_some(rate as u64)
    }
}

/// Tells, once, of nodes that are very many.
pub(super) fn look(session: &Session) {
    let watch = &session.graphs;
    if !watch.automatic.load(Ordering::Relaxed) {
        return;
    }
    if let Some(rate) = watch.too_many(MonotonicNs::now()) {
        watch.automatic.store(false, Ordering::Relaxed);
        session::note(&format!(
            "nodes of CUDA graphs come at {rate} a second and each is recorded; --cuda-graphs graph records launches as \
             wholes, at a fraction of the cost"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_too_high_when_it_stays_so_for_a_second() {
        let watch = Watch::new(true);
        let at = |ms: u64| MonotonicNs(1_000_000_000_000 + ms * 1_000_000);
        watch.nodes.fetch_add(10_000_000, Ordering::Relaxed);
        assert_eq!(watch.too_many(at(0)), None, "the time before the first look is not known");
        watch.nodes.fetch_add(150_000, Ordering::Relaxed);
        assert_eq!(watch.too_many(at(500)), None);
        assert_eq!(watch.too_many(at(1_000)), Some(150_000));
        assert_eq!(watch.too_many(at(2_000)), None, "counting began anew");
        watch.nodes.fetch_add(150_000, Ordering::Relaxed);
        assert_eq!(watch.too_many(at(4_000)), None, "75,000 a second");
    }
}
