//! The command line, and the job that it describes once defaults and presets are filled in.

mod arguments;
mod job;
mod lengths;
mod serving;
mod shape;

pub(crate) use arguments::ModelArgs;
pub(crate) use job::Job;
pub(crate) use lengths::Lengths;
pub(crate) use serving::{InferenceArgs, ServingJob};
pub(crate) use shape::ShapeArgs;

use clap::{Parser, Subcommand, ValueEnum};
use serde::Serialize;

/// Real training and inference runs, marked for a profiler.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Example:\n  perfagent-bench gpt --preset nano --nproc 2 --precision bf16 --steps 50\n  perfagent record -o run.perfdb -- perfagent-bench gpt --preset nano"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Trains a GPT-2: learned positions, layer norm, GELU, biases
    #[command(
        allow_negative_numbers = true,
        after_help = "Examples:\n  perfagent-bench gpt --preset nano --steps 100 --json run.json\n  perfagent-bench gpt --preset nano --nproc 2 --zero 1 --micro-batch 4\n  torchrun --no-python --nproc-per-node 2 perfagent-bench gpt --preset micro --data ~/texts"
    )]
    Gpt(Box<ModelArgs>),
    /// Trains a Llama: RMS norm, rotary positions, grouped-query attention, `SwiGLU`
    #[command(
        allow_negative_numbers = true,
        after_help = "Examples:\n  perfagent-bench llama --preset nano --steps 100 --json run.json\n  perfagent-bench llama --model config.json --seq 512 --zero 3 --nproc 2"
    )]
    Llama(Box<ModelArgs>),
    /// Trains a Llama with a mixture of experts
    #[command(
        allow_negative_numbers = true,
        after_help = "Example:\n  perfagent-bench moe --preset nano --experts 8 --top-k 2"
    )]
    Moe(Box<ModelArgs>),
    /// Serves requests: prefill and decode with a KV cache, continuous batching, latencies
    #[command(
        allow_negative_numbers = true,
        after_help = "Examples:\n  perfagent-bench inference llama --preset nano --rate 20 --json run.json\n  perfagent-bench inference llama --preset llama-1b --precision bf16 --batch 64 --prompt 128..1024 --output 64..256 --rate 8\n  perfagent-bench inference gpt --prompt 64 --output 1 --batch 4     # prefill alone"
    )]
    Inference(Box<InferenceArgs>),
    /// Lists the models and presets
    #[command(after_help = "Example:\n  perfagent-bench list --json")]
    List {
        /// Write the list as one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Any other word in the place of the model.
    #[command(external_subcommand)]
    Other(Vec<String>),
}

/// Where to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DeviceChoice {
    /// The processor.
    Cpu,
    /// An NVIDIA GPU; an error without one.
    Cuda,
    /// A GPU if there is one, else the processor.
    Auto,
}

/// The number format of forward and backward. Master weights and optimizer state are fp32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Precision {
    /// 32-bit floating point throughout.
    Fp32,
    /// fp32 whose matrix products round their inputs to 10 bits of mantissa, on GPUs from compute capability 8.0 on.
    Tf32,
    /// IEEE half precision, the loss scaled so that gradients do not vanish.
    Fp16,
    /// bfloat16 matrix products and activations.
    Bf16,
    /// bf16 whose matrix products in blocks take 8-bit numbers, e4m3 and for gradients e5m2.
    Fp8,
}

impl Precision {
    /// The name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Tf32 => "tf32",
            Self::Fp16 => "fp16",
            Self::Bf16 => "bf16",
            Self::Fp8 => "fp8",
        }
    }

    /// What tensors of activations are.
    pub(crate) const fn kind(self) -> tch::Kind {
        match self {
            Self::Fp32 | Self::Tf32 => tch::Kind::Float,
            Self::Fp16 => tch::Kind::Half,
            Self::Bf16 | Self::Fp8 => tch::Kind::BFloat16,
        }
    }
}

/// Which activations are computed again in backward instead of being kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Recompute {
    /// None.
    None,
    /// The activation of the feed-forward part, which no matrix product is needed for.
    Selective,
    /// All but the input of each block.
    Full,
}

/// What is kept in the host's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Offload {
    /// Nothing.
    None,
    /// The optimizer's state, its master weights included; the update is computed there.
    Optimizer,
}
