//! What a GPU counts up, looked at twice within one examination: what it has come to, and whether it grows now.

use serde::{Deserialize, Serialize};

use super::nvlink::LinkErrors;
use super::reading::Reading;

/// One look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// When, in milliseconds from any point.
    pub at_ms: u64,
    /// How long clocks were held down since the driver was loaded, by reason.
    pub held: Held,
    /// Repeated transfers over PCI Express since the last reset.
    pub pcie_replays: Reading<u64>,
    /// Errors of each active NVLink since they were last cleared.
    pub links: Vec<LinkErrors>,
}

/// Nanoseconds for which clocks were held down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// By the hardware, because of heat.
    pub hardware_thermal_ns: Reading<u64>,
    /// By the hardware, because the power supply asked for it.
    pub power_brake_ns: Reading<u64>,
    /// By the driver, because of heat.
    pub software_thermal_ns: Reading<u64>,
    /// Because of heat, by whomever: all that older drivers tell.
    pub thermal_ns: Reading<u64>,
    /// By the limit on power.
    pub power_ns: Reading<u64>,
}

impl Counters {
    /// Milliseconds from this look to a later one; `None` when no time passed.
    pub(crate) fn window_ms(&self, later: &Self) -> Option<u64> {
        later.at_ms.checked_sub(self.at_ms).filter(|ms| *ms > 0)
    }
}

/// How much a counter grew; a counter that was cleared meanwhile did not grow.
pub(crate) fn growth(first: &Reading<u64>, later: &Reading<u64>) -> Option<u64> {
    Some(later.value()?.saturating_sub(*first.value()?))
}
