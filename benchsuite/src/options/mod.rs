//! The command line, and the job that it describes once defaults and presets are filled in.

mod applies;
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

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use serde::Serialize;

use crate::failure::Failure;

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
    /// Trains a ResNet-50, v1.5, on images that it draws itself
    #[command(
        allow_negative_numbers = true,
        after_help = "Examples:\n  perfagent-bench resnet50 --precision bf16 --micro-batch 256 --steps 100\n  perfagent-bench resnet50 --preset nano --nproc 2 --zero 3"
    )]
    Resnet50(Box<ModelArgs>),
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
    /// Measures matrix products and collectives on this machine's processors, for `perfagent ceilings`
    #[command(after_help = "Example:\n  perfagent-bench ceilings --quick > torch.json")]
    Ceilings(CeilingsArgs),
    /// Any other word in the place of the model.
    #[command(external_subcommand)]
    Other(Vec<String>),
}

/// What to measure of the processors. The answer is one JSON document (perfagent.bench-ceilings/1).
#[derive(Debug, clap::Args)]
pub(crate) struct CeilingsArgs {
    /// Take half a minute: few shapes and sizes
    #[arg(long)]
    pub quick: bool,
    /// Threads that multiply [default: one for each core that this process may use]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// The most ranks that collectives are measured with [default: one for each such core, up to 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub ranks: Option<u16>,
}

impl Cli {
    /// The command line of this process.
    pub(crate) fn read() -> Result<Self, Unread> {
        let matches = applies::hide(Self::command()).try_get_matches().map_err(Unread::Words)?;
        applies::check(&matches).map_err(Unread::Refused)?;
        Self::from_arg_matches(&matches).map_err(Unread::Words)
    }
}

/// Why a command line cannot be followed.
pub(crate) enum Unread {
    /// It is none, or it asks for help.
    Words(clap::Error),
    /// It has an option that its model does not have.
    Refused(Failure),
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

/// How weights follow from gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Algorithm {
    /// Adam with decoupled weight decay; two numbers of state a parameter.
    Adamw,
    /// Stochastic gradient descent with momentum; one number of state a parameter.
    Sgd,
}

impl Algorithm {
    /// What it remembers of gradients, as checkpoints name it.
    pub(crate) const fn memory(self) -> &'static [&'static str] {
        match self {
            Self::Adamw => &["first_moment", "second_moment"],
            Self::Sgd => &["momentum"],
        }
    }

    /// The learning rate that suits it.
    pub(crate) const fn default_lr(self) -> f64 {
        match self {
            Self::Adamw => 1e-3,
            Self::Sgd => 0.1,
        }
    }
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
