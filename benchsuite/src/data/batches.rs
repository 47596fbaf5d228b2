//! Which tokens make a batch: a function of seed, step and position in the global batch only, so that
//! any split over ranks and micro-batches trains on the same sequences.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tch::{Device, Tensor};

use crate::data::hash::scatter;
use crate::data::prefetch::Prefetch;
use crate::data::report::LoaderReport;
use crate::data::{Text, Tokens};
use crate::failure::{Failure, Result};

/// Draws batches from a tokenized text, or takes them from a stream.
pub(crate) struct Batches<'a> {
    validation: &'a [u32],
    seq: usize,
    /// Sequences of a step over all ranks.
    per_step: u64,
    device: Device,
    origin: Mutex<Origin<'a>>,
}

/// Where the sequences to train on come from.
enum Origin<'a> {
    /// Windows anywhere in a text that is in memory.
    Drawn(Drawn<'a>),
    /// One after the other out of a stream.
    Streamed(Box<Prefetch>),
}

struct Drawn<'a> {
    tokens: &'a Tokens,
    documents: usize,
    seed: u64,
    produced: u64,
    time: Duration,
}

impl<'a> Batches<'a> {
    /// Checks that both parts of the data hold at least one sequence. A stream is read from here on, and may be positioned
    /// anew by asking for another step. `per_step` is how many sequences all ranks together train on in a step.
    pub(crate) fn new(
        text: &'a Text,
        seq: i64,
        seed: u64,
        per_step: i64,
        device: Device,
    ) -> Result<Self> {
        let seq = seq as usize;
        let validation = text.validation();
        let origin = match text {
            Text::Whole { tokens, documents } => {
                let shortest = tokens.train.len().min(validation.len());
                if shortest < seq + 2 {
                    return Err(too_short(tokens.train.len(), validation.len(), seq));
                }
                let (documents, produced, time) = (*documents, 0, Duration::ZERO);
                Origin::Drawn(Drawn { tokens, documents, seed, produced, time })
            }
            Text::Stream(stream) => {
                let prefetch = Prefetch::new(stream, seq, seed)?;
                if validation.len() < seq + 2 {
                    return Err(Failure::input(format!(
                        "the data is too short: {} tokens to validate on, and --seq {seq} needs {}; give more documents (one in twenty is for validation) or a smaller --seq",
                        validation.len(),
                        seq + 2
                    )));
                }
                Origin::Streamed(Box::new(prefetch))
            }
        };
        let origin = Mutex::new(origin);
        Ok(Self { validation, seq, per_step: per_step as u64, device, origin })
    }

    /// Sequences `first..first+count` of the global batch of a step, as inputs and targets of
    /// `[count, seq]` each.
    pub(crate) fn train(&self, step: u64, first: u64, count: i64) -> Result<(Tensor, Tensor)> {
        let wanted = first..first + count as u64;
        let mut ids = Vec::with_capacity(count as usize * (self.seq + 1));
        match &mut *self.origin() {
            Origin::Drawn(drawn) => {
                let begun = Instant::now();
                let places = (drawn.tokens.train.len() - self.seq - 1) as u64;
                for index in wanted {
                    let start = (scatter([drawn.seed, step, index]) % places) as usize;
                    append(&mut ids, &drawn.tokens.train[start..=start + self.seq]);
                }
                drawn.produced += count as u64 * self.seq as u64;
                drawn.time += begun.elapsed();
            }
            Origin::Streamed(prefetch) => {
                let start = step * self.per_step;
                prefetch.batch(start + wanted.start..start + wanted.end, step, &mut ids)?;
            }
        }
        self.stack(&ids)
    }

    /// `count` sequences spread evenly over the validation part.
    pub(crate) fn validation(&self, count: i64) -> Result<(Tensor, Tensor)> {
        let last = self.validation.len() - self.seq - 1;
        let mut ids = Vec::with_capacity(count as usize * (self.seq + 1));
        for index in 0..count as usize {
            let start = last * index / count as usize;
            append(&mut ids, &self.validation[start..=start + self.seq]);
        }
        self.stack(&ids)
    }

    /// What the loader did until now.
    pub(crate) fn report(&self) -> LoaderReport {
        match &*self.origin() {
            Origin::Drawn(drawn) => LoaderReport {
                format: "text".to_owned(),
                documents: drawn.documents as u64,
                tokens_per_s: Some(drawn.produced as f64 / drawn.time.as_secs_f64().max(1e-9)),
                samples_per_s: None,
                // It is the thread that trains that draws.
                wait_ns: drawn.time.as_nanos() as u64,
                stalls: 0,
            },
            Origin::Streamed(prefetch) => prefetch.report(),
        }
    }

    fn origin(&self) -> MutexGuard<'_, Origin<'a>> {
        self.origin.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stack(&self, ids: &[i64]) -> Result<(Tensor, Tensor)> {
        let both = Tensor::f_from_slice(ids)?
            .f_view([-1, self.seq as i64 + 1])?
            .f_to_device(self.device)?;
        let inputs = both.f_narrow(1, 0, self.seq as i64)?.f_contiguous()?;
        let targets = both.f_narrow(1, 1, self.seq as i64)?.f_contiguous()?;
        Ok((inputs, targets))
    }
}

fn append(ids: &mut Vec<i64>, tokens: &[u32]) {
    ids.extend(tokens.iter().map(|id| i64::from(*id)));
}

fn too_short(train: usize, validation: usize, seq: usize) -> Failure {
    Failure::input(format!(
        "the text is too short: {train} tokens to train on and {validation} to validate on, and --seq {seq} needs {} of each; give more text with --data or a smaller --seq",
        seq + 2
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Text {
        let tokens =
            Tokens { train: (0..1000).collect(), validation: (0..100).collect(), checksum: 0 };
        Text::Whole { tokens, documents: 1 }
    }

    #[test]
    fn two_halves_of_a_global_batch_are_the_whole() {
        let text = text();
        let batches = Batches::new(&text, 8, 1, 4, Device::Cpu).unwrap();
        let (whole, _) = batches.train(3, 0, 4).unwrap();
        let (left, _) = batches.train(3, 0, 2).unwrap();
        let (right, _) = batches.train(3, 2, 2).unwrap();
        assert_eq!(Tensor::cat(&[left, right], 0), whole);
        assert_ne!(batches.train(4, 0, 4).unwrap().0, whole, "each step draws anew");
    }

    #[test]
    fn targets_are_the_inputs_one_token_later() {
        let text = text();
        let batches = Batches::new(&text, 8, 1, 4, Device::Cpu).unwrap();
        let (inputs, targets) = batches.train(0, 0, 2).unwrap();
        assert_eq!(inputs.size(), [2, 8]);
        assert_eq!(inputs + 1, targets);
    }

    #[test]
    fn a_text_shorter_than_a_sequence_is_an_input_error() {
        let text = text();
        assert!(matches!(Batches::new(&text, 99, 1, 4, Device::Cpu), Err(Failure::Input(_))));
    }
}
