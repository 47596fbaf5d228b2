//! Memory of the host under test.

use std::fs;
use std::hint::black_box;
use std::num::NonZero;
use std::thread;

use crate::CeilingError;
use crate::pattern::{Bank, Faults, Pattern};

/// Pages that this process has taken, in equal parts for as many threads as there are processors.
pub(crate) struct Memory {
    words: Vec<u64>,
    part: usize,
    /// Bits that do not change, for tests of the test: the word, the bits, and what they are.
    #[cfg(test)]
    stuck: Vec<(usize, u64, bool)>,
}

impl Memory {
    /// Takes `bytes`, or nine tenths of what is free if that is less.
    pub(crate) fn take(bytes: u64) -> Result<Self, CeilingError> {
        let free = available_bytes();
        let bytes = free.map_or(bytes, |free| bytes.min(free / 10 * 9));
        let length = usize::try_from(bytes / 8).unwrap_or(usize::MAX).max(1);
        let mut words = Vec::new();
        words.try_reserve_exact(length).map_err(|_| CeilingError::TooLittleMemory {
            array_bytes: bytes,
            available_bytes: free.unwrap_or(0),
        })?;
        words.resize(length, 0);
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        Ok(Self {
            part: length.div_ceil(threads),
            words,
            #[cfg(test)]
            stuck: Vec::new(),
        })
    }

    /// From now on these bits of a word are 1, or 0.
    #[cfg(test)]
    pub(crate) fn stick(&mut self, word: usize, bits: u64, ones: bool) {
        self.stuck.push((word, bits, ones));
    }

    #[cfg(test)]
    fn spoil(&mut self) {
        for &(word, bits, ones) in &self.stuck {
            let word = &mut self.words[word];
            *word = if ones { *word | bits } else { *word & !bits };
        }
    }

    /// Calls `work` with each part and the number of its first word, on a thread of its own.
    fn in_parts<R: Send>(&mut self, work: impl Fn(u64, &mut [u64]) -> R + Sync) -> Vec<R> {
        let part = self.part;
        let work = &work;
        thread::scope(|scope| {
            let running: Vec<_> = self
                .words
                .chunks_mut(part)
                .enumerate()
                .map(|(index, words)| scope.spawn(move || work((index * part) as u64, words)))
                .collect();
            let done = running.into_iter().map(|thread| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            done.collect()
        })
    }
}

impl Bank for Memory {
    fn words(&self) -> u64 {
        self.words.len() as u64
    }

    fn write(&mut self, pattern: Pattern) -> Result<(), CeilingError> {
        self.in_parts(|first, words| {
            for (number, word) in (first..).zip(words.iter_mut()) {
                *word = pattern.word(number);
            }
            // The words are read by nobody that the compiler sees.
            black_box(words);
        });
        #[cfg(test)]
        self.spoil();
        Ok(())
    }

    fn check(&mut self, pattern: Pattern, inverted: bool) -> Result<Faults, CeilingError> {
        let mask = if inverted { u64::MAX } else { 0 };
        let parts = self.in_parts(|first, words| {
            let words = black_box(words);
            let mut faults: Faults = (0, None);
            for (number, word) in (first..).zip(words.iter_mut()) {
                let expected = pattern.word(number) ^ mask;
                if *word != expected {
                    faults = (faults.0 + 1, faults.1.or(Some((number, *word))));
                }
                *word = !expected;
            }
            black_box(words);
            faults
        });
        #[cfg(test)]
        self.spoil();
        let sum = |(count, one): Faults, (more, another): Faults| (count + more, one.or(another));
        Ok(parts.into_iter().fold((0, None), sum))
    }
}

/// What the kernel would give without taking it from others; `None` where it does not say.
fn available_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}
