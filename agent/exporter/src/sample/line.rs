//! What the child says, one JSON line each.

use nvml_wrapper::error::NvmlError;
use serde::{Deserialize, Serialize};

use super::GpuSample;

/// Why NVML cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// There is no `libnvidia-ml.so.1`.
    NoLibrary,
    /// The kernel module is not loaded, or not any more.
    NoDriver,
    /// Kernel module and library are of different versions.
    Mismatch,
    /// NVML gave another reason.
    Refused,
    /// A call did not return in time.
    Hung,
    /// The child died.
    Crashed,
    /// The child could not be started.
    NotStarted,
}

impl Failure {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::NoLibrary,
        Self::NoDriver,
        Self::Mismatch,
        Self::Refused,
        Self::Hung,
        Self::Crashed,
        Self::NotStarted,
    ];

    /// As labels have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoLibrary => "no_library",
            Self::NoDriver => "no_driver",
            Self::Mismatch => "mismatch",
            Self::Refused => "refused",
            Self::Hung => "hung",
            Self::Crashed => "crashed",
            Self::NotStarted => "not_started",
        }
    }

    /// The failure that this error is, if the whole driver and not one question is meant.
    pub(super) fn of(error: &NvmlError) -> Option<Self> {
        match error {
            NvmlError::LibloadingError(_) => Some(Self::NoLibrary),
            NvmlError::DriverNotLoaded => Some(Self::NoDriver),
            NvmlError::LibRmVersionMismatch => Some(Self::Mismatch),
            NvmlError::Uninitialized => Some(Self::Refused),
            _ => None,
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// What is about to be called.
    Calling {
        /// NVML's function.
        name: String,
        /// The GPU that is asked.
        gpu: Option<u32>,
        /// The driver may have to start first, which takes its time.
        starting: bool,
    },
    /// NVML cannot be used, or not any more.
    Failed {
        /// Why.
        reason: Failure,
        /// NVML's words.
        said: String,
    },
    /// NVML works.
    Started {
        /// The driver's version.
        driver: Option<String>,
        /// GPUs that NVML shows.
        count: u32,
    },
    /// One GPU.
    Gpu(Box<GpuSample>),
    /// All GPUs have been looked at.
    Sampled {
        /// How long that took, seconds.
        took_s: f64,
    },
    /// An XID, as it happens.
    Xid {
        /// NVML's number of the GPU.
        gpu: Option<u32>,
        /// The number; `None` for one that NVML does not know.
        code: Option<u32>,
    },
    /// The child ends, so that another one finds GPUs that have come back.
    Again,
}
