//! The named shapes of perfagent-bench: `data/presets.toml`, from which it takes them too.

use std::sync::OnceLock;

use perfagent_predictor::Model;
use serde::Deserialize;

/// The table that this crate carries.
const TABLE: &str = include_str!("../../../../data/presets.toml");

#[derive(Deserialize)]
struct Table {
    preset: Vec<Preset>,
}

/// A named shape with the micro-batch that suits it.
#[derive(Deserialize)]
pub(super) struct Preset {
    model: String,
    name: String,
    shape: Shape,
    /// Sequences of a pass, unless something else is said.
    pub(super) micro_batch: u64,
}

#[derive(Deserialize)]
struct Shape {
    layers: u64,
    hidden: u64,
    ffn: u64,
    heads: u64,
    kv_heads: u64,
    seq: u64,
    vocab: u64,
    tied: bool,
    experts: Option<u64>,
    top_k: Option<u64>,
}

/// The named shapes, each with its name: `gpt gpt2-124m`, `llama llama-8b`, …
pub fn known_models() -> impl Iterator<Item = (String, Model)> {
    Preset::all().iter().map(|preset| {
        let mut model = Model { arch: Some(preset.model.clone()), ..Model::default() };
        preset.fill(&mut model);
        (format!("{} {}", preset.model, preset.name), model)
    })
}

impl Preset {
    fn all() -> &'static [Self] {
        static PRESETS: OnceLock<Vec<Preset>> = OnceLock::new();
        PRESETS.get_or_init(|| {
            toml::from_str::<Table>(TABLE).map(|table| table.preset).unwrap_or_default()
        })
    }

    /// The preset of this model and name.
    pub(super) fn find(model: &str, name: &str) -> Option<&'static Self> {
        Self::all().iter().find(|preset| preset.model == model && preset.name == name)
    }

    /// Fills in what `model` leaves open. What follows from the width keeps its relation to it, as perfagent-bench has it.
    pub(super) fn fill(&self, model: &mut Model) {
        let shape = &self.shape;
        let hidden = *model.hidden.get_or_insert(shape.hidden);
        let group = (shape.heads / shape.kv_heads.max(1)).max(1);
        if model.kv_heads.is_none() {
            model.kv_heads = Some(match model.heads {
                None => shape.kv_heads,
                Some(heads) if heads.is_multiple_of(group) && heads > 0 => heads / group,
                Some(heads) => heads,
            });
        }
        for (field, value) in [
            (&mut model.ffn, (shape.ffn * hidden / shape.hidden.max(1)).max(1)),
            (&mut model.layers, shape.layers),
            (&mut model.heads, shape.heads),
            (&mut model.seq, shape.seq),
            (&mut model.vocab, shape.vocab),
        ] {
            field.get_or_insert(value);
        }
        model.experts = model.experts.or(shape.experts);
        model.top_k = model.top_k.or(shape.top_k);
        model.gated_mlp.get_or_insert(self.model != "gpt");
        model.tied_embeddings.get_or_insert(shape.tied);
    }
}

#[cfg(test)]
mod tests {
    use super::Preset;

    #[test]
    fn every_family_has_its_smallest() {
        for model in ["gpt", "llama", "moe"] {
            assert_eq!(Preset::find(model, "nano").unwrap().shape.layers, 4, "{model}");
        }
        assert!(Preset::find("gpt", "llama-8b").is_none());
    }
}
