//! Measured rates and latencies, each with what is needed to check it.

use std::time::Duration;

use serde::Serialize;

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
}

impl Rate {
    /// The rates of `bytes` in each of these times. Times of zero, shorter than the clock can tell, are left out.
    pub(crate) fn new(name: &'static str, bytes: u64, times: &[Duration]) -> Self {
        let mut rates: Vec<f64> = times
            .iter()
            .filter(|time| !time.is_zero())
            .map(|time| bytes as f64 / time.as_secs_f64() / 1e9)
            .collect();
        rates.sort_by(f64::total_cmp);
        let best_gbps = rates.last().copied().unwrap_or(0.0);
        Self { name, bytes, repetitions: rates.len(), best_gbps, median_gbps: median(&rates) }
    }
}

/// How long something takes that moves no data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// What took it.
    pub name: &'static str,
    /// Times that were taken.
    pub repetitions: usize,
    /// The shortest.
    pub best_ns: f64,
    /// The median.
    pub median_ns: f64,
}

impl Latency {
    pub(crate) fn new(name: &'static str, times: &[Duration]) -> Self {
        let mut nanos: Vec<f64> = times.iter().map(|time| time.as_nanos() as f64).collect();
        nanos.sort_by(f64::total_cmp);
        let best_ns = nanos.first().copied().unwrap_or(0.0);
        Self { name, repetitions: nanos.len(), best_ns, median_ns: median(&nanos) }
    }
}

/// The middle of sorted values; 0 of none.
fn median(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Latency, Rate};

    #[test]
    fn a_rate_is_bytes_over_time() {
        let times = [4, 1, 2].map(Duration::from_millis);
        let rate = Rate::new("copy", 8_000_000, &times);
        assert_eq!((rate.best_gbps, rate.median_gbps, rate.repetitions), (8.0, 4.0, 3));
    }

    #[test]
    fn a_time_of_zero_is_no_infinite_rate() {
        let rate = Rate::new("copy", 1, &[Duration::ZERO]);
        assert_eq!((rate.best_gbps, rate.median_gbps, rate.repetitions), (0.0, 0.0, 0));
    }

    #[test]
    fn the_median_of_an_even_count_lies_between() {
        let times = [1, 2, 4, 100].map(Duration::from_micros);
        let latency = Latency::new("launch", &times);
        assert_eq!((latency.best_ns, latency.median_ns), (1e3, 3e3));
    }
}
