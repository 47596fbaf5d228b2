//! The result of a run: the summary on standard output and the files that the user asked for.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use perfagent_kernels::Environment;
use serde::{Deserialize, Serialize};

use crate::data::{self, LoaderReport};
use crate::failure::{Failure, Result};
use crate::ledger::Entry;
use crate::options::Job;
use crate::shim::MemoryKinds;

/// What one rank measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RankOutcome {
    /// Which rank.
    pub rank: usize,
    /// Its process.
    pub pid: u32,
    /// Duration of each step by this process's monotonic clock, from before the data to after the
    /// optimizer.
    pub step_ns: Vec<u64>,
    /// The matrix-product ceiling it measured (or was told).
    pub peak_tflops: f64,
    /// Most memory held, when the system says.
    pub peak_resident_bytes: Option<u64>,
    /// Most memory of the GPU that libtorch has given out in training.
    pub peak_device_bytes: Option<i64>,
    /// And the most that it has taken from the driver for that.
    pub peak_device_reserved_bytes: Option<i64>,
    /// Parameters that it holds, without what ZeRO leaves to others.
    pub params: i64,
    /// Bytes of weights, gradients and optimizer state between steps; of runs on the CPU.
    pub state_bytes: Option<i64>,
    /// The most of libtorch's CPU memory in training, by what it is for.
    pub peak_bytes: Option<MemoryKinds>,
    /// What it has sent and received in training.
    pub collectives: Vec<Entry>,
    /// What its loader delivered.
    pub data: LoaderReport,
}

/// The document behind `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome<'a> {
    /// `perfagent.bench/1`.
    pub schema: &'static str,
    /// What was asked for.
    pub config: &'a Job,
    /// `cpu` or `cuda`.
    pub device: &'static str,
    /// Ranks.
    pub world_size: usize,
    /// Threads of libtorch in rank 0.
    pub threads: usize,
    /// Of libtorch.
    pub torch_version: String,
    /// Rank 0's machine.
    pub environment: Environment,
    /// Trainable parameters.
    pub params: i64,
    /// Those that take part in the matrix products of a token: the N of `flops_per_step`.
    pub active_params: i64,
    /// Bytes of one rank's fp32 gradients: what plain data parallel reduces each step.
    pub gradient_bytes: i64,
    /// Sequences or images, over all ranks.
    pub samples_per_step: i64,
    /// Over all ranks; null with images.
    pub tokens_per_step: Option<i64>,
    /// Model floating-point operations of a step over all ranks: 6N + 12Lhs a token; six a multiply-add of an image's forward.
    pub flops_per_step: f64,
    /// Sum of the ranks' ceilings.
    pub peak_tflops: f64,
    /// Median of rank 0's steps, the first left out when there are others.
    pub step_p50_ns: u64,
    /// Over all ranks, at the median step.
    pub samples_per_s: f64,
    /// The same; null with images.
    pub tokens_per_s: Option<f64>,
    /// Model-flops utilisation at the median step, 0..100.
    pub mfu_pct: f64,
    /// Steps before the first of these, done by the run that wrote the checkpoint.
    pub first_step: u64,
    /// Mean over the ranks, of each step, nats a token or image.
    pub losses: &'a [f64],
    /// Of all gradients before clipping, of each step; null where the step was left out.
    pub gradient_norms: &'a [f64],
    /// After the last step, on data that was never trained on; the mean over the replicas.
    pub val_loss: f64,
    /// Steps without an update, because a gradient overflowed fp16.
    pub skipped_steps: u64,
    /// What each rank measured.
    pub ranks: Vec<RankOutcome>,
}

impl Outcome<'_> {
    /// The text for standard output.
    pub(crate) fn summary(&self) -> String {
        let (first, last) =
            (self.losses.first().unwrap_or(&f64::NAN), self.losses.last().unwrap_or(&f64::NAN));
        let mut text = String::new();
        let samples = self.config.shape.family().samples();
        let (pieces, rate, unit) = match self.tokens_per_step.zip(self.tokens_per_s) {
            Some((tokens, rate)) => (tokens, rate, "tokens"),
            None => (self.samples_per_step, self.samples_per_s, samples),
        };
        let ranks = if self.world_size == 1 { "rank" } else { "ranks" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{} {}: {} parameters, {} {ranks}, {}, {}, {pieces} {unit} a step",
            self.config.model,
            self.config.preset,
            self.params,
            self.world_size,
            self.config.precision.name(),
            self.device,
        );
        let _ = writeln!(
            text,
            "loss {first:.4} → {last:.4} in {} steps, validation {:.4}",
            self.losses.len(),
            self.val_loss
        );
        let _ = writeln!(
            text,
            "step {:.1} ms (median), {rate:.0} {unit}/s, MFU {:.1} % of {:.3} TFLOP/s",
            self.step_p50_ns as f64 / 1e6,
            self.mfu_pct,
            self.peak_tflops
        );
        if let Some(line) = data::summary(self.ranks.iter().map(|rank| &rank.data)) {
            let _ = writeln!(text, "{line}");
        }
        text
    }

    /// Writes the files that were asked for.
    pub(crate) fn save(&self) -> Result<()> {
        if let Some(path) = &self.config.loss_out {
            let mut text = String::new();
            for (step, loss) in self.losses.iter().enumerate() {
                let _ = writeln!(text, "{} {loss:?}", self.first_step + step as u64);
            }
            replace(path, &text)?;
        }
        if let Some(path) = &self.config.json {
            let text = serde_json::to_string_pretty(self)
                .map_err(|e| Failure::run(format!("the result cannot be written as JSON: {e}")))?;
            replace(path, &(text + "\n"))?;
        }
        Ok(())
    }
}

/// The median, the first step left out when there are others: it pays for allocations and caches.
pub(crate) fn median(step_ns: &[u64]) -> u64 {
    let steady = if step_ns.len() > 1 { &step_ns[1..] } else { step_ns };
    let mut sorted = steady.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

/// Refuses files that could not be written, before hours are spent on what goes into them.
pub(crate) fn check_writable(job: &Job) -> Result<()> {
    for (option, path) in [("--loss-out", &job.loss_out), ("--json", &job.json)] {
        path.as_ref().map_or(Ok(()), |path| check_file(option, path))?;
    }
    Ok(())
}

/// Refuses a file that could not be written.
pub(crate) fn check_file(option: &str, path: &Path) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() || !folder.is_dir() {
        return Err(Failure::input(format!(
            "{option} {}: name a file in a folder that exists",
            path.display()
        )));
    }
    Ok(())
}

/// Writes under a neighbouring name first: the final name never holds half a file.
pub(crate) fn replace(path: &Path, text: &str) -> Result<()> {
    let part = path.with_extension(format!("part{}", std::process::id()));
    fs::write(&part, text).and_then(|()| fs::rename(&part, path)).map_err(|e| {
        let _ = fs::remove_file(&part);
        Failure::run(format!("{} cannot be written: {e}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_does_not_count_towards_the_median() {
        assert_eq!(median(&[1000, 3, 1, 2]), 2);
        assert_eq!(median(&[7]), 7);
        assert_eq!(median(&[]), 0);
    }
}
