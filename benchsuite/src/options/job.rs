//! A training job with every number filled in and checked.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::shape::Named;
use super::{DeviceChoice, ModelArgs, Offload, Precision, Recompute};
use crate::data::DataArgs;
use crate::failure::{Failure, Result};
use crate::mesh::Position;
use crate::model::{Fp8Scaling, LossKind};
use crate::parameters;
use crate::shape::{Architecture, Shape};

/// What to train and how.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Job {
    /// `gpt`, `llama` or `moe`.
    pub model: &'static str,
    /// The preset that the other numbers started from, or the configuration file.
    pub preset: String,
    /// The model's shape.
    pub shape: Shape,
    /// Where to compute.
    #[serde(skip)]
    pub device: DeviceChoice,
    /// Number format of forward and backward.
    pub precision: Precision,
    /// What shares a scale with fp8.
    pub fp8_scaling: Fp8Scaling,
    /// Sequences of one forward pass on one rank.
    pub micro_batch: i64,
    /// Micro-batches of a step.
    pub accumulate: i64,
    /// Optimizer steps.
    pub steps: u64,
    /// The stage of ZeRO, 0 to 3.
    pub zero: u8,
    /// Ranks that compute each block together.
    pub tp: usize,
    /// Whether what lies between their matrix products is divided along the sequence.
    pub sequence_parallel: bool,
    /// Stages of the pipeline.
    pub pp: usize,
    /// Activations that are computed again.
    pub recompute: Recompute,
    /// What is in the host's memory.
    pub offload: Offload,
    /// How the loss is computed.
    pub loss: LossKind,
    /// Seed of weights and batches.
    pub seed: u64,
    /// Peak learning rate.
    pub lr: f64,
    /// Bytes of a gradient bucket, at least.
    pub bucket_bytes: i64,
    /// What the loss is multiplied by at first, with fp16.
    pub loss_scale: f64,
    /// What is trained on.
    pub data: DataArgs,
    /// Where checkpoints go.
    #[serde(skip)]
    pub checkpoint: Option<PathBuf>,
    /// Steps between two of them.
    #[serde(skip)]
    pub checkpoint_every: Option<u64>,
    /// Whether to go on from the latest.
    #[serde(skip)]
    pub resume: bool,
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
    pub(crate) fn new(architecture: Architecture, args: ModelArgs) -> Result<Self> {
        let Named { preset, shape, micro_batch } = args.shape.named(architecture)?;
        let job = Self {
            model: architecture.name(),
            preset,
            shape,
            device: args.device,
            precision: args.precision,
            fp8_scaling: args.fp8_scaling,
            micro_batch: args.micro_batch.unwrap_or(micro_batch),
            accumulate: args.accumulate,
            steps: args.steps,
            zero: args.zero,
            tp: args.tp,
            sequence_parallel: args.sequence_parallel,
            pp: args.pp,
            recompute: args.recompute,
            offload: args.offload,
            loss: args.loss,
            seed: args.seed,
            lr: args.lr,
            // Several buckets even in a small model: with one there is nothing to overlap.
            bucket_bytes: args.bucket_bytes.unwrap_or((4 << 20).min(shape.parameters())),
            loss_scale: args.loss_scale,
            data: args.data,
            checkpoint: args.checkpoint,
            checkpoint_every: args.checkpoint_every,
            resume: args.resume,
            loss_out: args.loss_out,
            json: args.json,
            threads: args.threads,
            timeout: Duration::from_secs(args.timeout),
            peak_tflops: args.peak_tflops,
            quiet: args.quiet,
        };
        job.check()?;
        Ok(job)
    }

    fn check(&self) -> Result<()> {
        let numbers = [
            ("micro-batch", self.micro_batch),
            ("accumulate", self.accumulate),
            ("steps", self.steps.min(i64::MAX as u64) as i64),
            ("tp", self.tp as i64),
            ("pp", self.pp as i64),
        ];
        for (name, value) in numbers {
            let most = if name == "steps" { 1 << 40 } else { 1 << 28 };
            if !(1..=most).contains(&value) {
                return Err(Failure::input(format!(
                    "--{name} {value} is out of range: 1 to {most} is expected"
                )));
            }
        }
        for (name, value) in [("lr", self.lr), ("loss-scale", self.loss_scale)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(Failure::input(format!("--{name} {value} must be a positive number")));
            }
        }
        if self.peak_tflops.is_some_and(|peak| !(peak.is_finite() && peak > 0.0)) {
            return Err(Failure::input("--peak-tflops must be a positive number"));
        }
        if let Some(threads) = self.threads.filter(|threads| !(1..=4096).contains(threads)) {
            return Err(Failure::input(format!("--threads {threads} is out of range: 1 to 4096")));
        }
        self.check_parallel()?;
        self.check_fp8()
    }

    fn check_parallel(&self) -> Result<()> {
        let shape = &self.shape;
        if self.pp as i64 > shape.layers {
            return Err(Failure::input(format!(
                "--pp {} needs as many blocks: --layers is {}",
                self.pp, shape.layers
            )));
        }
        let tp = self.tp as i64;
        for (name, value) in [("heads", shape.heads), ("kv-heads", shape.kv_heads)] {
            if value % tp != 0 {
                return Err(Failure::input(format!(
                    "--tp {tp} does not divide --{name} {value}: every rank needs as many heads"
                )));
            }
        }
        // All blocks are alike.
        for unit in parameters::layout(&Shape { layers: 1, ..*shape }) {
            for tensor in &unit.tensors {
                tensor.division.part_shape(&tensor.name, &tensor.shape, tp)?;
            }
        }
        if self.sequence_parallel && shape.seq % tp != 0 {
            return Err(Failure::input(format!(
                "--sequence-parallel: --tp {tp} does not divide --seq {}",
                shape.seq
            )));
        }
        if self.sequence_parallel && tp == 1 {
            return Err(Failure::input("--sequence-parallel works with --tp 2 or more"));
        }
        if self.loss == LossKind::Full && tp > 1 {
            return Err(Failure::input(
                "--loss full works on whole vocabularies: leave it out with --tp",
            ));
        }
        Ok(())
    }

    /// Products of 8-bit numbers have sides that are multiples of 16.
    fn check_fp8(&self) -> Result<()> {
        if self.precision != Precision::Fp8 {
            return Ok(());
        }
        let shape = &self.shape;
        if shape.architecture == Architecture::Moe {
            return Err(Failure::input(
                "--precision fp8 multiplies multiples of 16 tokens, and experts get any number: use bf16 with moe",
            ));
        }
        let tp = self.tp as i64;
        for (name, value) in [
            ("hidden", shape.hidden),
            ("heads times --head-dim", shape.heads * shape.head_dim / tp),
            ("kv-heads times --head-dim", shape.kv_heads * shape.head_dim / tp),
            ("ffn", shape.ffn / tp),
            ("micro-batch times --seq", self.micro_batch * shape.seq),
        ] {
            if value % 16 != 0 {
                return Err(Failure::input(format!(
                    "--precision fp8: a rank's --{name} is {value}, and products of 8-bit numbers need multiples of 16"
                )));
            }
        }
        Ok(())
    }

    /// How products of 8-bit numbers are scaled, if there are any.
    pub(crate) fn fp8(&self) -> Option<Fp8Scaling> {
        (self.precision == Precision::Fp8).then_some(self.fp8_scaling)
    }

    /// Where a rank is among all.
    pub(crate) fn position(&self, rank: usize, ranks: usize) -> Result<Position> {
        Position::new(rank, ranks, self.tp, self.pp)
    }

    /// Sequences of one step over `ranks` ranks.
    pub(crate) fn sequences_per_step(&self, ranks: usize) -> i64 {
        let replicas = ranks / (self.tp * self.pp);
        self.micro_batch * self.accumulate * replicas as i64
    }

    /// Tokens of one step over `ranks` ranks.
    pub(crate) fn tokens_per_step(&self, ranks: usize) -> i64 {
        self.sequences_per_step(ranks) * self.shape.seq
    }
}
