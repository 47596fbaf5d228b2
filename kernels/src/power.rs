//! How power and clocks were read, and what they were.

use serde::Serialize;

/// Power and clocks of the device around the measurements.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Power {
    /// What `mean_watts` are means of; `None` where there are none.
    pub method: Option<&'static str>,
    /// Why there are none.
    pub reason: Option<String>,
    /// The device before the first measurement.
    pub before: Option<Conditions>,
    /// The device right after the last one.
    pub after: Option<Conditions>,
}

impl Power {
    /// Nothing is known of it, for this reason.
    pub(crate) fn unknown(reason: impl Into<String>) -> Self {
        Self { method: None, reason: Some(reason.into()), before: None, after: None }
    }
}

/// A device at one moment; `None` of what it does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Conditions {
    /// Clock of the multiprocessors in MHz.
    pub sm_clock_mhz: Option<u32>,
    /// Clock of the memory in MHz.
    pub memory_clock_mhz: Option<u32>,
    /// Temperature in degrees Celsius.
    pub temperature_celsius: Option<u32>,
    /// What holds the clocks down, in NVML's terms; empty when nothing does.
    pub throttle_reasons: Option<Vec<&'static str>>,
}
