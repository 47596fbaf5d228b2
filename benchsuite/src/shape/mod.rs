//! The shape of a model: its numbers, and what follows from them. Here a language model's; `resnet` is that of networks for
//! images, and `model_shape` is either.

mod config_file;
mod image_presets;
mod model_shape;
mod presets;
mod resnet;

pub(crate) use config_file::read as read_config;
pub(crate) use image_presets::{DEFAULT as IMAGE_DEFAULT, IMAGE_PRESETS, find as find_images};
pub(crate) use model_shape::{Family, ModelShape};
pub(crate) use presets::{find, presets};
pub(crate) use resnet::{Block, COLOURS, Convolution, ResNet};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Result};

/// The family of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Architecture {
    /// GPT-2: learned positions, layer norm, GELU, biases, the head tied to the embedding.
    Gpt,
    /// Llama: rotary positions, RMS norm, grouped-query attention, `SwiGLU`, no biases.
    Llama,
    /// Llama with a mixture of experts in the place of each feed-forward part (Mixtral).
    Moe,
}

impl Architecture {
    /// The name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gpt => "gpt",
            Self::Llama => "llama",
            Self::Moe => "moe",
        }
    }
}

/// How rotary positions are stretched for long contexts (Llama 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RopeScaling {
    /// Low frequencies are divided by this.
    pub factor: f64,
    /// Wavelengths over `original / low` are scaled fully.
    pub low: f64,
    /// Wavelengths under `original / high` are not scaled.
    pub high: f64,
    /// The context that the model was first trained with, tokens.
    pub original: f64,
}

/// The numbers that define a language model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Shape {
    /// The family.
    #[serde(skip)]
    pub architecture: Architecture,
    /// Transformer blocks.
    pub layers: i64,
    /// Width of the residual stream.
    pub hidden: i64,
    /// Attention heads.
    pub heads: i64,
    /// Heads of keys and values; divides `heads`.
    pub kv_heads: i64,
    /// Width of one head.
    pub head_dim: i64,
    /// Width inside the feed-forward part; of one expert.
    pub ffn: i64,
    /// Tokens of a sequence; with GPT also the number of learned positions.
    pub seq: i64,
    /// Rows of the token embedding.
    pub vocab: i64,
    /// Whether the head is the token embedding.
    pub tied: bool,
    /// Experts of a block; 0 without.
    pub experts: i64,
    /// Experts that a token is sent to.
    pub top_k: i64,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// How they are stretched.
    pub rope_scaling: Option<RopeScaling>,
    /// Added to the variance in norms.
    pub norm_epsilon: f64,
}

impl Shape {
    /// Trainable parameters, a tied head counted once.
    ///
    /// GPT, with F = 4h: L(12h² + 13h) + Vh + sh + 2h.
    /// Llama: L(2h·d(a+k) + 3hF + 2h) + Vh (twice untied) + h. Mixture: E times 3hF, and hE for the router.
    pub(crate) fn parameters(&self) -> i64 {
        let h = self.hidden;
        self.layers * self.block_parameters(self.experts) + self.outside_blocks() + self.last_norm()
            - if self.tied { self.vocab * h } else { 0 }
    }

    /// Embeddings and head, the head counted also when it is tied.
    fn outside_blocks(&self) -> i64 {
        let positions = if self.architecture == Architecture::Gpt { self.seq } else { 0 };
        (2 * self.vocab + positions) * self.hidden
    }

    fn last_norm(&self) -> i64 {
        if self.architecture == Architecture::Gpt { 2 * self.hidden } else { self.hidden }
    }

    /// Parameters of one expert.
    pub(crate) fn expert_parameters(&self) -> i64 {
        3 * self.hidden * self.ffn
    }

    /// Parameters of one block, of which `experts` experts are counted.
    pub(crate) fn block_parameters(&self, experts: i64) -> i64 {
        let h = self.hidden;
        let (inner, keys) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        let attention = 2 * h * (inner + keys);
        match self.architecture {
            Architecture::Gpt => {
                attention + inner + 2 * keys + h + 2 * h * self.ffn + self.ffn + h + 4 * h
            }
            Architecture::Llama => attention + 3 * h * self.ffn + 2 * h,
            Architecture::Moe => {
                attention + experts * self.expert_parameters() + self.experts * h + 2 * h
            }
        }
    }

    /// Parameters that take part in the matrix products of one token: all of them, but only `top_k`
    /// experts, and of an untied pair of embedding and head only the head.
    pub(crate) fn active_parameters(&self) -> i64 {
        self.layers * self.block_parameters(self.top_k) + self.outside_blocks() + self.last_norm()
            - self.vocab * self.hidden
    }

    /// Floating-point operations of forward and backward for one token: 6N + 12·L·a·d·s, with N the
    /// active parameters and attention counted in full (not halved for the causal mask).
    pub(crate) fn flops_per_token(&self) -> f64 {
        let attention = self.layers * self.heads * self.head_dim * self.seq;
        6.0 * self.active_parameters() as f64 + 12.0 * attention as f64
    }

    /// Checks that the numbers go together.
    pub(crate) fn check(&self) -> Result<()> {
        let named = [
            ("layers", self.layers),
            ("hidden", self.hidden),
            ("heads", self.heads),
            ("kv-heads", self.kv_heads),
            ("head-dim", self.head_dim),
            ("ffn", self.ffn),
            ("seq", self.seq),
            ("vocab", self.vocab),
        ];
        if let Some((name, value)) = named.iter().find(|(_, value)| !(1..=1 << 24).contains(value))
        {
            return Err(Failure::input(format!(
                "--{name} {value} is out of range: 1 to 16777216 is expected"
            )));
        }
        // Numbers that are each in range may together be more than can be counted.
        let [h, f, v, l] = [self.hidden, self.ffn, self.vocab, self.layers].map(i128::from);
        let inner = i128::from(self.heads + self.kv_heads) * i128::from(self.head_dim);
        let block = 2 * h * inner + 3 * h * f * i128::from(self.experts.max(1));
        if l * (block + 16 * h) + 2 * v * h + h * i128::from(self.seq) > 1 << 50 {
            return Err(Failure::input(
                "the model has more than 10^15 parameters: choose smaller numbers",
            ));
        }
        if self.heads % self.kv_heads != 0 {
            return Err(Failure::input(format!(
                "--heads {} is not a multiple of --kv-heads {}: every group of query heads shares one head of keys",
                self.heads, self.kv_heads
            )));
        }
        // The byte alphabet must fit before any merge does.
        if self.vocab < 257 {
            return Err(Failure::input(format!(
                "--vocab {} is too small: byte-level BPE needs at least 257",
                self.vocab
            )));
        }
        match self.architecture {
            Architecture::Gpt if self.kv_heads != self.heads => Err(Failure::input(format!(
                "--kv-heads {} is for llama and moe: gpt has one head of keys for each of queries",
                self.kv_heads
            ))),
            Architecture::Llama | Architecture::Moe if self.head_dim % 2 != 0 => {
                Err(Failure::input(format!(
                    "--head-dim {} is odd: rotary positions turn pairs",
                    self.head_dim
                )))
            }
            Architecture::Moe if !(1..=1024).contains(&self.experts) => Err(Failure::input(
                format!("--experts {} is out of range: 1 to 1024 is expected", self.experts),
            )),
            Architecture::Moe if !(1..=self.experts).contains(&self.top_k) => Err(Failure::input(
                format!("--top-k {} is out of range: 1 to --experts {}", self.top_k, self.experts),
            )),
            _ => Ok(()),
        }
    }
}
