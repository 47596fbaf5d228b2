//! The options that say which model it is.

use std::path::PathBuf;

use clap::Args;

use crate::failure::{Failure, Result};
use crate::shape::{self, Architecture, Shape};

#[derive(Args, Clone, Debug)]
pub(crate) struct ShapeArgs {
    /// Model size; `perfagent-bench list` shows them [default: nano; of resnet50: resnet50]
    #[arg(long, value_name = "NAME", conflicts_with = "model")]
    pub preset: Option<String>,
    /// The model's shape from a Hugging Face configuration file
    #[arg(long, value_name = "config.json")]
    pub model: Option<PathBuf>,
    /// Transformer blocks [default: the preset's]
    #[arg(long, value_name = "N", help_heading = "Shape")]
    pub layers: Option<i64>,
    /// Width of the model [default: the preset's]
    #[arg(long, value_name = "N", help_heading = "Shape")]
    pub hidden: Option<i64>,
    /// Attention heads [default: the preset's]
    #[arg(long, value_name = "N", help_heading = "Shape")]
    pub heads: Option<i64>,
    /// Heads of keys and values [default: the preset's share of the heads]
    #[arg(long, value_name = "N", help_heading = "Shape")]
    pub kv_heads: Option<i64>,
    /// Width of a head [default: hidden / heads]
    #[arg(long, value_name = "N", help_heading = "Shape")]
    pub head_dim: Option<i64>,
    /// Width of the feed-forward part, or of an expert [default: the preset's share of the width]
    #[arg(long, value_name = "N", help_heading = "Shape")]
    pub ffn: Option<i64>,
    /// Tokens of a sequence [default: the preset's]
    #[arg(long, value_name = "N", help_heading = "Shape")]
    pub seq: Option<i64>,
    /// Vocabulary size of the tokenizer and the model [default: the preset's]
    #[arg(long, value_name = "N", help_heading = "Shape")]
    pub vocab: Option<i64>,
    /// Experts of a block, with moe [default: the preset's]
    #[arg(long, value_name = "N", help_heading = "Shape")]
    pub experts: Option<i64>,
    /// Experts that each token is sent to, with moe [default: the preset's]
    #[arg(long, value_name = "N", help_heading = "Shape")]
    pub top_k: Option<i64>,
}

/// A model that was asked for, consistent.
pub(super) struct Named {
    /// The preset that the numbers started from, or the configuration file.
    pub(super) preset: String,
    /// All of its numbers.
    pub(super) shape: Shape,
    /// The micro-batch that suits it in training.
    pub(super) micro_batch: i64,
}

impl ShapeArgs {
    /// The model, its numbers checked.
    pub(super) fn named(&self, architecture: Architecture) -> Result<Named> {
        let (preset, base, micro_batch) = start(architecture, self)?;
        let shape = changed(&base, self)?;
        shape.check()?;
        Ok(Named { preset, shape, micro_batch })
    }
}

/// What the numbers start from: a preset, or a configuration file; with the micro-batch that suits it.
fn start(architecture: Architecture, args: &ShapeArgs) -> Result<(String, Shape, i64)> {
    let Some(path) = &args.model else {
        let name = args.preset.clone().unwrap_or_else(|| "nano".to_owned());
        let preset = shape::find(architecture, &name)?;
        return Ok((name, preset.shape, preset.micro_batch));
    };
    let shape = shape::read_config(path)?;
    shape
        .check()
        .map_err(|failure| Failure::input(format!("--model {}: {failure}", path.display())))?;
    if shape.architecture != architecture {
        return Err(Failure::input(format!(
            "--model {}: this is a {name}: perfagent-bench {name} --model …",
            path.display(),
            name = shape.architecture.name()
        )));
    }
    Ok((path.display().to_string(), shape, 1))
}

/// The shape with what was asked for instead. What follows from the width keeps its relation to it.
fn changed(base: &Shape, args: &ShapeArgs) -> Result<Shape> {
    let hidden = args.hidden.unwrap_or(base.hidden);
    let heads = args.heads.unwrap_or(base.heads);
    let head_dim = match args.head_dim {
        Some(width) => width,
        None if args.hidden.is_none() && args.heads.is_none() => base.head_dim,
        None if heads > 0 && hidden % heads == 0 => hidden / heads,
        None => {
            return Err(Failure::input(format!(
                "--hidden {hidden} is not a multiple of --heads {heads}: every head needs the same width"
            )));
        }
    };
    if !(1..=1 << 24).contains(&hidden) {
        return Err(Failure::input(format!(
            "--hidden {hidden} is out of range: 1 to 16777216 is expected"
        )));
    }
    let group = base.heads / base.kv_heads;
    let kv_heads = args.kv_heads.unwrap_or_else(|| match args.heads {
        None => base.kv_heads,
        Some(heads) if heads % group == 0 && heads > 0 => heads / group,
        Some(heads) => heads,
    });
    let ffn = args.ffn.unwrap_or_else(|| match args.hidden {
        Some(hidden) if hidden != base.hidden => (base.ffn * hidden / base.hidden).max(1),
        _ => base.ffn,
    });
    let of_experts = |name: &str, given: Option<i64>, base_value: i64| match given {
        Some(_) if base.architecture != Architecture::Moe => {
            Err(Failure::input(format!("--{name} is for perfagent-bench moe")))
        }
        given => Ok(given.unwrap_or(base_value)),
    };
    Ok(Shape {
        layers: args.layers.unwrap_or(base.layers),
        hidden,
        heads,
        kv_heads,
        head_dim,
        ffn,
        seq: args.seq.unwrap_or(base.seq),
        vocab: args.vocab.unwrap_or(base.vocab),
        experts: of_experts("experts", args.experts, base.experts)?,
        top_k: of_experts("top-k", args.top_k, base.top_k)?,
        ..*base
    })
}
