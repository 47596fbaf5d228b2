//! What NVML tells of a GPU, each value with its own reason where it tells none.

use serde::{Deserialize, Serialize};

use super::counters::Counters;
use super::fabric::Fabric;
use super::memory::{RowReserve, SramErrors};
use super::nvlink::Link;
use super::process::GpuProcess;
use crate::Check;

/// A value, or why there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading<T> {
    /// What was read.
    Value(T),
    /// This GPU or this driver does not have it.
    #[default]
    NotSupported,
    /// The GPU does not answer any more.
    Lost,
    /// NVML's words.
    Failed(String),
}

/// Which GPU it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuIdentity {
    /// NVML's number.
    pub index: u32,
    /// The product's name.
    pub name: Option<String>,
    /// NVIDIA's identifier of this very piece.
    pub uuid: Option<String>,
    /// Its place: `0000:9b:00.0`.
    pub pci: Option<String>,
    /// The version of its own firmware.
    pub vbios: Option<String>,
}

/// A mode now and after the next reset: ECC, MIG.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mode {
    /// Whether it is on now.
    pub current: bool,
    /// Whether it will be.
    pub pending: bool,
}

/// One look at one GPU. Counters marked volatile begin at the last load of the driver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuReadings {
    /// Which GPU.
    pub identity: GpuIdentity,
    /// Whether NVML gives access to it at all.
    pub handle: Reading<()>,
    /// `nvmlDeviceGpuRecoveryAction_t`.
    pub recovery_action: Reading<u64>,
    /// ECC now and later.
    pub ecc_mode: Reading<Mode>,
    /// Errors that ECC could not correct, volatile.
    pub ecc_uncorrected: Reading<u64>,
    /// Errors that ECC corrected, volatile.
    pub ecc_corrected: Reading<u64>,
    /// Of them those in device memory, volatile.
    pub ecc_corrected_dram: Reading<u64>,
    /// Errors in on-chip memory.
    pub sram: Reading<SramErrors>,
    /// Rows replaced because of corrected errors, over the GPU's life.
    pub rows_remapped_corrected: Reading<u64>,
    /// Rows replaced because of uncorrected errors, over the GPU's life.
    pub rows_remapped_uncorrected: Reading<u64>,
    /// Whether a row waits for a reset to be replaced.
    pub remap_pending: Reading<u64>,
    /// Whether a row could not be replaced.
    pub remap_failed: Reading<u64>,
    /// Banks of memory by the rows that they have left to replace others with.
    pub row_reserve: Reading<RowReserve>,
    /// Before Ampere: pages retired because of corrected and of uncorrected errors, over the GPU's life.
    pub retired_pages: Reading<u64>,
    /// Before Ampere: whether a page waits for a reset to be retired.
    pub retirement_pending: Reading<bool>,
    /// NVML's bits of reasons for low clocks.
    pub throttle_reasons: Reading<u64>,
    /// Degrees Celsius.
    pub temperature_c: Reading<u32>,
    /// Where hardware slows the GPU down.
    pub slowdown_c: Reading<u32>,
    /// Degrees Celsius.
    pub memory_temperature_c: Reading<u32>,
    /// Where software slows the GPU down for its memory.
    pub memory_max_c: Reading<u32>,
    /// Degrees left to the highest operating temperature (T.Limit, Ada and Hopper on).
    pub margin_c: Reading<i64>,
    /// The margin at which hardware slows the GPU down, zero or below.
    pub slowdown_margin_c: Reading<i64>,
    /// MHz now.
    pub sm_clock_mhz: Reading<u32>,
    /// The most that it can have.
    pub sm_clock_max_mhz: Reading<u32>,
    /// MHz now.
    pub memory_clock_mhz: Reading<u32>,
    /// The most that it can have.
    pub memory_clock_max_mhz: Reading<u32>,
    /// The SM clock that somebody has set for programs.
    pub application_clock_mhz: Reading<u32>,
    /// The one that NVIDIA sets.
    pub application_clock_default_mhz: Reading<u32>,
    /// PCI Express generation now; lower while idle.
    pub pcie_generation: Reading<u32>,
    /// The highest that GPU and slot can do together.
    pub pcie_generation_max: Reading<u32>,
    /// The highest that the GPU can do in any slot.
    pub pcie_generation_gpu: Reading<u32>,
    /// Lanes now.
    pub pcie_width: Reading<u32>,
    /// The most that GPU and slot can do together.
    pub pcie_width_max: Reading<u32>,
    /// NVLink by link.
    pub links: Reading<Vec<Link>>,
    /// Its place in the fabric of switches.
    pub fabric: Reading<Fabric>,
    /// Whether it is cut into instances.
    pub mig: Reading<Mode>,
    /// `nvmlComputeMode_t`.
    pub compute_mode: Reading<u32>,
    /// Processes that compute or draw.
    pub processes: Reading<Vec<GpuProcess>>,
    /// Device memory in use, without what driver and firmware reserve.
    pub memory_used_bytes: Reading<u64>,
    /// Whether the driver stays loaded without users.
    pub persistence: Reading<bool>,
    /// Time with a kernel running, percent of the last sampling period.
    pub utilization_pct: Reading<u32>,
    /// What only grows.
    pub counters: Counters,
    /// The same at the end of the examination.
    pub later: Option<Counters>,
}

impl<T> Reading<T> {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The same with another value.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Self::Value(value) => Reading::Value(change(value)),
            Self::NotSupported => Reading::NotSupported,
            Self::Lost => Reading::Lost,
            Self::Failed(said) => Reading::Failed(said),
        }
    }

    /// The check of a reading without a value; `None` where there is one.
    pub(crate) fn missing(&self, name: &'static str, target: &str, what: &str) -> Option<Check> {
        match self {
            Self::Value(_) => None,
            Self::NotSupported => Some(Check::not_applicable(
                name,
                target,
                format!("this GPU or driver does not tell {what}"),
            )),
            Self::Lost => Some(Check::unknown(
                name,
                target,
                format!("NVML does not tell {what}: the GPU is lost"),
                "drain the node and reset the GPU",
            )),
            Self::Failed(said) => Some(Check::unknown(
                name,
                target,
                format!("NVML does not tell {what}: {said}"),
                "run as root, or update the driver",
            )),
        }
    }
}

impl Reading<u64> {
    /// The sum of two readings of one kind; without a value where either has none.
    pub(crate) fn plus(self, other: &Self) -> Self {
        match other.value() {
            Some(more) => self.map(|value| value.saturating_add(*more)),
            None => other.clone(),
        }
    }
}

impl GpuReadings {
    /// Whether it is cut into instances now.
    pub(crate) fn is_mig(&self) -> bool {
        self.mig.value().is_some_and(|mig| mig.current)
    }

    /// How checks name it: `GPU 0`.
    #[must_use]
    pub fn target(&self) -> String {
        format!("GPU {}", self.identity.index)
    }
}
