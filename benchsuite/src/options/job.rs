//! A training job with every number filled in and checked.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::shape::Named;
use super::{Algorithm, DeviceChoice, ModelArgs, Offload, Precision, Recompute};
use crate::data::DataArgs;
use crate::failure::{Failure, Result};
use crate::mesh::Position;
use crate::model::{Fp8Scaling, LossKind};
use crate::parameters;
use crate::shape::{self, Architecture, Family, ModelShape, ResNet, Shape};

/// What to train and how.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Job {
    /// `gpt`, `llama`, `moe` or `resnet50`.
    pub model: &'static str,
    /// The preset that the other numbers started from, or the configuration file.
    pub preset: String,
    /// The model's shape.
    pub shape: ModelShape,
    /// Where to compute.
    #[serde(skip)]
    pub device: DeviceChoice,
    /// Number format of forward and backward.
    pub precision: Precision,
    /// What shares a scale with fp8.
    pub fp8_scaling: Fp8Scaling,
    /// Sequences or images of one forward pass on one rank.
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
    /// How weights follow from gradients.
    pub optimizer: Algorithm,
    /// Peak learning rate.
    pub lr: f64,
    /// Bytes of a gradient bucket, at least.
    pub bucket_bytes: i64,
    /// Barriers at the end of each step.
    pub barriers: u32,
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
    pub(crate) fn new(family: Family, args: ModelArgs) -> Result<Self> {
        let (preset, shape, micro_batch) = match family {
            Family::Language(architecture) => {
                let Named { preset, shape, micro_batch } = args.shape.named(architecture)?;
                (preset, ModelShape::Language(shape), micro_batch)
            }
            Family::Images => of_images(&args)?,
        };
        shape.check()?;
        let optimizer = args.optimizer.unwrap_or(match family {
            Family::Language(_) => Algorithm::Adamw,
            Family::Images => Algorithm::Sgd,
        });
        let job = Self {
            model: family.name(),
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
            loss: match family {
                Family::Language(_) => args.loss,
                Family::Images => LossKind::Full,
            },
            seed: args.seed,
            optimizer,
            lr: args.lr.unwrap_or(optimizer.default_lr()),
            // Several buckets even in a small model: with one there is nothing to overlap.
            bucket_bytes: args.bucket_bytes.unwrap_or((4 << 20).min(shape.parameters())),
            barriers: args.barriers,
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
        match &self.shape {
            ModelShape::Language(shape) => {
                self.check_parallel(shape)?;
                self.check_fp8(shape)
            }
            ModelShape::Images(shape) => self.check_images(shape),
        }
    }

    fn check_images(&self, shape: &ResNet) -> Result<()> {
        if self.pp as i64 > shape.block_count() {
            return Err(Failure::input(format!(
                "--pp {} needs as many blocks: {} has {}",
                self.pp,
                self.preset,
                shape.block_count()
            )));
        }
        if self.precision == Precision::Fp8 {
            return Err(Failure::input(
                "--precision fp8 is of language models: libtorch has no convolutions of 8-bit numbers; use bf16",
            ));
        }
        if self.recompute == Recompute::Selective {
            return Err(Failure::input(
                "--recompute selective is of language models: resnet50 has none and full",
            ));
        }
        shape.check_batch(self.micro_batch)
    }

    fn check_parallel(&self, shape: &Shape) -> Result<()> {
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
    fn check_fp8(&self, shape: &Shape) -> Result<()> {
        if self.precision != Precision::Fp8 {
            return Ok(());
        }
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

    /// Sequences or images of one step over `ranks` ranks.
    pub(crate) fn samples_per_step(&self, ranks: usize) -> i64 {
        let replicas = ranks / (self.tp * self.pp);
        self.micro_batch * self.accumulate * replicas as i64
    }

    /// Tokens of one step over `ranks` ranks; of images there are none.
    pub(crate) fn tokens_per_step(&self, ranks: usize) -> Option<i64> {
        Some(self.samples_per_step(ranks) * self.shape.tokens_per_sample()?)
    }

    /// Floating-point operations of one step over `ranks` ranks.
    pub(crate) fn flops_per_step(&self, ranks: usize) -> f64 {
        self.shape.flops_per_sample() * self.samples_per_step(ranks) as f64
    }
}

/// A network for images: the preset's name, the shape with what was asked for instead, and the micro-batch that suits it.
fn of_images(args: &ModelArgs) -> Result<(String, ModelShape, i64)> {
    let name = args.shape.preset.clone().unwrap_or_else(|| shape::IMAGE_DEFAULT.to_owned());
    let preset = shape::find_images(&name)?;
    let shape = ResNet {
        image_size: args.image_size.unwrap_or(preset.shape.image_size),
        classes: args.classes.unwrap_or(preset.shape.classes),
        ..preset.shape
    };
    Ok((name, ModelShape::Images(shape), preset.micro_batch))
}
