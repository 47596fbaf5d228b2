//! Collectives of NCCL over sizes, between the GPUs of this machine, and the line through the times of each number of
//! ranks.
#![expect(unsafe_code, reason = "runs collectives")]

mod nccl;

use std::sync::Arc;
use std::time::Instant;

use cudarc::driver::{CudaSlice, CudaStream, DevicePtr as _};
use serde::Serialize;

use super::bench::{Bench, latency};
use super::driver::{Gpu, count};
use crate::fit::{Line, line};
use crate::{CeilingError, Effort, Latency};
use nccl::{Collective, Nccl, Part, Ranks};

const CONVENTION: &str = "as nccl-tests: bytes are the size of the whole vector that a rank has in the end (of reduce_scatter: at first), algorithm bandwidth is bytes by time, bus bandwidth that times 2(n-1)/n for all_reduce, (n-1)/n for all_gather and reduce_scatter, 1 for broadcast; one process drives all GPUs";
const ALL: [Collective; 4] = [
    Collective::AllReduce,
    Collective::AllGather,
    Collective::ReduceScatter,
    Collective::Broadcast,
];
/// Collectives in one repetition, up to this size and beyond.
const SMALL_BYTES: u64 = 1 << 20;
const IN_A_ROW: (u32, u32) = (20, 4);

/// Collectives, or why there are none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Collectives {
    /// What is counted.
    pub convention: &'static str,
    /// The library, such as `NCCL 2.28.3`.
    pub library: Option<String>,
    /// Why there are none.
    pub reason: Option<String>,
    /// One row a collective and number of ranks.
    pub curves: Vec<OfRanks>,
}

/// One collective of one number of ranks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OfRanks {
    /// `all_reduce`, `all_gather`, `reduce_scatter`, `broadcast`.
    pub collective: &'static str,
    /// How many GPUs took part, the first of the machine.
    pub ranks: usize,
    /// The line through the medians; `None` where they make none.
    pub fit: Option<Line>,
    /// From the smallest size to the largest.
    pub points: Vec<Point>,
}

/// One size.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
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
    fn name(self) -> &'static str {
        match self {
            Self::AllReduce => "all_reduce",
            Self::AllGather => "all_gather",
            Self::ReduceScatter => "reduce_scatter",
            Self::Broadcast => "broadcast",
        }
    }

    /// Bus bandwidth by algorithm bandwidth.
    fn bus_factor(self, ranks: usize) -> f64 {
        let ranks = ranks as f64;
        match self {
            Self::AllReduce => 2.0 * (ranks - 1.0) / ranks,
            Self::AllGather | Self::ReduceScatter => (ranks - 1.0) / ranks,
            Self::Broadcast => 1.0,
        }
    }

    /// Numbers that are passed to NCCL for a vector of so many.
    fn count(self, numbers: usize, ranks: usize) -> usize {
        match self {
            Self::AllReduce | Self::Broadcast => numbers,
            Self::AllGather | Self::ReduceScatter => numbers / ranks,
        }
    }

    /// What every number is in the end when it was one on every rank.
    fn result(self, ranks: usize) -> f32 {
        match self {
            Self::AllReduce | Self::ReduceScatter => ranks as f32,
            Self::AllGather | Self::Broadcast => 1.0,
        }
    }
}

/// Two, four, eight ... and all.
fn rank_counts(devices: usize) -> Vec<usize> {
    let powers = std::iter::successors(Some(2), |ranks| Some(ranks * 2));
    let mut counts: Vec<usize> = powers.take_while(|ranks| *ranks < devices).collect();
    if devices >= 2 {
        counts.push(devices);
    }
    counts
}

/// Sizes in bytes, each a whole number of floats for every rank.
fn sizes(ranks: usize, effort: Effort) -> Vec<u64> {
    let (first, last) = effort.choose((10, 28), (12, 26));
    let steps = (first..=last).step_by(effort.choose(1, 4));
    let unit = 4 * ranks as u64;
    steps.map(|power| (1_u64 << power).next_multiple_of(unit)).collect()
}

pub(super) fn measure(bench: &Bench) -> Result<Collectives, CeilingError> {
    let none = |reason| Collectives {
        convention: CONVENTION,
        library: None,
        reason: Some(reason),
        curves: Vec::new(),
    };
    let devices = count();
    if devices < 2 {
        return Ok(none("collectives need two GPUs, this machine shows one".to_owned()));
    }
    let nccl = match Nccl::find() {
        Ok(nccl) => nccl,
        Err(reason) => return Ok(none(reason)),
    };
    let mut curves = Vec::new();
    for ranks in rank_counts(devices) {
        curves.extend(of_ranks(bench, &nccl, ranks)?);
    }
    let library = Some(format!("NCCL {}", nccl.version()));
    Ok(Collectives { convention: CONVENTION, library, reason: None, curves })
}

/// One rank: its device and its vectors.
struct Rank {
    gpu: Gpu,
    /// One of its own: the default stream waits for everything.
    stream: Arc<CudaStream>,
    send: CudaSlice<f32>,
    receive: CudaSlice<f32>,
}

impl Rank {
    fn start(ordinal: u32, numbers: usize) -> Result<Self, CeilingError> {
        let gpu = Gpu::open(ordinal)?;
        let send = gpu
            .stream
            .clone_htod(&vec![1_f32; numbers])
            .map_err(gpu.refused("allocate on the device"))?;
        let receive =
            gpu.stream.alloc_zeros(numbers).map_err(gpu.refused("allocate on the device"))?;
        gpu.stream.synchronize().map_err(gpu.refused("allocate on the device"))?;
        let stream = gpu.context.new_stream().map_err(gpu.refused("make a stream"))?;
        Ok(Self { gpu, stream, send, receive })
    }

    fn part(&self) -> Part {
        let stream = &self.gpu.stream;
        Part {
            send: self.send.device_ptr(stream).0,
            receive: self.receive.device_ptr(stream).0,
            stream: self.stream.cu_stream().cast(),
        }
    }

    fn wait(&self) -> Result<(), CeilingError> {
        self.stream.synchronize().map_err(self.gpu.refused("wait for a collective"))
    }
}

fn of_ranks(bench: &Bench, nccl: &Nccl, count: usize) -> Result<Vec<OfRanks>, CeilingError> {
    let refused = |said| CeilingError::Library {
        device: format!("cuda:0 to cuda:{}", count - 1),
        doing: "run a collective",
        library: "NCCL",
        said,
    };
    let sizes = sizes(count, bench.effort);
    let numbers = sizes.last().map_or(0, |bytes| *bytes as usize / 4);
    let ranks: Vec<Rank> =
        (0..count as u32).map(|ordinal| Rank::start(ordinal, numbers)).collect::<Result<_, _>>()?;
    let devices: Vec<i32> = (0..count as i32).collect();
    let parts: Vec<Part> = ranks.iter().map(Rank::part).collect();
    let mut connected = nccl.connect(&devices).map_err(refused)?;
    let mut curves = Vec::new();
    for collective in ALL {
        let mut points = Vec::new();
        for &bytes in &sizes {
            let count_of_call = collective.count(bytes as usize / 4, count);
            let run = |connected: &mut Ranks| {
                // SAFETY: every vector has as many numbers as the largest size, and lives as long as `ranks`.
                unsafe { connected.run(collective, &parts, count_of_call) }.map_err(refused)
            };
            let in_a_row = if bytes <= SMALL_BYTES { IN_A_ROW.0 } else { IN_A_ROW.1 };
            let time = latency(collective.name(), &bench.point(), in_a_row, || {
                let start = Instant::now();
                (0..in_a_row).try_for_each(|_| run(&mut connected))?;
                ranks.iter().try_for_each(Rank::wait)?;
                Ok(start.elapsed())
            })?;
            let received = if collective == Collective::ReduceScatter {
                count_of_call
            } else {
                bytes as usize / 4
            };
            ranks.iter().try_for_each(|rank| check(rank, collective, count, received))?;
            points.push(point(collective, count, bytes, time));
        }
        let times: Vec<_> =
            points.iter().map(|point| (point.bytes as f64, point.time.median_ns / 1e9)).collect();
        let fit = line(&times);
        curves.push(OfRanks { collective: collective.name(), ranks: count, fit, points });
    }
    Ok(curves)
}

fn point(collective: Collective, ranks: usize, bytes: u64, time: Latency) -> Point {
    let algorithm_gbps = if time.median_ns > 0.0 { bytes as f64 / time.median_ns } else { 0.0 };
    Point { bytes, algorithm_gbps, bus_gbps: algorithm_gbps * collective.bus_factor(ranks), time }
}

/// Compares the first and the last number of a rank's vector.
fn check(
    rank: &Rank,
    collective: Collective,
    ranks: usize,
    numbers: usize,
) -> Result<(), CeilingError> {
    let gpu = &rank.gpu;
    let expected = collective.result(ranks);
    for place in [0, numbers.saturating_sub(1)] {
        let found = gpu
            .stream
            .clone_dtoh(&rank.receive.slice(place..=place))
            .map_err(gpu.refused("read a result back"))?;
        gpu.stream.synchronize().map_err(gpu.refused("read a result back"))?;
        let found = found.first().copied().unwrap_or_default();
        if found.to_bits() != expected.to_bits() {
            return Err(CeilingError::WrongResult {
                device: gpu.device().to_owned(),
                kernel: collective.name(),
                found: f64::from(found),
                expected: f64::from(expected),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{ALL, Collective, rank_counts, sizes};
    use crate::Effort;

    #[test]
    fn numbers_of_ranks_double_up_to_all() {
        assert_eq!(rank_counts(1), []);
        assert_eq!(rank_counts(2), [2]);
        assert_eq!(rank_counts(6), [2, 4, 6]);
        assert_eq!(rank_counts(8), [2, 4, 8]);
    }

    #[test]
    fn every_rank_has_whole_numbers() {
        for ranks in 2..=16 {
            let all = sizes(ranks, Effort::Full);
            assert!(all.iter().all(|bytes| bytes % (4 * ranks as u64) == 0), "{all:?}");
            assert!(all.len() > 15 && sizes(ranks, Effort::Quick).len() >= 4);
        }
    }

    /// The factors of nccl-tests' PERFORMANCE.md.
    #[test]
    fn bus_bandwidth_is_that_of_nccl_tests() {
        let eighths = ALL.map(|collective| (collective.bus_factor(8) * 8.0).round() as u32);
        assert_eq!(eighths, [14, 7, 7, 8]);
    }

    #[test]
    fn counts_and_results_are_those_of_nccl() {
        assert_eq!(ALL.map(|collective| collective.count(64, 4)), [64, 16, 16, 64]);
        assert_eq!(ALL.map(|collective| collective.result(4) as u32), [4, 1, 4, 1]);
        assert_eq!(Collective::Broadcast.name(), "broadcast");
    }
}
