//! Which tokens make a batch: a function of seed, step and position in the global batch only, so that
//! any split over ranks and micro-batches trains on the same sequences.

use tch::{Device, Tensor};

use crate::data::Tokens;
use crate::failure::{Failure, Result};

/// Draws batches from a tokenized text.
pub(crate) struct Batches<'a> {
    tokens: &'a Tokens,
    seq: usize,
    seed: u64,
    device: Device,
}

impl<'a> Batches<'a> {
    /// Checks that both parts of the text hold at least one sequence.
    pub(crate) fn new(tokens: &'a Tokens, seq: i64, seed: u64, device: Device) -> Result<Self> {
        let seq = seq as usize;
        let shortest = tokens.train.len().min(tokens.validation.len());
        if shortest < seq + 2 {
            return Err(Failure::input(format!(
                "the text is too short: {} tokens to train on and {} to validate on, and --seq {seq} needs {} of each; give more text with --data or a smaller --seq",
                tokens.train.len(),
                tokens.validation.len(),
                seq + 2
            )));
        }
        Ok(Self { tokens, seq, seed, device })
    }

    /// Sequences `first..first+count` of the global batch of a step, as inputs and targets of
    /// `[count, seq]` each.
    pub(crate) fn train(&self, step: u64, first: u64, count: i64) -> Result<(Tensor, Tensor)> {
        let places = (self.tokens.train.len() - self.seq - 1) as u64;
        let starts = (first..first + count as u64)
            .map(|index| (scatter([self.seed, step, index]) % places) as usize);
        self.stack(&self.tokens.train, starts)
    }

    /// `count` sequences spread evenly over the validation part.
    pub(crate) fn validation(&self, count: i64) -> Result<(Tensor, Tensor)> {
        let last = self.tokens.validation.len() - self.seq - 1;
        let starts = (0..count as usize).map(|index| last * index / count as usize);
        self.stack(&self.tokens.validation, starts)
    }

    fn stack(
        &self,
        tokens: &[u32],
        starts: impl Iterator<Item = usize>,
    ) -> Result<(Tensor, Tensor)> {
        let mut ids = Vec::new();
        for start in starts {
            ids.extend(tokens[start..=start + self.seq].iter().map(|id| i64::from(*id)));
        }
        let both = Tensor::f_from_slice(&ids)?
            .f_view([-1, self.seq as i64 + 1])?
            .f_to_device(self.device)?;
        let inputs = both.f_narrow(1, 0, self.seq as i64)?.f_contiguous()?;
        let targets = both.f_narrow(1, 1, self.seq as i64)?.f_contiguous()?;
        Ok((inputs, targets))
    }
}

/// A well-mixed number from a few (splitmix64's finaliser over each).
fn scatter(words: [u64; 3]) -> u64 {
    words.into_iter().fold(0x9E37_79B9_7F4A_7C15, |state, word| {
        let mut z = (state ^ word).wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens { train: (0..1000).collect(), validation: (0..100).collect(), checksum: 0 }
    }

    #[test]
    fn two_halves_of_a_global_batch_are_the_whole() {
        let tokens = tokens();
        let batches = Batches::new(&tokens, 8, 1, Device::Cpu).unwrap();
        let (whole, _) = batches.train(3, 0, 4).unwrap();
        let (left, _) = batches.train(3, 0, 2).unwrap();
        let (right, _) = batches.train(3, 2, 2).unwrap();
        assert_eq!(Tensor::cat(&[left, right], 0), whole);
        assert_ne!(batches.train(4, 0, 4).unwrap().0, whole, "each step draws anew");
    }

    #[test]
    fn targets_are_the_inputs_one_token_later() {
        let tokens = tokens();
        let batches = Batches::new(&tokens, 8, 1, Device::Cpu).unwrap();
        let (inputs, targets) = batches.train(0, 0, 2).unwrap();
        assert_eq!(inputs.size(), [2, 8]);
        assert_eq!(inputs + 1, targets);
    }

    #[test]
    fn a_text_shorter_than_a_sequence_is_an_input_error() {
        let tokens = tokens();
        assert!(matches!(Batches::new(&tokens, 99, 1, Device::Cpu), Err(Failure::Input(_))));
    }
}
