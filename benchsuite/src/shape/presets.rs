//! The named shapes: `data/presets.toml`, which the advisor reads too.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::{Architecture, RopeScaling, Shape};
use crate::failure::{Failure, Result};

/// The table that this program carries.
const TABLE: &str = include_str!("../../../data/presets.toml");

/// A named shape with the micro-batch that suits it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Preset {
    /// The name given to `--preset`.
    pub name: String,
    /// The model.
    pub shape: Shape,
    /// Sequences of a forward pass, unless `--micro-batch` says otherwise.
    pub micro_batch: i64,
    /// Where it is meant to run.
    pub about: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    preset: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    model: Architecture,
    name: String,
    shape: Numbers,
    micro_batch: i64,
    about: String,
    #[serde(default)]
    rope_theta: Option<f64>,
    #[serde(default)]
    rope_scaling: Option<RopeScaling>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbers {
    layers: i64,
    hidden: i64,
    ffn: i64,
    heads: i64,
    kv_heads: i64,
    seq: i64,
    vocab: i64,
    tied: bool,
    #[serde(default)]
    experts: i64,
    #[serde(default)]
    top_k: i64,
}

impl From<Row> for Preset {
    fn from(row: Row) -> Self {
        let numbers = row.shape;
        let usual = if row.model == Architecture::Gpt { 0.0 } else { 1e4 };
        let shape = Shape {
            architecture: row.model,
            layers: numbers.layers,
            hidden: numbers.hidden,
            heads: numbers.heads,
            kv_heads: numbers.kv_heads,
            head_dim: numbers.hidden / numbers.heads.max(1),
            ffn: numbers.ffn,
            seq: numbers.seq,
            vocab: numbers.vocab,
            tied: numbers.tied,
            experts: numbers.experts,
            top_k: numbers.top_k,
            rope_theta: row.rope_theta.unwrap_or(usual),
            rope_scaling: row.rope_scaling,
            norm_epsilon: 1e-5,
        };
        Self { name: row.name, shape, micro_batch: row.micro_batch, about: row.about }
    }
}

/// All presets, by architecture, smallest first. A damaged table, which a test finds, has none.
pub(crate) fn presets() -> &'static [Preset] {
    static PRESETS: OnceLock<Vec<Preset>> = OnceLock::new();
    PRESETS.get_or_init(|| {
        let rows = toml::from_str::<Table>(TABLE).map(|table| table.preset).unwrap_or_default();
        rows.into_iter().map(Preset::from).collect()
    })
}

/// The preset of that architecture and name.
pub(crate) fn find(architecture: Architecture, name: &str) -> Result<Preset> {
    let mut of_it = presets().iter().filter(|p| p.shape.architecture == architecture);
    of_it.clone().find(|preset| preset.name == name).cloned().ok_or_else(|| {
        let known: Vec<_> = of_it.by_ref().map(|preset| preset.name.as_str()).collect();
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
        assert_eq!(presets().len(), 18);
        for preset in presets() {
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
