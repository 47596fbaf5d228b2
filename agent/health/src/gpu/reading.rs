//! What NVML tells of a GPU, each value with its own reason where it tells none.

use serde::{Deserialize, Serialize};

use crate::Check;

/// A value, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading<T> {
    /// What was read.
    Value(T),
    /// This GPU or this driver does not have it.
    NotSupported,
    /// The GPU does not answer any more.
    Lost,
    /// NVML's words.
    Failed(String),
}

/// Which GPU it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// ECC now and after the next reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EccMode {
    /// Whether memory is protected now.
    pub current: bool,
    /// Whether it will be.
    pub pending: bool,
}

/// One look at one GPU. Counters marked volatile begin at the last load of the driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuReadings {
    /// Which GPU.
    pub identity: GpuIdentity,
    /// Whether NVML gives access to it at all.
    pub handle: Reading<()>,
    /// `nvmlDeviceGpuRecoveryAction_t`.
    pub recovery_action: Reading<u64>,
    /// ECC now and later.
    pub ecc_mode: Reading<EccMode>,
    /// Errors that ECC could not correct, volatile.
    pub ecc_uncorrected: Reading<u64>,
    /// Errors that ECC corrected, volatile.
    pub ecc_corrected: Reading<u64>,
    /// Rows replaced because of corrected errors, over the GPU's life.
    pub rows_remapped_corrected: Reading<u64>,
    /// Rows replaced because of uncorrected errors, over the GPU's life.
    pub rows_remapped_uncorrected: Reading<u64>,
    /// Whether a row waits for a reset to be replaced.
    pub remap_pending: Reading<u64>,
    /// Whether a row could not be replaced.
    pub remap_failed: Reading<u64>,
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
    /// PCI Express generation now; lower while idle.
    pub pcie_generation: Reading<u32>,
    /// The highest that GPU and slot can do together.
    pub pcie_generation_max: Reading<u32>,
    /// Lanes now.
    pub pcie_width: Reading<u32>,
    /// The most that GPU and slot can do together.
    pub pcie_width_max: Reading<u32>,
    /// Repeated transfers since the last reset.
    pub pcie_replays: Reading<u64>,
    /// Whether the driver stays loaded without users.
    pub persistence: Reading<bool>,
    /// Time with a kernel running, percent of the last sampling period.
    pub utilization_pct: Reading<u32>,
}

impl<T> Reading<T> {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
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

impl GpuReadings {
    /// How checks name it: `GPU 0`.
    #[must_use]
    pub fn target(&self) -> String {
        format!("GPU {}", self.identity.index)
    }
}
