//! Measured rates and latencies, each with what is needed to check it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::sample::{Interval, Samples, Stopped, median, median_interval};

/// How bytes are counted: STREAM's own rule (<https://www.cs.virginia.edu/stream/ref.html>).
pub const STREAM_CONVENTION: &str = "STREAM: every array a kernel names counts once (copy and scale 2, add and triad 3 arrays of 8-byte floats); lines read only to be overwritten are not counted";

/// Rates of the four STREAM kernels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MemoryBandwidth {
    /// How bytes are counted.
    pub convention: &'static str,
    /// Bytes of each of the three arrays.
    pub array_bytes: u64,
    /// Threads that worked, of a processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// One row a kernel: `copy`, `scale`, `add`, `triad`.
    pub kernels: Vec<Rate>,
}

/// Bytes moved in the time that it took, over several repetitions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// What moved them.
    pub name: &'static str,
    /// Bytes a repetition.
    pub bytes: u64,
    /// Repetitions that were timed.
    pub repetitions: usize,
    /// The fastest repetition, in 1e9 bytes/s.
    pub best_gbps: f64,
    /// The median repetition, in 1e9 bytes/s.
    pub median_gbps: f64,
    /// Where the true median lies, in 1e9 bytes/s; `None` of fewer than six repetitions.
    pub interval_gbps: Option<Interval>,
    /// Why there are no more repetitions.
    pub stopped: Stopped,
    /// What the device drew meanwhile, in watts; `None` where that is not known (see `power`).
    pub mean_watts: Option<f64>,
}

impl Rate {
    /// The rates of `bytes` in each of these times.
    pub(crate) fn new(name: &'static str, bytes: u64, samples: &Samples) -> Self {
        let rates = Spread::of_work(bytes as f64 / 1e9, samples);
        Self {
            name,
            bytes,
            repetitions: rates.repetitions,
            best_gbps: rates.largest,
            median_gbps: rates.median,
            interval_gbps: rates.interval,
            stopped: samples.stopped,
            mean_watts: None,
        }
    }

    pub(crate) fn with_watts(self, mean_watts: Option<f64>) -> Self {
        Self { mean_watts, ..self }
    }
}

/// Floating-point operations in the time that they took, over several repetitions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compute {
    /// Operations a repetition; a fused multiply-add is two.
    pub operations: f64,
    /// Repetitions that were timed.
    pub repetitions: usize,
    /// The fastest repetition, in 1e12 operations/s.
    pub best_tflops: f64,
    /// The median repetition, in 1e12 operations/s.
    pub median_tflops: f64,
    /// Where the true median lies, in 1e12 operations/s; `None` of fewer than six repetitions.
    pub interval_tflops: Option<Interval>,
    /// Why there are no more repetitions.
    pub stopped: Stopped,
    /// What the device drew meanwhile, in watts; `None` where that is not known (see `power`).
    pub mean_watts: Option<f64>,
}

impl Compute {
    /// The rates of so many operations in each of these times.
    #[must_use]
    pub fn new(operations: f64, samples: &Samples, mean_watts: Option<f64>) -> Self {
        let rates = Spread::of_work(operations / 1e12, samples);
        Self {
            operations,
            repetitions: rates.repetitions,
            best_tflops: rates.largest,
            median_tflops: rates.median,
            interval_tflops: rates.interval,
            stopped: samples.stopped,
            mean_watts,
        }
    }
}

/// How long something takes that moves no data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// What took it.
    pub name: Cow<'static, str>,
    /// Times that were taken.
    pub repetitions: usize,
    /// The shortest.
    pub best_ns: f64,
    /// The median.
    pub median_ns: f64,
    /// Where the true median lies, in nanoseconds; `None` of fewer than six times.
    pub interval_ns: Option<Interval>,
    /// Why there are no more times.
    pub stopped: Stopped,
}

impl Latency {
    /// One of `parts` equal parts of each of these times.
    #[must_use]
    pub fn new(name: &'static str, samples: &Samples, parts: u32) -> Self {
        let mut nanos: Vec<f64> =
            samples.times.iter().map(|time| time.as_nanos() as f64 / f64::from(parts)).collect();
        nanos.sort_by(f64::total_cmp);
        Self {
            name: name.into(),
            repetitions: nanos.len(),
            best_ns: nanos.first().copied().unwrap_or(0.0),
            median_ns: median(&nanos),
            interval_ns: median_interval(&nanos),
            stopped: samples.stopped,
        }
    }
}

/// Work a second in each repetition.
struct Spread {
    repetitions: usize,
    largest: f64,
    median: f64,
    interval: Option<Interval>,
}

impl Spread {
    /// Times of zero, shorter than the clock can tell, are left out.
    fn of_work(work: f64, samples: &Samples) -> Self {
        let times = samples.times.iter().filter(|time| !time.is_zero());
        let mut rates: Vec<f64> = times.map(|time| work / time.as_secs_f64()).collect();
        rates.sort_by(f64::total_cmp);
        Self {
            repetitions: rates.len(),
            largest: rates.last().copied().unwrap_or(0.0),
            median: median(&rates),
            interval: median_interval(&rates),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Compute, Latency, Rate};
    use crate::sample::{Samples, Stopped};

    fn samples(times: impl IntoIterator<Item = Duration>) -> Samples {
        Samples { times: times.into_iter().collect(), stopped: Stopped::Repetitions }
    }

    #[test]
    fn a_rate_is_bytes_over_time() {
        let rate = Rate::new("copy", 8_000_000, &samples([4, 1, 2].map(Duration::from_millis)));
        assert_eq!((rate.best_gbps, rate.median_gbps, rate.repetitions), (8.0, 4.0, 3));
        assert_eq!(rate.interval_gbps, None, "three tell no interval");
    }

    #[test]
    fn a_time_of_zero_is_no_infinite_rate() {
        let rate = Rate::new("copy", 1, &samples([Duration::ZERO]));
        assert_eq!((rate.best_gbps, rate.median_gbps, rate.repetitions), (0.0, 0.0, 0));
    }

    #[test]
    fn the_interval_is_one_of_rates() {
        let rate =
            Rate::new("copy", 8_000_000, &samples([1, 2, 4, 4, 8, 8].map(Duration::from_millis)));
        let interval = rate.interval_gbps.unwrap();
        assert_eq!((interval.low, interval.high), (1.0, 8.0));
    }

    #[test]
    fn operations_are_counted_in_1e12() {
        let compute = Compute::new(3e12, &samples([Duration::from_secs(2)]), Some(300.0));
        assert_eq!((compute.best_tflops, compute.mean_watts), (1.5, Some(300.0)));
    }

    #[test]
    fn the_median_of_an_even_count_lies_between() {
        let times = samples([1, 2, 4, 100].map(Duration::from_micros));
        let latency = Latency::new("launch", &times, 1);
        assert_eq!((latency.best_ns, latency.median_ns), (1e3, 3e3));
        let node = Latency::new("node", &times, 10);
        assert_eq!((node.best_ns, node.repetitions), (100.0, 4));
    }
}
