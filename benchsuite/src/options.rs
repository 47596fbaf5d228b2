//! The command line, and the job that it describes once defaults and presets are filled in.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::shape::{self, Shape};

/// Real training runs, marked for a profiler.
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
    /// Trains a GPT on the text files of a folder
    #[command(
        allow_negative_numbers = true,
        after_help = "Examples:\n  perfagent-bench gpt --preset nano --steps 100 --json run.json\n  perfagent-bench gpt --preset nano --nproc 2 --zero 1 --micro-batch 4\n  torchrun --no-python --nproc-per-node 2 perfagent-bench gpt --preset micro --data ~/texts"
    )]
    Gpt(Box<GptArgs>),
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
    /// bfloat16 matrix products and activations.
    Bf16,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct GptArgs {
    /// Model size; `perfagent-bench list` shows them
    #[arg(long, default_value = "nano", value_name = "NAME")]
    preset: String,
    /// Transformer blocks [default: the preset's]
    #[arg(long, value_name = "N")]
    layers: Option<i64>,
    /// Width of the model [default: the preset's]
    #[arg(long, value_name = "N")]
    hidden: Option<i64>,
    /// Attention heads [default: the preset's]
    #[arg(long, value_name = "N")]
    heads: Option<i64>,
    /// Tokens of a sequence [default: the preset's]
    #[arg(long, value_name = "N")]
    seq: Option<i64>,
    /// Vocabulary size of the tokenizer and the model [default: the preset's]
    #[arg(long, value_name = "N")]
    vocab: Option<i64>,
    /// Where to compute
    #[arg(long, value_enum, default_value = "auto")]
    device: DeviceChoice,
    /// Number format of forward and backward; master weights stay fp32
    #[arg(long, value_enum, default_value = "fp32")]
    precision: Precision,
    /// Sequences of one forward pass on one rank [default: the preset's]
    #[arg(long, value_name = "N")]
    micro_batch: Option<i64>,
    /// Forward and backward passes before each optimizer step
    #[arg(long, default_value_t = 1, value_name = "N")]
    accumulate: i64,
    /// Optimizer steps
    #[arg(long, default_value_t = 50, value_name = "N")]
    steps: u64,
    /// Ranks to start on this machine; under torchrun, srun or mpirun leave it out
    #[arg(long, value_name = "N")]
    pub nproc: Option<usize>,
    /// Optimizer state sharded over the ranks: 0 no, 1 yes
    #[arg(long, default_value_t = 0, value_name = "STAGE", value_parser = clap::value_parser!(u8).range(0..=1))]
    zero: u8,
    /// Folder of UTF-8 text files to train on [default: the source tree this program is run in]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Decides the initial weights and the batches
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Peak learning rate of the cosine schedule
    #[arg(long, default_value_t = 1e-3, value_name = "X")]
    lr: f64,
    /// Write one `step loss` line a step, in full precision
    #[arg(long, value_name = "FILE")]
    loss_out: Option<PathBuf>,
    /// Write the result of the run as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Threads of libtorch in each rank [default: cores / ranks on this machine]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Seconds that a rank waits for another
    #[arg(long, default_value_t = 60, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86400))]
    timeout: u64,
    /// Bytes of a gradient bucket, at least [default: 4 MiB, or a quarter of the gradients if less]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(i64).range(1..))]
    bucket_bytes: Option<i64>,
    /// The device's peak in TFLOP/s for the utilisation [default: measured at the start]
    #[arg(long, value_name = "X")]
    peak_tflops: Option<f64>,
    /// No progress on standard error
    #[arg(long)]
    quiet: bool,
}

/// A training job with every number filled in and checked.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Job {
    /// Always `gpt`.
    pub model: &'static str,
    /// The preset that the other numbers started from.
    pub preset: String,
    /// The model's shape.
    pub shape: Shape,
    /// Where to compute.
    #[serde(skip)]
    pub device: DeviceChoice,
    /// Number format of forward and backward.
    pub precision: Precision,
    /// Sequences of one forward pass on one rank.
    pub micro_batch: i64,
    /// Micro-batches of a step.
    pub accumulate: i64,
    /// Optimizer steps.
    pub steps: u64,
    /// 0, or 1 for sharded optimizer state.
    pub zero: u8,
    /// Seed of weights and batches.
    pub seed: u64,
    /// Peak learning rate.
    pub lr: f64,
    /// Bytes of a gradient bucket, at least.
    pub bucket_bytes: i64,
    /// Folder with the text.
    #[serde(skip)]
    pub data: Option<PathBuf>,
    /// Where the losses go.
    #[serde(skip)]
    pub loss_out: Option<PathBuf>,
    /// Where the result goes.
    #[serde(skip)]
    pub json: Option<PathBuf>,
    /// Threads of libtorch in each rank.
    #[serde(skip)]
    pub threads: Option<usize>,
    /// How long a rank waits for another.
    #[serde(skip)]
    pub timeout: Duration,
    /// The device's peak, when the user knows better than a measurement.
    #[serde(skip)]
    pub peak_tflops: Option<f64>,
    /// No progress.
    #[serde(skip)]
    pub quiet: bool,
}

impl Job {
    /// Fills in the preset and checks the numbers.
    pub(crate) fn new(args: GptArgs) -> Result<Self> {
        let preset = shape::find(&args.preset)?;
        let shape = Shape {
            layers: args.layers.unwrap_or(preset.shape.layers),
            hidden: args.hidden.unwrap_or(preset.shape.hidden),
            heads: args.heads.unwrap_or(preset.shape.heads),
            seq: args.seq.unwrap_or(preset.shape.seq),
            vocab: args.vocab.unwrap_or(preset.shape.vocab),
        };
        shape.check()?;
        let job = Self {
            model: "gpt",
            preset: args.preset,
            shape,
            device: args.device,
            precision: args.precision,
            micro_batch: args.micro_batch.unwrap_or(preset.micro_batch),
            accumulate: args.accumulate,
            steps: args.steps,
            zero: args.zero,
            seed: args.seed,
            lr: args.lr,
            // Several buckets even in a small model: with one there is nothing to overlap.
            bucket_bytes: args.bucket_bytes.unwrap_or((4 << 20).min(shape.parameters())),
            data: args.data,
            loss_out: args.loss_out,
            json: args.json,
            threads: args.threads,
            timeout: Duration::from_secs(args.timeout),
            peak_tflops: args.peak_tflops,
            quiet: args.quiet,
        };
        for (name, value) in [
            ("micro-batch", job.micro_batch),
            ("accumulate", job.accumulate),
            ("steps", job.steps.min(i64::MAX as u64) as i64),
        ] {
            if !(1..=1 << 32).contains(&value) {
                return Err(Failure::input(format!(
                    "--{name} {value} is out of range: at least 1"
                )));
            }
        }
        if !(job.lr.is_finite() && job.lr > 0.0) {
            return Err(Failure::input(format!("--lr {} must be a positive number", job.lr)));
        }
        if job.peak_tflops.is_some_and(|peak| !(peak.is_finite() && peak > 0.0)) {
            return Err(Failure::input("--peak-tflops must be a positive number"));
        }
        if job.threads == Some(0) {
            return Err(Failure::input("--threads 0: at least one thread is needed"));
        }
        Ok(job)
    }

    /// Whether forward and backward run in bfloat16.
    pub(crate) fn bf16(&self) -> bool {
        self.precision == Precision::Bf16
    }

    /// Tokens of one step over `ranks` ranks.
    pub(crate) fn tokens_per_step(&self, ranks: usize) -> i64 {
        self.micro_batch * self.accumulate * self.shape.seq * ranks as i64
    }
}
