//! Which CUDA version's CUPTI this one is: `FAKE_GPU_CUPTI`, one of `11.4`, `12.4`, `12.9`, `13.0` (as without it), `13.2`
//! and `13.4`.

use std::sync::OnceLock;

/// A CUDA version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// CUDA 11.4, which is too old.
    Cuda11_4,
    /// CUDA 12.4.
    Cuda12_4,
    /// CUDA 12.9.
    Cuda12_9,
    /// CUDA 13.0.
    Cuda13_0,
    /// CUDA 13.2.
    Cuda13_2,
    /// CUDA 13.4.
    Cuda13_4,
}

/// The length of a record of this kind, in the version with this `CUPTI_API_VERSION`; 0 where either is not known.
#[unsafe(no_mangle)]
pub extern "C" fn fake_gpu_length(version: u32, kind: u32) -> usize {
    use Version::{Cuda11_4, Cuda12_4, Cuda12_9, Cuda13_0, Cuda13_2, Cuda13_4};
    let all = [Cuda11_4, Cuda12_4, Cuda12_9, Cuda13_0, Cuda13_2, Cuda13_4];
    let version = all.into_iter().find(|known| known.number() == version);
    version.and_then(|version| version.length_of(kind)).unwrap_or(0)
}

impl Version {
    /// The one that is played.
    pub(crate) fn played() -> Self {
        static PLAYED: OnceLock<Version> = OnceLock::new();
        *PLAYED.get_or_init(|| match std::env::var("FAKE_GPU_CUPTI").as_deref() {
            Ok("11.4") => Self::Cuda11_4,
            Ok("12.4") => Self::Cuda12_4,
            Ok("12.9") => Self::Cuda12_9,
            Ok("13.2") => Self::Cuda13_2,
            Ok("13.4") => Self::Cuda13_4,
            _ => Self::Cuda13_0,
        })
    }

    /// `CUPTI_API_VERSION`.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Cuda11_4 => 14,
            Self::Cuda12_4 => 22,
            Self::Cuda12_9 => 28,
            Self::Cuda13_0 => 130_001,
            Self::Cuda13_2 => 130_201,
            Self::Cuda13_4 => 130_401,
        }
    }

    /// The length of a record of this kind, in bytes. Those of CUDA 13.0 were measured: its `cuptiActivityGetNextRecord`
    /// steps by them, with no GPU (a test compares). Those of the others follow from the fields that came and went.
    #[must_use]
    #[expect(clippy::match_same_arms, reason = "kind by kind, as they came")]
    pub fn length_of(self, kind: u32) -> Option<usize> {
        Some(match kind {
            // Memcpy6 of 12.8 added `copyCount`.
            1 if self < Self::Cuda12_9 => 88,
            1 | 22 => 96,
            2 => 88,
            4 | 5 => 40,
            // Context2 of 12.4, Context3 of 12.5, Context4 of 13.1.
            9 if self < Self::Cuda12_9 => 24,
            9 if self < Self::Cuda13_2 => 32,
            9 => 40,
            // Kernel9, Kernel10 of 13.0, Kernel11 of 13.1.
            10 if self < Self::Cuda13_0 => 208,
            10 if self < Self::Cuda13_2 => 216,
            10 => 224,
            17 | 51 => 56,
            37 | 39 => 24,
            // Synchronization2 of 12.8.
            38 if self < Self::Cuda12_9 => 40,
            38 => 56,
            // Memory4 of 12.6.
            49 if self < Self::Cuda12_9 => 120,
            49 => 128,
            // MemoryPool3 of 13.0.
            50 if self < Self::Cuda13_0 => 72,
            50 => 80,
            _ => return None,
        })
    }
}
