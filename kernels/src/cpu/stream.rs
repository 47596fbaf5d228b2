//! Memory bandwidth of a processor, after STREAM (<https://www.cs.virginia.edu/stream/>).
//!
//! One thread a CPU of the mask, bound to it, each with its own share of the three arrays, which it touches first, so
//! that the pages lie at that CPU's memory controller. A repetition lasts from the first thread's start to the last
//! thread's end. `copy` is what the C library makes of it: it may write past the caches, where the other kernels read
//! each line before they overwrite it, so it can be well above them.

use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::rate::{MemoryBandwidth, Rate, STREAM_CONVENTION};
use crate::sample::{Samples, Stop, Stopped};
use crate::{CeilingError, Effort};

const SCALAR: f64 = 3.0;
const ELEMENT: u64 = size_of::<f64>() as u64;
/// STREAM's rule: each array at least four times the last-level caches together.
const BEYOND_CACHE: u64 = 4;
/// Where the caches are unknown or tiny: more than any cache that a single socket has been sold with, doubled.
const LEAST_ARRAY_BYTES: u64 = 128 << 20;
const UNKNOWN_CACHE_ARRAY_BYTES: u64 = 1 << 30;

/// How to measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct StreamOptions {
    /// Bytes of each array; without, as large as the caches demand.
    pub(super) array_bytes: Option<u64>,
    /// When all four kernels have been repeated enough; one repetition more is run first and not counted.
    pub(super) stop: Stop,
}

impl StreamOptions {
    /// Arrays as large as the caches demand, repeated as this effort asks for.
    pub(super) fn of(effort: Effort) -> Self {
        Self { array_bytes: None, stop: Stop::figure(effort) }
    }
}

/// The kernels in their order, with the arrays that each names.
const KERNELS: [(&str, u64); 4] = [("copy", 2), ("scale", 2), ("add", 3), ("triad", 3)];

/// The share of one thread.
struct Share {
    cpu: usize,
    length: usize,
    a: Vec<f64>,
    b: Vec<f64>,
    c: Vec<f64>,
}

/// Start and end of one repetition of each kernel, of one thread.
type Times = [(Instant, Instant); 4];

/// Measures with one thread on each of `cpus`.
pub(super) fn measure(
    root: &Path,
    cpus: &[usize],
    cache_bytes: Option<u64>,
    options: &StreamOptions,
) -> Result<MemoryBandwidth, CeilingError> {
    let wanted = options.array_bytes.unwrap_or_else(|| match cache_bytes {
        Some(bytes) => (bytes * BEYOND_CACHE).max(LEAST_ARRAY_BYTES),
        None => UNKNOWN_CACHE_ARRAY_BYTES,
    });
    let length = (wanted / ELEMENT) as usize / cpus.len().max(1);
    let array_bytes = (length * cpus.len()) as u64 * ELEMENT;
    if let Some(available_bytes) = available(root)
        && array_bytes * 3 > available_bytes / 10 * 9
    {
        return Err(CeilingError::TooLittleMemory { array_bytes, available_bytes });
    }
    let shares = cpus.iter().map(|&cpu| Share::reserve(cpu, length));
    let shares: Vec<Share> = shares
        .collect::<Option<_>>()
        .ok_or(CeilingError::TooLittleMemory { array_bytes, available_bytes: 0 })?;
    let (times, stopped) = run(shares, options.stop)?;
    let kernels = KERNELS.iter().zip(times).map(|(&(name, arrays), times)| {
        Rate::new(name, array_bytes * arrays, &Samples { times, stopped })
    });
    Ok(MemoryBandwidth {
        convention: STREAM_CONVENTION,
        array_bytes,
        threads: Some(cpus.len()),
        kernels: kernels.collect(),
    })
}

/// What the threads have in common.
struct Round {
    barrier: Barrier,
    stop: Stop,
    state: Mutex<State>,
}

struct State {
    start: Instant,
    /// The repetition at hand, of each thread that has finished it.
    repetition: Vec<Times>,
    /// Times of all threads together, of each kernel.
    times: [Vec<Duration>; 4],
    warmed_up: bool,
    stopped: Option<Stopped>,
}

impl State {
    /// Adds a repetition that all threads have finished and decides whether it was the last.
    fn close(&mut self, stop: &Stop) {
        let repetition = std::mem::take(&mut self.repetition);
        if !std::mem::replace(&mut self.warmed_up, true) {
            // The first repetition faults the pages in.
            self.start = Instant::now();
            return;
        }
        for (kernel, times) in self.times.iter_mut().enumerate() {
            times.push(together(&repetition, kernel));
        }
        let elapsed = self.start.elapsed();
        let each = self.times.each_ref().map(|times| stop.now(times, elapsed));
        // A kernel that is done waits for the others; what ended the last of them is why it ended.
        if each.iter().all(Option::is_some) {
            let bound = each.iter().flatten().find(|stopped| **stopped != Stopped::Tight);
            self.stopped = Some(bound.copied().unwrap_or(Stopped::Tight));
        }
    }
}

/// From the first start to the last end of one repetition.
fn together(repetition: &[Times], kernel: usize) -> Duration {
    let start = repetition.iter().map(|times| times[kernel].0).min();
    let end = repetition.iter().map(|times| times[kernel].1).max();
    start.zip(end).map_or(Duration::ZERO, |(start, end)| end.duration_since(start))
}

fn run(shares: Vec<Share>, stop: Stop) -> Result<([Vec<Duration>; 4], Stopped), CeilingError> {
    let state = State {
        start: Instant::now(),
        repetition: Vec::new(),
        times: Default::default(),
        warmed_up: false,
        stopped: None,
    };
    let round = Round { barrier: Barrier::new(shares.len()), stop, state: Mutex::new(state) };
    thread::scope(|scope| {
        // Threads wait for a word before they meet at the barrier: should one not start, the others must not
        // wait there for ever.
        let mut gates = Vec::new();
        let mut threads = Vec::new();
        for share in shares {
            let (gate, go) = sync_channel::<()>(1);
            let round = &round;
            let thread = thread::Builder::new()
                .name("stream".to_owned())
                .spawn_scoped(scope, move || share.work(&go, round))
                .map_err(|source| CeilingError::System {
                    device: "cpu".to_owned(),
                    doing: "start a thread on each CPU",
                    remedy: "raise the limit of processes, see `ulimit -u`",
                    source,
                })?;
            gates.push(gate);
            threads.push(thread);
        }
        for gate in gates {
            // A thread that is gone has nothing to be told.
            let _ = gate.send(());
        }
        threads.into_iter().try_for_each(|thread| match thread.join() {
            Ok(checked) => checked,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })?;
    let state = round.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((state.times, state.stopped.unwrap_or(Stopped::Time)))
}

impl Share {
    /// Reserves addresses only: the pages come when the thread touches them.
    fn reserve(cpu: usize, length: usize) -> Option<Self> {
        let array = || {
            let mut array = Vec::new();
            array.try_reserve_exact(length).ok().map(|()| array)
        };
        Some(Self { cpu, length, a: array()?, b: array()?, c: array()? })
    }

    fn work(mut self, go: &Receiver<()>, round: &Round) -> Result<(), CeilingError> {
        if go.recv().is_err() {
            return Ok(());
        }
        let mut own = CpuSet::new();
        own.set(self.cpu);
        // Where binding is forbidden the scheduler spreads the threads, only less evenly.
        let _ = sched_setaffinity(None, &own);
        self.a.resize(self.length, 1.0);
        self.b.resize(self.length, 2.0);
        self.c.resize(self.length, 0.0);
        let state = || round.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rounds = 0;
        loop {
            let times = self.repetition(&round.barrier);
            rounds += 1;
            state().repetition.push(times);
            if round.barrier.wait().is_leader() {
                state().close(&round.stop);
            }
            round.barrier.wait();
            if state().stopped.is_some() {
                return self.check(rounds);
            }
        }
    }

    fn repetition(&mut self, barrier: &Barrier) -> Times {
        let Self { a, b, c, .. } = self;
        [
            timed(barrier, || c.copy_from_slice(a)),
            timed(barrier, || {
                for (b, c) in b.iter_mut().zip(&*c) {
                    *b = SCALAR * c;
                }
            }),
            timed(barrier, || {
                for ((c, a), b) in c.iter_mut().zip(&*a).zip(&*b) {
                    *c = a + b;
                }
            }),
            timed(barrier, || {
                for ((a, b), c) in a.iter_mut().zip(&*b).zip(&*c) {
                    *a = b + SCALAR * c;
                }
            }),
        ]
    }

    /// Compares every element with the same arithmetic on one number.
    fn check(&self, rounds: usize) -> Result<(), CeilingError> {
        let (mut a, mut b, mut c) = (1.0, 2.0, 0.0);
        for _ in 0..rounds {
            c = a;
            b = SCALAR * c;
            c = a + b;
            a = b + SCALAR * c;
        }
        for (kernel, array, expected) in
            [("triad", &self.a, a), ("scale", &self.b, b), ("add", &self.c, c)]
        {
            let far = |value: &&f64| ((*value - expected) / expected).abs() > 1e-12;
            if let Some(&found) = array.iter().find(far) {
                let device = "cpu".to_owned();
                return Err(CeilingError::WrongResult { device, kernel, found, expected });
            }
        }
        Ok(())
    }
}

fn timed(barrier: &Barrier, work: impl FnOnce()) -> (Instant, Instant) {
    barrier.wait();
    let start = Instant::now();
    work();
    (start, Instant::now())
}

/// Free memory; `None` where the kernel does not tell.
fn available(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{Share, StreamOptions, measure};
    use crate::sample::{Stop, Stopped};
    use crate::{CeilingError, Effort};

    #[test]
    fn bytes_are_counted_as_stream_does() {
        let options = StreamOptions {
            array_bytes: Some(1 << 20),
            stop: Stop { least: 7, most: 7, seconds: 60.0, within: 0.0 },
        };
        let measured = measure(Path::new("/"), &[0, 1], None, &options).unwrap();
        assert_eq!((measured.array_bytes, measured.threads), (1 << 20, Some(2)));
        let counted: Vec<_> =
            measured.kernels.iter().map(|rate| (rate.name, rate.bytes >> 20)).collect();
        assert_eq!(counted, [("copy", 2), ("scale", 2), ("add", 3), ("triad", 3)]);
        for rate in &measured.kernels {
            assert_eq!((rate.repetitions, rate.stopped), (7, Stopped::Repetitions));
            let interval = rate.interval_gbps.unwrap();
            assert!(interval.low <= rate.median_gbps && rate.median_gbps <= interval.high);
            assert!(rate.best_gbps >= rate.median_gbps && rate.median_gbps > 0.0, "{rate:?}");
        }
    }

    #[test]
    fn a_wrong_result_is_no_measurement() {
        let mut share =
            Share { cpu: 0, length: 2, a: vec![15.0; 2], b: vec![3.0; 2], c: vec![4.0; 2] };
        share.check(1).unwrap();
        share.b[1] = 2.0;
        let refused = share.check(1).unwrap_err();
        assert!(matches!(refused, CeilingError::WrongResult { kernel: "scale", .. }), "{refused}");
    }

    #[test]
    fn arrays_that_do_not_fit_are_refused_before_they_are_made() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("proc")).unwrap();
        fs::write(root.path().join("proc/meminfo"), "MemAvailable:  1048576 kB\n").unwrap();
        let refused = measure(root.path(), &[0], Some(128 << 20), &StreamOptions::of(Effort::Full))
            .unwrap_err();
        assert!(refused.to_string().contains("536870912 bytes"), "{refused}");
    }
}
