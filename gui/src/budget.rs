//! How much memory recordings may take: what would need more is opened part by part.

use serde::{Deserialize, Serialize};

/// What opening a recording takes at the most, by event of it: 76 to 87 bytes where all are of one rank, whose analysis needs them at
/// once (`cargo xtask bench gui --events 10000000 --ranks 1`, 2026-11-28), and some more for what was not measured.
const BYTES_AN_EVENT: u64 = 100;

/// Of a machine that does not say how much it has.
const FALLBACK: u64 = 4 << 30;

/// The least that can be set: less than the program needs without any recording makes no sense.
pub const LEAST_BYTES: u64 = 64 << 20;

/// Memory for recordings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// As it was set; `None` for half of what the machine has.
    set: Option<u64>,
}

impl Budget {
    /// So many bytes.
    #[must_use]
    pub fn of_bytes(bytes: u64) -> Self {
        Self { set: Some(bytes.max(LEAST_BYTES)) }
    }

    /// How many bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        let of_machine = || {
            let info = rustix::system::sysinfo();
            #[expect(clippy::useless_conversion, reason = "the width differs between machines")]
            let total = u64::from(info.totalram).saturating_mul(u64::from(info.mem_unit));
            if total == 0 { FALLBACK } else { total / 2 }
        };
        self.set.unwrap_or_else(of_machine).max(LEAST_BYTES)
    }

    /// How many events fit.
    #[must_use]
    pub fn events(self) -> u64 {
        self.bytes() / BYTES_AN_EVENT
    }
}
