//! Why a GPU's clocks are held down: from bits at points in time to intervals.

use perfagent_recording::Timestamp;
use perfagent_recording::table::Severity;

/// NVML's bits (`nvmlClocksEventReasons`): the series of each, its name in a sentence, and what it says of the run.
/// That a GPU idles or runs at the clocks it was set to is a state, not a finding.
const REASONS: [(u64, &str, &str, Option<Severity>); 9] = [
    (0x1, "throttle_idle", "idle", None),
    (0x2, "throttle_application_clocks", "application clocks", None),
    (0x4, "throttle_power_cap", "the power cap", Some(Severity::Info)),
    (0x8, "throttle_hw_slowdown", "hardware slowdown", Some(Severity::Warning)),
    (0x10, "throttle_sync_boost", "sync boost with another GPU", Some(Severity::Info)),
    (0x20, "throttle_sw_thermal", "software thermal slowdown", Some(Severity::Warning)),
    (0x40, "throttle_hw_thermal", "hardware thermal slowdown", Some(Severity::Warning)),
    (0x80, "throttle_power_brake", "the power brake", Some(Severity::Warning)),
    (0x100, "throttle_display_clocks", "display clocks", None),
];

/// The reasons of one GPU over time.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    bits: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// Time with each reason, ns.
    totals: [i64; REASONS.len()],
}

impl Throttle {
    /// Takes note of the bits at `time`. Returns the series whose state changed, 1 where the reason has begun, 0 where
    /// it is over.
    pub(super) fn read(&mut self, time: Timestamp, bits: u64) -> Vec<(&'static str, f64)> {
        self.first.get_or_insert(time);
        let since = self.last.replace(time).map_or(0, |last| (time - last).nanos());
        let before = std::mem::replace(&mut self.bits, bits);
        let mut changes = Vec::new();
        for ((bit, name, ..), total) in REASONS.iter().zip(&mut self.totals) {
            if before & bit != 0 {
                *total += since;
            }
            if (before ^ bits) & bit != 0 {
                changes.push((*name, if bits & bit != 0 { 1.0 } else { 0.0 }));
            }
        }
        changes
    }

    /// The series whose reason still holds, with the moment up to which that is known.
    pub(super) fn open(&self) -> impl Iterator<Item = (&'static str, Timestamp)> {
        let last = self.last;
        REASONS
            .iter()
            .filter(|(bit, ..)| self.bits & bit != 0)
            .filter_map(move |(_, name, ..)| Some((*name, last?)))
    }

    /// What held the clocks down and for how long, one sentence a reason that matters.
    pub(super) fn sentences(&self, gpu: u32) -> Vec<(Severity, String)> {
        let (Some(first), Some(last)) = (self.first, self.last) else { return Vec::new() };
        let whole = last - first;
        let said = REASONS.iter().zip(self.totals).filter(|(_, total)| *total > 0);
        said.filter_map(|((.., reason, severity), total)| {
            let seconds = total as f64 / 1e9;
            let text = format!(
                "the clocks of GPU {gpu} were held down for {seconds:.2} s of {:.2} s by {reason}",
                whole.seconds()
            );
            Some(((*severity)?, text))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(i64) -> Timestamp = |ms| Timestamp::from_unix_nanos(ms * 1_000_000);

    #[test]
    fn bits_become_intervals() {
        let mut throttle = Throttle::default();
        assert_eq!(throttle.read(AT(0), 0x1), [("throttle_idle", 1.0)]);
        assert_eq!(
            throttle.read(AT(100), 0x40),
            [("throttle_idle", 0.0), ("throttle_hw_thermal", 1.0)]
        );
        assert_eq!(throttle.read(AT(200), 0x44), [("throttle_power_cap", 1.0)]);
        assert_eq!(throttle.read(AT(400), 0x4), [("throttle_hw_thermal", 0.0)]);
        assert_eq!(throttle.read(AT(500), 0x4), []);
        assert_eq!(throttle.open().collect::<Vec<_>>(), [("throttle_power_cap", AT(500))]);
        let said = throttle.sentences(3);
        assert_eq!(
            said,
            [
                (
                    Severity::Info,
                    "the clocks of GPU 3 were held down for 0.30 s of 0.50 s by the power cap"
                        .to_owned()
                ),
                (
                    Severity::Warning,
                    "the clocks of GPU 3 were held down for 0.30 s of 0.50 s by hardware thermal slowdown"
                        .to_owned()
                ),
            ]
        );
    }

    #[test]
    fn an_unknown_reason_is_no_reason() {
        let mut throttle = Throttle::default();
        assert_eq!(throttle.read(AT(0), 1 << 40), []);
        assert_eq!(throttle.sentences(0), []);
    }
}
