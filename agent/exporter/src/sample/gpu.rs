//! One look at one GPU.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Whether a GPU answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GpuState {
    /// It does.
    Answers,
    /// It has fallen off the bus, or wants a reset.
    Lost,
    /// NVML's words.
    Refused(String),
}

/// What was seen of a GPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GpuSample {
    /// NVML's number.
    pub index: u32,
    /// The number of its device file, `nvidia0`.
    pub minor: Option<u32>,
    /// NVIDIA's identifier of this very piece.
    pub uuid: Option<String>,
    /// The product's name.
    pub name: Option<String>,
    /// Its place as NVML writes it: `00000000:9B:00.0`.
    pub pci: Option<String>,
    /// The version of its own firmware.
    pub vbios: Option<String>,
    /// Whether it answers.
    pub state: GpuState,
    /// What it answered, in NVML's units, which are in the names.
    pub values: BTreeMap<String, f64>,
}

impl GpuSample {
    /// Nothing but a number.
    #[must_use]
    pub fn unseen(index: u32, state: GpuState) -> Self {
        let values = BTreeMap::new();
        Self { index, minor: None, uuid: None, name: None, pci: None, vbios: None, state, values }
    }

    /// Domain, bus and device as the kernel log writes them: `0000:9b:00`.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        let pci = self.pci.as_deref()?.to_ascii_lowercase();
        let (domain, rest) = pci.split_once(':')?;
        let domain = domain.get(domain.len().saturating_sub(4)..)?;
        Some(format!("{domain}:{}", rest.split('.').next()?))
    }
}

#[cfg(test)]
mod tests {
    use super::{GpuSample, GpuState};

    #[test]
    fn places_are_those_of_the_kernel_log() {
        let mut gpu = GpuSample::unseen(0, GpuState::Answers);
        assert_eq!(gpu.place(), None);
        for (pci, place) in [("00000000:9B:00.0", "0000:9b:00"), ("0008:01:00.0", "0008:01:00")] {
            gpu.pci = Some(pci.to_owned());
            assert_eq!(gpu.place().as_deref(), Some(place));
        }
    }
}
