//! The named shapes.

use serde::Serialize;

use super::{Architecture, RopeScaling, Shape};
use crate::failure::{Failure, Result};

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

const GPT: Shape = Shape {
    architecture: Architecture::Gpt,
    layers: 0,
    hidden: 0,
    heads: 0,
    kv_heads: 0,
    head_dim: 0,
    ffn: 0,
    seq: 0,
    vocab: 0,
    tied: true,
    experts: 0,
    top_k: 0,
    rope_theta: 0.0,
    rope_scaling: None,
    norm_epsilon: 1e-5,
};

const fn gpt(
    name: &'static str,
    [layers, hidden, heads, seq, vocab]: [i64; 5],
    micro_batch: i64,
    about: &'static str,
) -> Preset {
    let shape = Shape {
        layers,
        hidden,
        heads,
        kv_heads: heads,
        head_dim: hidden / heads,
        ffn: 4 * hidden,
        seq,
        vocab,
        ..GPT
    };
    Preset { name, shape, micro_batch, about }
}

/// Layers, hidden, heads, heads of keys, ffn, seq, vocab; tied.
const fn llama(
    name: &'static str,
    [layers, hidden, heads, kv_heads, ffn, seq, vocab]: [i64; 7],
    tied: bool,
    micro_batch: i64,
    about: &'static str,
) -> Preset {
    let shape = Shape {
        architecture: Architecture::Llama,
        layers,
        hidden,
        heads,
        kv_heads,
        head_dim: hidden / heads,
        ffn,
        seq,
        vocab,
        tied,
        rope_theta: 1e4,
        ..GPT
    };
    Preset { name, shape, micro_batch, about }
}

const LLAMA_3: RopeScaling = RopeScaling { factor: 32.0, low: 1.0, high: 4.0, original: 8192.0 };

/// The numbers of Llama 3's rotary positions.
const fn llama_3(preset: Preset, rope_scaling: Option<RopeScaling>) -> Preset {
    Preset { shape: Shape { rope_theta: 5e5, rope_scaling, ..preset.shape }, ..preset }
}

/// A preset of Llama with `experts` experts in each block.
const fn moe(preset: Preset, experts: i64, top_k: i64) -> Preset {
    let shape = Shape { architecture: Architecture::Moe, experts, top_k, ..preset.shape };
    Preset { shape, ..preset }
}

const NANO: &str = "seconds on two CPU cores";
const MICRO: &str = "a minute on a few CPU cores";
const MINI: &str = "a laptop CPU, or any GPU";
const ONE: &str = "one GPU";
const LARGE: &str = "one large GPU";
const SEVERAL: &str = "several GPUs";

/// All presets, by architecture, smallest first.
pub(crate) const PRESETS: [Preset; 18] = [
    gpt("nano", [4, 128, 4, 128, 1024], 8, NANO),
    gpt("micro", [6, 256, 8, 256, 2048], 8, MICRO),
    gpt("mini", [8, 512, 8, 512, 8192], 4, MINI),
    gpt("gpt2-124m", [12, 768, 12, 1024, 50257], 4, ONE),
    gpt("gpt2-350m", [24, 1024, 16, 1024, 50257], 4, ONE),
    gpt("gpt2-774m", [36, 1280, 20, 1024, 50257], 2, LARGE),
    // GPT-3 XL with 16 heads, so that they divide its width.
    gpt("gpt-1.3b", [24, 2048, 16, 2048, 50257], 1, LARGE),
    gpt("gpt2-1.5b", [48, 1600, 25, 1024, 50257], 1, LARGE),
    llama("nano", [4, 128, 4, 2, 352, 128, 1024], true, 8, NANO),
    llama("micro", [6, 256, 8, 4, 704, 256, 2048], true, 8, MICRO),
    llama("mini", [8, 512, 8, 4, 1408, 512, 8192], true, 4, MINI),
    // Llama 3.2 1B and 3B, Llama 3 8B.
    llama_3(
        llama("llama-1b", [16, 2048, 32, 8, 8192, 4096, 128_256], true, 1, LARGE),
        Some(LLAMA_3),
    ),
    llama_3(
        llama("llama-3b", [28, 3072, 24, 8, 8192, 4096, 128_256], true, 1, LARGE),
        Some(LLAMA_3),
    ),
    llama_3(llama("llama-8b", [32, 4096, 32, 8, 14_336, 8192, 128_256], false, 1, SEVERAL), None),
    moe(llama("nano", [4, 128, 4, 2, 176, 128, 1024], true, 8, NANO), 4, 2),
    moe(llama("micro", [6, 256, 8, 4, 352, 256, 2048], true, 8, MICRO), 8, 2),
    moe(llama("mini", [8, 512, 8, 4, 704, 512, 8192], true, 4, MINI), 8, 2),
    moe(
        Preset {
            shape: Shape {
                rope_theta: 1e6,
                ..llama("", [32, 4096, 32, 8, 14_336, 4096, 32_000], false, 1, "").shape
            },
            name: "mixtral-8x7b",
            micro_batch: 1,
            about: SEVERAL,
        },
        8,
        2,
    ),
];

/// The preset of that architecture and name.
pub(crate) fn find(architecture: Architecture, name: &str) -> Result<Preset> {
    let mut of_it = PRESETS.into_iter().filter(|p| p.shape.architecture == architecture);
    of_it.clone().find(|preset| preset.name == name).ok_or_else(|| {
        let known: Vec<_> = of_it.by_ref().map(|preset| preset.name).collect();
        Failure::input(format!(
            "unknown preset '{name}' of {}: known are {}",
            architecture.name(),
            known.join(", ")
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_have_the_published_parameter_counts() {
        use Architecture::{Gpt, Llama, Moe};
        // Radford et al. 2019, as counted from the released checkpoints; model cards of Llama 3 and Mixtral.
        for (architecture, name, parameters) in [
            (Gpt, "gpt2-124m", 124_439_808),
            (Gpt, "gpt2-350m", 354_823_168),
            (Gpt, "gpt2-774m", 774_030_080),
            (Gpt, "gpt2-1.5b", 1_557_611_200),
            (Llama, "llama-1b", 1_235_814_400),
            (Llama, "llama-3b", 3_212_749_824),
            (Llama, "llama-8b", 8_030_261_248),
            (Moe, "mixtral-8x7b", 46_702_792_704),
        ] {
            assert_eq!(find(architecture, name).unwrap().shape.parameters(), parameters, "{name}");
        }
        // Mixtral's paper: 13 B parameters are active for a token.
        let active = find(Moe, "mixtral-8x7b").unwrap().shape.active_parameters();
        assert_eq!(active / 1_000_000_000, 12);
    }

    #[test]
    fn every_preset_is_consistent() {
        for preset in PRESETS {
            preset.shape.check().unwrap();
        }
    }

    #[test]
    fn numbers_that_do_not_go_together_are_refused() {
        use Architecture::{Gpt, Llama, Moe};
        let refused = |architecture, change: fn(&mut Shape), says: &str| {
            let mut shape = find(architecture, "nano").unwrap().shape;
            change(&mut shape);
            let answer = shape.check();
            assert!(
                matches!(&answer, Err(Failure::Input(text)) if text.contains(says)),
                "{says}: {answer:?}"
            );
        };
        refused(Llama, |shape| shape.kv_heads = 3, "--kv-heads 3");
        refused(Llama, |shape| shape.head_dim = 33, "--head-dim 33");
        refused(Gpt, |shape| shape.kv_heads = 2, "--kv-heads 2");
        refused(Moe, |shape| shape.top_k = 5, "--top-k 5");
        refused(Moe, |shape| shape.experts = 0, "--experts 0");
        refused(Gpt, |shape| shape.vocab = 256, "--vocab 256");
    }
}
