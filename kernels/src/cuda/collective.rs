//! Collectives of NCCL over sizes, between the GPUs of this machine, and the line through the times of each number of
//! ranks.
#![expect(unsafe_code, reason = "runs collectives")]

use std::sync::Arc;
use std::time::Instant;

use cudarc::driver::{CudaSlice, CudaStream, DevicePtr as _};

use super::bench::{Bench, latency};
use super::driver::{Gpu, count};
use super::nccl::{Nccl, Part, Ranks};
use crate::{
    CeilingError, Collective, Collectives, Effort, NCCL_TESTS_CONVENTION as CONVENTION, OfRanks,
};

/// Collectives in one repetition, up to this size and beyond.
const SMALL_BYTES: u64 = 1 << 20;
const IN_A_ROW: (u32, u32) = (20, 4);

fn sizes(ranks: usize, effort: Effort) -> Vec<u64> {
    Collectives::sizes(effort.choose(10..=28, 12..=26), effort.choose(1, 4), ranks)
}

/// Numbers that are passed to NCCL for a vector of so many.
fn count_of(collective: Collective, numbers: usize, ranks: usize) -> usize {
    match collective {
        Collective::AllReduce | Collective::Broadcast => numbers,
        Collective::AllGather | Collective::ReduceScatter => numbers / ranks,
    }
}

pub(super) fn measure(bench: &Bench) -> Result<Collectives, CeilingError> {
    let devices = count();
    if devices < 2 {
        let reason = "collectives need two GPUs, this machine shows one".to_owned();
        return Ok(Collectives::none(CONVENTION, reason));
    }
    let nccl = match Nccl::find() {
        Ok(nccl) => nccl,
        Err(reason) => return Ok(Collectives::none(CONVENTION, reason)),
    };
    let mut curves = Vec::new();
    for ranks in Collectives::rank_counts(devices) {
        curves.extend(of_ranks(bench, &nccl, ranks)?);
    }
    let library = Some(format!("NCCL {}", nccl.version()));
    let convention = format!("{CONVENTION}; one process drives all GPUs").into();
    Ok(Collectives { convention, library, reason: None, curves })
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
    for collective in Collective::ALL {
        let mut times = Vec::new();
        for &bytes in &sizes {
            let count_of_call = count_of(collective, bytes as usize / 4, count);
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
            times.push((bytes, time));
        }
        curves.push(OfRanks::new(collective, count, times));
    }
    Ok(curves)
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
    use super::count_of;
    use crate::Collective;

    #[test]
    fn counts_are_those_of_nccl() {
        let counts = Collective::ALL.map(|collective| count_of(collective, 64, 4));
        assert_eq!(counts, [64, 16, 16, 64]);
    }
}
