//! The options of a training run.

use std::path::PathBuf;

use clap::Args;

use super::{Algorithm, DeviceChoice, Offload, Precision, Recompute, ShapeArgs};
use crate::data::DataArgs;
use crate::model::{Fp8Scaling, LossKind};

#[derive(Args, Clone, Debug)]
pub(crate) struct ModelArgs {
    #[command(flatten)]
    pub shape: ShapeArgs,
    /// Side of an image, pixels [default: the preset's]
    #[arg(long, value_name = "N", help_heading = "Shape")]
    pub image_size: Option<i64>,
    /// Classes of images [default: the preset's]
    #[arg(long, value_name = "N", help_heading = "Shape")]
    pub classes: Option<i64>,
    /// Where to compute
    #[arg(long, value_enum, default_value = "auto")]
    pub device: DeviceChoice,
    /// Number format of forward and backward; master weights stay fp32
    #[arg(long, value_enum, default_value = "fp32")]
    pub precision: Precision,
    /// What shares a scale with fp8
    #[arg(long, value_enum, default_value = "tensor")]
    pub fp8_scaling: Fp8Scaling,
    /// Sequences or images of one forward pass on one rank [default: the preset's]
    #[arg(long, value_name = "N")]
    pub micro_batch: Option<i64>,
    /// Forward and backward passes before each optimizer step
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub accumulate: i64,
    /// Optimizer steps
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub steps: u64,
    /// Ranks to start on this machine; under torchrun, srun or mpirun leave it out
    #[arg(long, value_name = "N", help_heading = "Parallelism")]
    pub nproc: Option<usize>,
    /// What is divided over replicas: 0 nothing, 1 optimizer state, 2 gradients too, 3 weights too
    #[arg(long, default_value_t = 0, value_name = "STAGE", value_parser = clap::value_parser!(u8).range(0..=3), help_heading = "Parallelism")]
    pub zero: u8,
    /// Ranks that compute each block together (tensor parallelism)
    #[arg(long, default_value_t = 1, value_name = "N", help_heading = "Parallelism")]
    pub tp: usize,
    /// With --tp, divide what lies between the matrix products along the sequence
    #[arg(long, help_heading = "Parallelism")]
    pub sequence_parallel: bool,
    /// Stages that the blocks are divided into (pipeline parallelism, 1F1B over the micro-batches of --accumulate)
    #[arg(long, default_value_t = 1, value_name = "N", help_heading = "Parallelism")]
    pub pp: usize,
    /// Activations that are computed again in backward instead of being kept
    #[arg(long, value_enum, default_value = "none")]
    pub recompute: Recompute,
    /// What is kept and computed in the host's memory
    #[arg(long, value_enum, default_value = "none")]
    pub offload: Offload,
    /// Logits of some tokens at a time, or of all at once
    #[arg(long, value_enum, default_value = "chunked")]
    pub loss: LossKind,
    #[command(flatten)]
    pub data: DataArgs,
    /// Decides the initial weights and the batches
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// How weights follow from gradients [default: adamw; of resnet50: sgd]
    #[arg(long, value_enum)]
    pub optimizer: Option<Algorithm>,
    /// Peak learning rate of the cosine schedule [default: 1e-3; with sgd 0.1]
    #[arg(long, value_name = "X")]
    pub lr: Option<f64>,
    /// Folder for checkpoints; one is written at the end, after SIGTERM, and every --checkpoint-every steps
    #[arg(long, value_name = "DIR", help_heading = "Checkpoints")]
    pub checkpoint: Option<PathBuf>,
    /// Steps between two checkpoints [default: only at the end]
    #[arg(long, value_name = "N", requires = "checkpoint", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Checkpoints")]
    pub checkpoint_every: Option<u64>,
    /// Go on from the latest checkpoint
    #[arg(long, requires = "checkpoint", help_heading = "Checkpoints")]
    pub resume: bool,
    /// Write one `step loss` line a step, in full precision
    #[arg(long, value_name = "FILE")]
    pub loss_out: Option<PathBuf>,
    /// Write the result of the run as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Threads of libtorch in each rank [default: cores / ranks on this machine]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Seconds that a rank waits for another
    #[arg(long, default_value_t = 60, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub timeout: u64,
    /// Bytes of a gradient bucket, at least [default: 4 MiB, or a quarter of the gradients if less]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(i64).range(1..))]
    pub bucket_bytes: Option<i64>,
    /// Barriers of all ranks at the end of each step, which training does not need: to see whether a slowdown is found
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u32).range(..=1000), help_heading = "Parallelism")]
    pub barriers: u32,
    /// What the loss is multiplied by before backward with fp16, at first
    #[arg(long, default_value_t = 65536.0, value_name = "X")]
    pub loss_scale: f64,
    /// The device's peak in TFLOP/s for the utilisation [default: measured at the start]
    #[arg(long, value_name = "X")]
    pub peak_tflops: Option<f64>,
    /// No progress on standard error
    #[arg(long)]
    pub quiet: bool,
}
