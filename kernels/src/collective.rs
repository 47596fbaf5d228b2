//! Times of collectives over sizes and numbers of ranks, whichever library carries them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::fit::line;
use crate::{Latency, Line};

/// How nccl-tests counts, of which the figures here are too.
pub const NCCL_TESTS_CONVENTION: &str = "as nccl-tests: bytes are the size of the whole vector that a rank has in the end (of reduce_scatter: at first), algorithm bandwidth is bytes by time, bus bandwidth that times 2(n-1)/n for all_reduce, (n-1)/n for all_gather and reduce_scatter, 1 for broadcast";

/// A collective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collective {
    /// Every rank has the sum.
    AllReduce,
    /// Every rank has the parts of all.
    AllGather,
    /// Every rank has a part of the sum.
    ReduceScatter,
    /// Every rank has what the first one had.
    Broadcast,
}

/// Collectives, or why there are none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Collectives {
    /// What is counted.
    pub convention: Cow<'static, str>,
    /// The library, such as `NCCL 2.28.3` or `Gloo of libtorch 2.11.0`.
    pub library: Option<String>,
    /// Why there are none.
    pub reason: Option<String>,
    /// One row a collective and number of ranks.
    pub curves: Vec<OfRanks>,
}

/// One collective of one number of ranks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfRanks {
    /// `all_reduce`, `all_gather`, `reduce_scatter`, `broadcast`.
    pub collective: Cow<'static, str>,
    /// How many GPUs, the first of the machine, or processes took part.
    pub ranks: usize,
    /// The line through the medians; `None` where they make none.
    pub fit: Option<Line>,
    /// From the smallest size to the largest.
    pub points: Vec<CollectivePoint>,
}

/// One size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CollectivePoint {
    /// Bytes of the vector.
    pub bytes: u64,
    /// Median algorithm bandwidth in 1e9 bytes/s.
    pub algorithm_gbps: f64,
    /// Median bus bandwidth in 1e9 bytes/s.
    pub bus_gbps: f64,
    /// The time of one.
    #[serde(flatten)]
    pub time: Latency,
}

impl Collective {
    /// All, in the order in which they are measured.
    pub const ALL: [Self; 4] =
        [Self::AllReduce, Self::AllGather, Self::ReduceScatter, Self::Broadcast];

    /// Its name in a result.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AllReduce => "all_reduce",
            Self::AllGather => "all_gather",
            Self::ReduceScatter => "reduce_scatter",
            Self::Broadcast => "broadcast",
        }
    }

    /// Bus bandwidth by algorithm bandwidth.
    #[must_use]
    pub fn bus_factor(self, ranks: usize) -> f64 {
        let ranks = ranks as f64;
        match self {
            Self::AllReduce => 2.0 * (ranks - 1.0) / ranks,
            Self::AllGather | Self::ReduceScatter => (ranks - 1.0) / ranks,
            Self::Broadcast => 1.0,
        }
    }

    /// What every number of a rank's result is when it was one on every rank.
    #[must_use]
    pub fn result(self, ranks: usize) -> f32 {
        match self {
            Self::AllReduce | Self::ReduceScatter => ranks as f32,
            Self::AllGather | Self::Broadcast => 1.0,
        }
    }
}

impl Collectives {
    /// None, for this reason.
    #[must_use]
    pub fn none(convention: &'static str, reason: String) -> Self {
        Self {
            convention: convention.into(),
            library: None,
            reason: Some(reason),
            curves: Vec::new(),
        }
    }

    /// Numbers of ranks that are measured where there are places for so many: two, four, eight ... and all.
    #[must_use]
    pub fn rank_counts(places: usize) -> Vec<usize> {
        let powers = std::iter::successors(Some(2), |ranks| Some(ranks * 2));
        let mut counts: Vec<usize> = powers.take_while(|ranks| *ranks < places).collect();
        if places >= 2 {
            counts.push(places);
        }
        counts
    }

    /// Powers of two of bytes, every `step`-th, each a whole number of 4-byte floats for every rank.
    #[must_use]
    pub fn sizes(powers: std::ops::RangeInclusive<u32>, step: usize, ranks: usize) -> Vec<u64> {
        let unit = 4 * ranks as u64;
        powers.step_by(step).map(|power| (1_u64 << power).next_multiple_of(unit)).collect()
    }
}

impl OfRanks {
    /// A collective's times, with the line through their medians.
    #[must_use]
    pub fn new(collective: Collective, ranks: usize, times: Vec<(u64, Latency)>) -> Self {
        let points: Vec<_> =
            times.iter().map(|(bytes, time)| (*bytes as f64, time.median_ns / 1e9)).collect();
        let point = |(bytes, time): (u64, Latency)| {
            let algorithm_gbps =
                if time.median_ns > 0.0 { bytes as f64 / time.median_ns } else { 0.0 };
            let bus_gbps = algorithm_gbps * collective.bus_factor(ranks);
            CollectivePoint { bytes, algorithm_gbps, bus_gbps, time }
        };
        Self {
            collective: collective.name().into(),
            ranks,
            fit: line(&points),
            points: times.into_iter().map(point).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Collective, Collectives};

    #[test]
    fn numbers_of_ranks_double_up_to_all() {
        assert!(Collectives::rank_counts(1).is_empty());
        assert_eq!(Collectives::rank_counts(2), [2]);
        assert_eq!(Collectives::rank_counts(6), [2, 4, 6]);
        assert_eq!(Collectives::rank_counts(8), [2, 4, 8]);
    }

    #[test]
    fn every_rank_has_whole_numbers() {
        for ranks in 2..=16 {
            let all = Collectives::sizes(10..=28, 1, ranks);
            assert!(all.iter().all(|bytes| bytes % (4 * ranks as u64) == 0), "{all:?}");
            assert_eq!((all.len(), Collectives::sizes(12..=26, 4, ranks).len()), (19, 4));
        }
    }

    /// The factors of nccl-tests' PERFORMANCE.md.
    #[test]
    fn bus_bandwidth_is_that_of_nccl_tests() {
        let eighths =
            Collective::ALL.map(|collective| (collective.bus_factor(8) * 8.0).round() as u32);
        assert_eq!(eighths, [14, 7, 7, 8]);
    }

    #[test]
    fn results_are_those_of_ones() {
        assert_eq!(Collective::ALL.map(|collective| collective.result(4) as u32), [4, 1, 4, 1]);
    }
}
