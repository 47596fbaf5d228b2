//! The shape of a GPT: its numbers, what follows from them, and the presets.

use serde::Serialize;

use crate::failure::{Failure, Result};

/// The numbers that define a GPT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Shape {
    /// Transformer blocks.
    pub layers: i64,
    /// Width of the residual stream.
    pub hidden: i64,
    /// Attention heads; divides `hidden`.
    pub heads: i64,
    /// Tokens of a sequence, also the number of learned positions.
    pub seq: i64,
    /// Rows of the token embedding.
    pub vocab: i64,
}

impl Shape {
    /// Trainable parameters, the tied head counted once: L(12h² + 13h) + Vh + sh + 2h.
    pub(crate) fn parameters(&self) -> i64 {
        let h = self.hidden;
        self.layers * (12 * h * h + 13 * h) + self.vocab * h + self.seq * h + 2 * h
    }

    /// Floating-point operations of forward and backward for one token: 6N + 12Lhs, with N all the
    /// parameters and attention counted in full (not halved for the causal mask).
    pub(crate) fn flops_per_token(&self) -> f64 {
        6.0 * self.parameters() as f64 + 12.0 * (self.layers * self.hidden * self.seq) as f64
    }

    /// Checks that the numbers go together.
    pub(crate) fn check(&self) -> Result<()> {
        let named = [
            ("layers", self.layers),
            ("hidden", self.hidden),
            ("heads", self.heads),
            ("seq", self.seq),
            ("vocab", self.vocab),
        ];
        if let Some((name, value)) = named.iter().find(|(_, value)| !(1..=1 << 24).contains(value))
        {
            return Err(Failure::input(format!(
                "--{name} {value} is out of range: 1 to 16777216 is expected"
            )));
        }
        if self.hidden % self.heads != 0 {
            return Err(Failure::input(format!(
                "--hidden {} is not a multiple of --heads {}: every head needs the same width",
                self.hidden, self.heads
            )));
        }
        // The byte alphabet must fit before any merge does.
        if self.vocab < 257 {
            return Err(Failure::input(format!(
                "--vocab {} is too small: byte-level BPE needs at least 257",
                self.vocab
            )));
        }
        Ok(())
    }
}

/// A named shape with the micro-batch that suits it.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Preset {
    /// The name given to `--preset`.
    pub name: &'static str,
    /// The model.
    pub shape: Shape,
    /// Sequences of a forward pass, unless `--micro-batch` says otherwise.
    pub micro_batch: i64,
    /// Where it is meant to run.
    pub about: &'static str,
}

const fn preset(
    name: &'static str,
    [layers, hidden, heads, seq, vocab]: [i64; 5],
    micro_batch: i64,
    about: &'static str,
) -> Preset {
    Preset { name, shape: Shape { layers, hidden, heads, seq, vocab }, micro_batch, about }
}

/// All presets, smallest first.
pub(crate) const PRESETS: [Preset; 7] = [
    preset("nano", [4, 128, 4, 128, 1024], 8, "seconds on two CPU cores"),
    preset("micro", [6, 256, 8, 256, 2048], 8, "a minute on a few CPU cores"),
    preset("mini", [8, 512, 8, 512, 8192], 4, "a laptop CPU, or any GPU"),
    preset("gpt2-124m", [12, 768, 12, 1024, 50257], 4, "one GPU"),
    preset("gpt2-350m", [24, 1024, 16, 1024, 50257], 4, "one GPU"),
    preset("gpt2-774m", [36, 1280, 20, 1024, 50257], 2, "one large GPU"),
    preset("gpt2-1.5b", [48, 1600, 25, 1024, 50257], 1, "one large GPU"),
];

/// The preset of that name.
pub(crate) fn find(name: &str) -> Result<Preset> {
    PRESETS.into_iter().find(|preset| preset.name == name).ok_or_else(|| {
        let known: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
        Failure::input(format!("unknown preset '{name}': known are {}", known.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpt2_presets_have_the_published_parameter_counts() {
        // Radford et al. 2019, as counted from the released checkpoints.
        for (name, parameters) in [
            ("gpt2-124m", 124_439_808),
            ("gpt2-350m", 354_823_168),
            ("gpt2-774m", 774_030_080),
            ("gpt2-1.5b", 1_557_611_200),
        ] {
            assert_eq!(find(name).unwrap().shape.parameters(), parameters, "{name}");
        }
    }

    #[test]
    fn every_preset_is_consistent() {
        for preset in PRESETS {
            preset.shape.check().unwrap();
        }
    }

    #[test]
    fn heads_must_divide_the_width() {
        let shape = Shape { heads: 5, ..PRESETS[0].shape };
        assert!(matches!(shape.check(), Err(Failure::Input(text)) if text.contains("--heads 5")));
    }
}
