//! Rows of the clocks of GPUs, and of what held them down.

use serde::{Deserialize, Serialize};

/// The clock of a rank's GPU over the stretch of [`Gaps`](super::Gaps), from samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClockRow {
    /// CUDA ordinal.
    pub device: i64,
    /// Samples within the stretch.
    pub samples: i64,
    /// Mean clock of the multiprocessors, MHz.
    pub mean_mhz: Option<f64>,
    /// Greatest clock of the multiprocessors in the whole recording, MHz.
    pub max_mhz: Option<f64>,
    /// What held the clock down, greatest total first. That a GPU idles or runs at the clocks it was set to is not held to.
    pub throttling: Vec<ThrottleRow>,
}

/// One reason why clocks were held down.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ThrottleRow {
    /// `power_cap`, `hw_slowdown`, `sync_boost`, `sw_thermal`, `hw_thermal`, `power_brake`.
    pub reason: String,
    /// For how long within the stretch, ns.
    pub total_ns: i64,
    /// Mean clock meanwhile, MHz; `None` when there was no sample.
    pub mean_mhz: Option<f64>,
    /// Where the longest time of it begins, ns since the Unix epoch.
    pub longest_start_ns: i64,
    /// Its length, ns.
    pub longest_ns: i64,
}
