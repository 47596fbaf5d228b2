//! Will the batch fit? An estimate before anything is allocated, against what the machine has left.

use std::fs;

use crate::failure::{Failure, Result};
use crate::model::LossKind;
use crate::options::{Job, Offload, Recompute};
use crate::shape::{Architecture, Block, COLOURS, Convolution, ModelShape, ResNet, Shape};
use crate::shim::MemoryKind;

/// Bytes of one rank, by what holds them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimate {
    /// Weights, gradients and optimizer state.
    pub state: f64,
    /// Activations of one sequence or image, and logits.
    pub per_sample: f64,
}

impl Estimate {
    /// Model state, of the parameters that a rank has under tensor and pipeline parallelism: 4 B weights, 4 B gradients, 8
    /// B Adam or 4 B momentum (each shared out over the replicas from its stage of ZeRO on), in 16 bits 2 B of working copy
    /// from forward to backward, 8 B on the host with offload. Activations are those of a stage's micro-batches in flight.
    pub(crate) fn of(job: &Job, ranks: usize) -> Self {
        let parts = (job.tp * job.pp) as f64;
        let replicas = (ranks as f64 / parts).max(1.0);
        let parameters = job.shape.parameters() as f64 / parts;
        let divided = |from: u8| if job.zero >= from { 1.0 / replicas } else { 1.0 };
        let is_narrow = job.precision.kind() != tch::Kind::Float;
        let keeps_copy = is_narrow && job.recompute != Recompute::Full && job.zero < 3;
        let (copy, bytes) = (if keeps_copy { 2.0 } else { 0.0 }, if is_narrow { 2.0 } else { 4.0 });
        let host = if job.offload == Offload::Optimizer { 8.0 * divided(1) } else { 0.0 };
        let memory = 4.0 * job.optimizer.memory().len() as f64;
        let state = 4.0 * divided(3) + 4.0 * divided(2) + memory * divided(1) + copy + host;
        // The mean over the stages, which share a machine.
        let in_flight = ((job.pp + 1) as f64 / 2.0).min(job.accumulate as f64);
        let (blocks, once) = match &job.shape {
            ModelShape::Language(shape) => of_sequence(job, shape, bytes),
            ModelShape::Images(shape) => of_image(job.recompute, shape, bytes),
        };
        Self { state: parameters * state, per_sample: blocks / parts * in_flight + once }
    }

    fn total(&self, micro_batch: i64) -> f64 {
        self.state + self.per_sample * micro_batch as f64
    }
}

/// Bytes that all blocks keep of a sequence, and those of its logits. A block's activations in 16 bits, twice that in 32,
/// with fused attention: 34·s·h for GPT (Korthikanti et al. 2022), s·(12h + 4hk/a + 8F) for Llama; recomputed 2·s·h.
/// Logits: 12 B each of all, or in chunks.
fn of_sequence(job: &Job, shape: &Shape, bytes: f64) -> (f64, f64) {
    let (h, tokens) = (shape.hidden as f64, shape.seq as f64);
    let keys = (shape.kv_heads * shape.head_dim) as f64;
    let block = match (job.recompute, shape.architecture) {
        (Recompute::Full, _) => 2.0 * h,
        (Recompute::Selective, Architecture::Gpt) => 26.0 * h,
        (_, Architecture::Gpt) => 34.0 * h,
        (Recompute::Selective, _) => 12.0 * h + 4.0 * keys + 4.0 * shape.ffn as f64,
        (_, Architecture::Llama) => 12.0 * h + 4.0 * keys + 8.0 * shape.ffn as f64,
        (_, Architecture::Moe) => {
            12.0 * h + 4.0 * keys + (8.0 * shape.ffn as f64 + 4.0 * h) * shape.top_k as f64
        }
    };
    let blocks = shape.layers as f64 * block * bytes / 2.0;
    let logits = if job.loss == LossKind::Full { 12.0 * shape.vocab as f64 } else { 4.0 * h };
    (tokens * blocks, tokens * logits)
}

/// Bytes that all blocks keep of an image, and those of the image and the stem. A convolution keeps its input and its norm
/// the norm's, which are two numbers an output; of a shortcut, whose input the block has anyway, it is one. Recomputed, a
/// block keeps its input, and the largest is there whole while backward is in it. Pooling keeps 8 B a place. Backward has
/// two gradients at a time.
fn of_image(recompute: Recompute, shape: &ResNet, bytes: f64) -> (f64, f64) {
    let blocks = shape.all_blocks();
    let kept = |block: &Block| {
        let inside: i64 = block.convolutions.iter().map(|one| 2 * one.output()).sum();
        bytes * (inside + block.shortcut.as_ref().map_or(0, Convolution::output)) as f64
    };
    let end = |block: &Block| bytes * (block.output().0 * block.output().1.pow(2)) as f64;
    let in_blocks = if recompute == Recompute::Full {
        let most = blocks.iter().map(kept).fold(0.0, f64::max);
        blocks.iter().map(end).sum::<f64>() + most
    } else {
        blocks.iter().map(kept).sum()
    };
    let stem = shape.stem().output() as f64;
    let pixels = (COLOURS * shape.image_size * shape.image_size) as f64;
    let most = blocks.iter().flat_map(Block::all).map(Convolution::output).max();
    let gradients = 2.0 * bytes * stem.max(most.unwrap_or(0) as f64);
    let of_stem = stem * 2.0 * bytes + stem / 4.0 * (bytes + 8.0);
    (in_blocks, pixels * (4.0 + bytes) + of_stem + gradients)
}

/// Refuses a batch that would not fit into this machine's memory.
pub(crate) fn check(job: &Job, ranks: usize, local_ranks: usize) -> Result<()> {
    let Some(available) = available() else { return Ok(()) };
    let share = available as f64 / local_ranks as f64;
    let estimate = Estimate::of(job, ranks);
    let needed = estimate.total(job.micro_batch);
    if needed <= share {
        return Ok(());
    }
    let fits = ((share - estimate.state) / estimate.per_sample).floor();
    let remedy = if fits >= 1.0 {
        format!("--micro-batch {fits} would fit")
    } else {
        "use a smaller preset, --recompute full, or --zero 3 over more ranks".to_owned()
    };
    Err(Failure::input(format!(
        "the batch does not fit in memory: --micro-batch {} needs about {:.1} GiB a rank and {:.1} GiB are free for each of {local_ranks}; {remedy}",
        job.micro_batch,
        needed / GIB,
        share / GIB,
    )))
}

const GIB: f64 = (1u64 << 30) as f64;

/// Bytes that new allocations can take: what the kernel says, and the control group's limit.
pub(crate) fn available() -> Option<u64> {
    let kernel = field(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")?;
    let group = |name: &str| fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok();
    let number = |name: &str| group(name)?.trim().parse::<u64>().ok();
    // File pages count as used but are given up on demand.
    let file_pages = group("memory.stat")
        .and_then(|stat| {
            stat.lines().find_map(|line| line.strip_prefix("inactive_file ")?.parse::<u64>().ok())
        })
        .unwrap_or(0);
    let left = number("memory.max")
        .zip(number("memory.current"))
        .map(|(max, now)| max.saturating_sub(now.saturating_sub(file_pages)));
    Some(left.map_or(kernel, |left| left.min(kernel)))
}

/// Bytes of weights, gradients and optimizer state that are held now.
pub(crate) fn held_by_state() -> i64 {
    [MemoryKind::Parameters, MemoryKind::Gradients, MemoryKind::Optimizer]
        .map(MemoryKind::bytes)
        .iter()
        .sum()
}

/// The most memory this process has held, in bytes.
pub(crate) fn peak_resident_bytes() -> Option<u64> {
    field(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

/// The bytes of a `Name:   123 kB` line.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proc_field_is_read_in_bytes() {
        assert_eq!(field("A: 1 kB\nVmHWM:\t  20 kB\n", "VmHWM:"), Some(20480));
        assert_eq!(field("A: 1 kB\n", "VmHWM:"), None);
    }

    #[test]
    fn this_machine_reports_its_memory() {
        assert!(available().unwrap() > 1 << 20);
        assert!(peak_resident_bytes().unwrap() > 1 << 16);
    }
}
