//! Whether CUDA graphs are recorded node by node or as wholes, where it is left to us.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use perfagent_spool::MonotonicNs;

use super::kind;
use super::session::{self, Session};

/// Kernels of graphs a second from which on graphs are recorded as wholes: their records alone would be over 20 MB/s.
const MANY: u64 = 100_000;
/// Over which time that is looked at.
const LOOK_NS: u64 = 1_000_000_000;

/// How many nodes of graphs have been recorded, and when that was last looked at.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Whether it is left to us, still.
    automatic: AtomicBool,
    /// Whether that has been decided for wholes.
    whole: AtomicBool,
    nodes: AtomicU64,
    since: AtomicU64,
}

impl Watch {
    pub(super) fn new(automatic: bool) -> Self {
        Self { automatic: automatic.into(), ..Self::default() }
    }

    /// Whether graphs were found to have too many nodes.
    pub(super) fn are_whole(&self) -> bool {
        self.whole.load(Ordering::Relaxed)
    }

    /// A node of a graph was recorded.
    pub(super) fn count(&self) {
        self.nodes.fetch_add(1, Ordering::Relaxed);
    }

    /// The rate to be told of, when there were too many; called by one thread, now and then.
    fn too_many(&self, now: MonotonicNs) -> Option<u64> {
        let since = self.since.load(Ordering::Relaxed);
        let passed = now.0.saturating_sub(since);
        if passed < LOOK_NS {
            return None;
        }
        self.since.store(now.0, Ordering::Relaxed);
        let nodes = self.nodes.swap(0, Ordering::Relaxed);
        // The first look has nothing to compare with.
        let rate = u128::from(nodes) * 1_000_000_000 / u128::from(passed);
        (since != 0 && rate > u128::from(MANY)).then_some(rate as u64)
    }
}

/// Goes over to whole graphs when their nodes are too many.
pub(super) fn look(session: &Session) {
    let watch = &session.graphs;
    if !watch.automatic.load(Ordering::Relaxed) {
        return;
    }
    if let Some(rate) = watch.too_many(MonotonicNs::now()) {
        watch.automatic.store(false, Ordering::Relaxed);
        if kind::enable_graphs(session) {
            watch.whole.store(true, Ordering::Relaxed);
            session::note(&format!(
                "CUDA graphs are recorded as wholes from here on: their nodes came at {rate} a second \
                 (--cuda-graphs node records every one)"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_too_high_when_it_stays_so_for_a_second() {
        let watch = Watch::new(true);
        let at = |ms: u64| MonotonicNs(1_000_000_000_000 + ms * 1_000_000);
        watch.nodes.store(10_000_000, Ordering::Relaxed);
        assert_eq!(watch.too_many(at(0)), None, "the time before the first look is not known");
        watch.nodes.store(150_000, Ordering::Relaxed);
        assert_eq!(watch.too_many(at(500)), None);
        assert_eq!(watch.too_many(at(1_000)), Some(150_000));
        assert_eq!(watch.too_many(at(2_000)), None, "counting began anew");
        watch.nodes.store(150_000, Ordering::Relaxed);
        assert_eq!(watch.too_many(at(4_000)), None, "75,000 a second");
    }
}
