//! The test of a memory: what was written is read back, pattern after pattern.
//!
//! Each pattern is written to all of the memory. It is then read, word by word, and its complement is written behind the
//! reader ("moving inversions"), and that is read in turn. So every bit is seen as 0 and as 1, after a write of its own
//! and after writes of its neighbours. Patterns that depend on the place find words that are written to another place
//! than they are read from.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::{CeilingError, Device, cpu, cuda};

/// What comes of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryTest {
    /// The device as it was asked for: `cpu`, `cuda:0`.
    pub device: String,
    /// Bytes that were tested.
    pub bytes: u64,
    /// Patterns that were written, read, inverted and read again, as many times as the time allowed.
    pub patterns: u32,
    /// How long that took.
    pub seconds: f64,
    /// Words that did not hold what was written, counted at every reading.
    pub wrong_words: u64,
    /// One of them.
    pub wrong: Option<WrongWord>,
}

/// A word of eight bytes that does not hold what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongWord {
    /// The pattern.
    pub pattern: String,
    /// Its place in the tested memory, in bytes.
    pub offset: u64,
    /// What was written.
    pub expected: u64,
    /// What was read.
    pub found: u64,
}

/// How much is tested, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Bytes; less where less is free. A tenth of what is free is never touched.
    pub bytes: u64,
    /// No pattern begins after it. The first one always runs to its end.
    pub time: Duration,
}

/// Tests the memory of `device`, and leaves alone what others have of it.
pub fn test_memory(device: Device, limits: &MemoryLimits) -> Result<MemoryTest, CeilingError> {
    match device {
        Device::Cpu => run("cpu", &mut cpu::Memory::take(limits.bytes)?, limits.time),
        Device::Cuda(ordinal) => cuda::test_memory(ordinal, limits),
    }
}

/// What a word holds, from its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// The same everywhere.
    Constant(u64),
    /// The word's number.
    Place,
    /// Bits that look like chance, from the word's number.
    Mixed,
}

/// One after the other, then from the beginning.
const PATTERNS: [(&str, Pattern); 5] = [
    ("address", Pattern::Place),
    ("random", Pattern::Mixed),
    ("checkerboard", Pattern::Constant(0xaaaa_aaaa_aaaa_aaaa)),
    ("solid", Pattern::Constant(0)),
    ("bytes", Pattern::Constant(0x00ff_00ff_00ff_00ff)),
];

impl Pattern {
    /// The word of this number.
    pub(crate) const fn word(self, number: u64) -> u64 {
        match self {
            Self::Constant(word) => word,
            Self::Place => number,
            Self::Mixed => {
                // The finaliser of SplitMix64 (Steele, Lea, Flood 2014), also in pattern.cu.
                let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
                bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                bits ^ (bits >> 31)
            }
        }
    }

    /// How pattern.cu knows it: its kind, and the constant.
    pub(crate) const fn coded(self) -> (u32, u64) {
        match self {
            Self::Constant(word) => (0, word),
            Self::Place => (1, 0),
            Self::Mixed => (2, 0),
        }
    }
}

/// Words that were not as expected: how many, and the number of one of them with what it held.
pub(crate) type Faults = (u64, Option<(u64, u64)>);

/// Memory that is written and read as a whole.
pub(crate) trait Bank {
    /// Its length in words of eight bytes.
    fn words(&self) -> u64;

    /// Writes a pattern everywhere.
    fn write(&mut self, pattern: Pattern) -> Result<(), CeilingError>;

    /// Reads the pattern, or with `inverted` its complement, everywhere, and leaves the complement of what should have been
    /// there.
    fn check(&mut self, pattern: Pattern, inverted: bool) -> Result<Faults, CeilingError>;
}

/// The test of one memory.
pub(crate) fn run(
    device: &str,
    bank: &mut impl Bank,
    time: Duration,
) -> Result<MemoryTest, CeilingError> {
    let begun = Instant::now();
    let bytes = bank.words() * 8;
    let mut test = MemoryTest {
        device: device.to_owned(),
        bytes,
        patterns: 0,
        seconds: 0.0,
        wrong_words: 0,
        wrong: None,
    };
    for (name, pattern) in PATTERNS.into_iter().cycle() {
        bank.write(pattern)?;
        for inverted in [false, true] {
            let (count, one) = bank.check(pattern, inverted)?;
            test.wrong_words += count;
            if let Some((number, found)) = one.filter(|_| test.wrong.is_none()) {
                let word = pattern.word(number);
                test.wrong = Some(WrongWord {
                    pattern: name.to_owned(),
                    offset: number * 8,
                    expected: if inverted { !word } else { word },
                    found,
                });
            }
        }
        test.patterns += 1;
        if begun.elapsed() >= time {
            break;
        }
    }
    test.seconds = begun.elapsed().as_secs_f64();
    Ok(test)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MemoryLimits, PATTERNS, Pattern, run, test_memory};
    use crate::{Device, cpu};

    #[test]
    fn healthy_memory_has_no_wrong_word() {
        let limits = MemoryLimits { bytes: 3 << 20, time: Duration::ZERO };
        let test = test_memory(Device::Cpu, &limits).unwrap();
        assert_eq!((test.device.as_str(), test.bytes, test.patterns), ("cpu", 3 << 20, 1));
        assert_eq!((test.wrong_words, test.wrong), (0, None));
        assert!(test.seconds > 0.0);
    }

    #[test]
    fn a_bit_that_stays_is_found_with_its_place() {
        // Bit 5 of word 70,001 is always 1, that of word 3 always 0.
        let mut memory = cpu::Memory::take(1 << 20).unwrap();
        memory.stick(70_001, 1 << 5, true);
        memory.stick(3, 1 << 5, false);
        let test = run("cpu", &mut memory, Duration::ZERO).unwrap();
        // Each is wrong in one of the two readings of a pattern.
        assert_eq!(test.wrong_words, 2);
        let wrong = test.wrong.unwrap();
        assert_eq!(wrong.pattern, "address");
        assert_eq!((wrong.expected ^ wrong.found).count_ones(), 1);
        assert!([3 * 8, 70_001 * 8].contains(&wrong.offset), "{wrong:?}");
    }

    #[test]
    fn each_bit_is_seen_both_ways_by_every_pattern() {
        for (name, pattern) in PATTERNS {
            let differing = (0..64).filter(|&word| pattern.word(word) != pattern.word(word + 1));
            assert_eq!(differing.count() == 0, matches!(pattern, Pattern::Constant(_)), "{name}");
        }
        // From the reference implementation of SplitMix64 with the seed 0.
        assert_eq!(Pattern::Mixed.word(0), 0xe220_a839_7b1d_cdaf);
    }
}
