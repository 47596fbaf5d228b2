//! The options of an inference run, and the job that they describe.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::shape::Named;
use super::{DeviceChoice, Lengths, Precision, ShapeArgs};
use crate::failure::{Failure, Result};
use crate::shape::{Architecture, Shape};

#[derive(Args, Clone, Debug)]
pub(crate) struct InferenceArgs {
    /// The model's family
    #[arg(value_enum, value_name = "MODEL")]
    pub architecture: Architecture,
    #[command(flatten)]
    pub shape: ShapeArgs,
    /// Where to compute
    #[arg(long, value_enum, default_value = "auto")]
    pub device: DeviceChoice,
    /// Number format of weights, activations and the KV cache
    #[arg(long, value_enum, default_value = "fp32")]
    pub precision: Precision,
    /// Sequences in flight at most: slots of the KV cache
    #[arg(long, default_value_t = 8, value_name = "N", help_heading = "Requests")]
    pub batch: i64,
    /// Tokens of a prompt; of N..M each length is equally likely [default: a quarter to half of the positions]
    #[arg(long, value_name = "N[..M]", help_heading = "Requests")]
    pub prompt: Option<Lengths>,
    /// Tokens to generate for a request [default: an eighth to a quarter of the positions]
    #[arg(long, value_name = "N[..M]", help_heading = "Requests")]
    pub output: Option<Lengths>,
    /// Requests that are measured
    #[arg(long, default_value_t = 64, value_name = "N", help_heading = "Requests")]
    pub requests: usize,
    /// Requests a second that arrive, as a Poisson process; inf: all are there at the start
    #[arg(long, default_value_t = f64::INFINITY, value_name = "X", help_heading = "Requests")]
    pub rate: f64,
    /// Requests served before measuring, all at once [default: --batch, or --requests if fewer]
    #[arg(long, value_name = "N", help_heading = "Requests")]
    pub warmup: Option<usize>,
    /// Tokens of one prefill pass at most, padding included; a longer prompt has a pass of its own [default: no limit]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..), help_heading = "Requests")]
    pub prefill_tokens: Option<i64>,
    /// 0 takes the likeliest token; above it tokens are drawn, the same for a seed
    #[arg(long, default_value_t = 0.0, value_name = "X", help_heading = "Requests")]
    pub temperature: f64,
    /// Decides the weights, the arrivals, the prompts and what is drawn
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Write the result of the run as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Threads of libtorch [default: the machine's cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// The device's peak in TFLOP/s for the utilisation [default: measured at the start]
    #[arg(long, value_name = "X")]
    pub peak_tflops: Option<f64>,
    /// No progress on standard error
    #[arg(long)]
    pub quiet: bool,
}

/// What to serve and how, every number filled in and checked.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ServingJob {
    /// `gpt`, `llama` or `moe`.
    pub model: &'static str,
    /// The preset that the other numbers started from, or the configuration file.
    pub preset: String,
    /// The model's shape.
    pub shape: Shape,
    /// Where to compute.
    #[serde(skip)]
    pub device: DeviceChoice,
    /// Number format of weights, activations and the cache.
    pub precision: Precision,
    /// Sequences in flight at most.
    pub batch: i64,
    /// Tokens of a prompt.
    pub prompt: Lengths,
    /// Tokens to generate.
    pub output: Lengths,
    /// Requests that are measured.
    pub requests: usize,
    /// Requests a second; none: all at the start.
    pub rate: Option<f64>,
    /// Requests served before.
    pub warmup: usize,
    /// Tokens of a prefill pass at most.
    pub prefill_tokens: Option<i64>,
    /// 0: greedy.
    pub temperature: f64,
    /// Seed of everything.
    pub seed: u64,
    /// Where the result goes.
    #[serde(skip)]
    pub json: Option<PathBuf>,
    /// Threads of libtorch.
    #[serde(skip)]
    pub threads: Option<usize>,
    /// The device's peak, when the user knows better than a measurement.
    #[serde(skip)]
    pub peak_tflops: Option<f64>,
    /// No progress.
    #[serde(skip)]
    pub quiet: bool,
}

impl ServingJob {
    /// Fills in the preset and checks the numbers.
    pub(crate) fn new(args: InferenceArgs) -> Result<Self> {
        let architecture = args.architecture;
        let Named { preset, shape, .. } = args.shape.named(architecture)?;
        let part =
            |of: i64| Lengths { least: (shape.seq / of).max(1), most: (2 * shape.seq / of).max(1) };
        let job = Self {
            model: architecture.name(),
            preset,
            shape,
            device: args.device,
            precision: args.precision,
            batch: args.batch,
            prompt: args.prompt.unwrap_or(part(4)),
            output: args.output.unwrap_or(part(8)),
            requests: args.requests,
            rate: (args.rate != f64::INFINITY).then_some(args.rate),
            warmup: args.warmup.unwrap_or(args.requests.min(args.batch.max(0) as usize)),
            prefill_tokens: args.prefill_tokens,
            temperature: args.temperature,
            seed: args.seed,
            json: args.json,
            threads: args.threads,
            peak_tflops: args.peak_tflops,
            quiet: args.quiet,
        };
        job.check()?;
        Ok(job)
    }

    /// Tokens that a slot of the cache has room for.
    pub(crate) fn capacity(&self) -> i64 {
        self.prompt.most + self.output.most
    }

    /// Tokens of the largest prefill pass, padding included.
    pub(crate) fn largest_pass(&self) -> i64 {
        let all = self.batch.min(self.requests.max(self.warmup) as i64) * self.prompt.most;
        self.prefill_tokens.map_or(all, |most| all.min(most.max(self.prompt.most)))
    }

    fn check(&self) -> Result<()> {
        let counts = [
            ("batch", self.batch, 1..=1 << 20),
            ("requests", self.requests as i64, 1..=1 << 24),
            ("warmup", self.warmup as i64, 0..=1 << 24),
            ("threads", self.threads.map_or(1, |threads| threads as i64), 1..=4096),
        ];
        for (name, value, range) in counts {
            if !range.contains(&value) {
                let (least, most) = (range.start(), range.end());
                return Err(Failure::input(format!(
                    "--{name} {value} is out of range: {least} to {most} is expected"
                )));
            }
        }
        if let Some(rate) = self.rate.filter(|rate| !(rate.is_finite() && *rate > 0.0)) {
            return Err(Failure::input(format!(
                "--rate {rate} must be a positive number of requests a second, or inf for all at once"
            )));
        }
        if !(self.temperature.is_finite() && self.temperature >= 0.0) {
            return Err(Failure::input(format!(
                "--temperature {} must be 0 or a positive number",
                self.temperature
            )));
        }
        if self.peak_tflops.is_some_and(|peak| !(peak.is_finite() && peak > 0.0)) {
            return Err(Failure::input("--peak-tflops must be a positive number"));
        }
        if self.capacity() > self.shape.seq {
            return Err(Failure::input(format!(
                "--prompt {} and --output {} take up to {} positions, and the model has {}: ask for shorter ones, or a larger --seq",
                self.prompt,
                self.output,
                self.capacity(),
                self.shape.seq
            )));
        }
        if self.precision == Precision::Fp8 {
            return Err(Failure::input(
                "--precision fp8 multiplies multiples of 16 tokens, and a pass of decode has any number: use bf16 for inference",
            ));
        }
        Ok(())
    }
}
