//! How often each XID came.
//!
//! The kernel log and NVML both tell of an XID, each of some that the other does not. What is counted is the greater of both
//! counts, so that an error which both tell is one error; what the log held before counts on top.

use std::collections::BTreeMap;

/// One number on one GPU.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct XidCount {
    before: u64,
    of_log: u64,
    of_nvml: u64,
    /// When the last one came, seconds since the Unix epoch.
    pub last_unix_s: f64,
}

impl XidCount {
    /// How often, since the kernel's start as far as it remembers.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.before + self.of_log.max(self.of_nvml)
    }
}

/// Who tells of an XID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witness {
    /// The kernel log, of one from before the exporter's start.
    EarlierLog,
    /// The kernel log.
    Log,
    /// NVML.
    Nvml,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Xids {
    counts: BTreeMap<(String, u32), XidCount>,
}

impl Xids {
    /// Takes note of one at the GPU at `place`. Returns whether it is one more than were known.
    pub fn add(&mut self, place: &str, code: u32, witness: Witness, unix_s: f64) -> bool {
        let count = self.counts.entry((place.to_owned(), code)).or_default();
        let before = count.total();
        match witness {
            Witness::EarlierLog => count.before += 1,
            Witness::Log => count.of_log += 1,
            Witness::Nvml => count.of_nvml += 1,
        }
        let is_more = count.total() > before;
        if is_more {
            count.last_unix_s = count.last_unix_s.max(unix_s);
        }
        is_more
    }

    /// Place, number and count, in this order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32, &XidCount)> {
        self.counts.iter().map(|((place, code), count)| (place.as_str(), *code, count))
    }

    /// How many came on the GPU at `place`.
    #[must_use]
    pub fn of_place(&self, place: &str) -> u64 {
        self.iter().filter(|(at, ..)| *at == place).map(|(.., count)| count.total()).sum()
    }

    /// The last number at `place`: what DCGM shows.
    #[must_use]
    pub fn last_of_place(&self, place: &str) -> Option<u32> {
        let of_place = self.iter().filter(|(at, ..)| *at == place);
        let by_time = |left: &f64, right: &f64| left.total_cmp(right);
        of_place
            .max_by(|left, right| by_time(&left.2.last_unix_s, &right.2.last_unix_s))
            .map(|(_, code, _)| code)
    }
}

#[cfg(test)]
mod tests {
    use super::{Witness, Xids};

    #[test]
    fn an_xid_that_both_tell_counts_once() {
        let mut xids = Xids::default();
        assert!(xids.add("0000:9b:00", 48, Witness::EarlierLog, 10.0));
        assert!(xids.add("0000:9b:00", 48, Witness::Nvml, 20.0));
        assert!(!xids.add("0000:9b:00", 48, Witness::Log, 21.0), "the same one, told again");
        assert!(xids.add("0000:9b:00", 48, Witness::Log, 30.0), "one that NVML did not tell");
        assert!(!xids.add("0000:9b:00", 48, Witness::Nvml, 31.0));
        assert!(xids.add("0000:9b:00", 31, Witness::Log, 25.0));
        let totals: Vec<_> =
            xids.iter().map(|(_, code, count)| (code, count.total(), count.last_unix_s)).collect();
        assert_eq!(totals, [(31, 1, 25.0), (48, 3, 30.0)]);
        assert_eq!((xids.of_place("0000:9b:00"), xids.of_place("0000:18:00")), (4, 0));
        assert_eq!(xids.last_of_place("0000:9b:00"), Some(48));
    }
}
