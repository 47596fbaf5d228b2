//! Will the batch fit? An estimate before anything is allocated, against what the machine has left.

use std::fs;

use crate::failure::{Failure, Result};
use crate::options::Job;

/// Bytes of one rank, by what holds them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimate {
    /// Weights, gradients and optimizer state.
    pub state: f64,
    /// Activations and logits of one sequence.
    pub per_sequence: f64,
}

impl Estimate {
    /// Model state: 4 B weights, 4 B gradients, 8 B Adam (shared out with ZeRO), and in bf16 2 B of
    /// working copy and 2 B of its gradient. Activations: 34·s·h a layer in 16 bits and twice that in
    /// 32 (Korthikanti et al. 2022, with fused attention), and 12 B a logit.
    pub(crate) fn of(job: &Job, ranks: usize) -> Self {
        let shape = &job.shape;
        let parameters = shape.parameters() as f64;
        let ranks = ranks as f64;
        let (copy, wide) = if job.bf16() { (4.0, 1.0) } else { (0.0, 2.0) };
        let adam = if job.zero == 1 { 8.0 / ranks + 4.0 / ranks } else { 8.0 };
        let tokens = shape.seq as f64;
        let layers = (shape.layers * shape.hidden) as f64 * 34.0 * wide;
        Self {
            state: parameters * (8.0 + adam + copy),
            per_sequence: tokens * (layers + 12.0 * shape.vocab as f64),
        }
    }

    fn total(&self, micro_batch: i64) -> f64 {
        self.state + self.per_sequence * micro_batch as f64
    }
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
    let fits = ((share - estimate.state) / estimate.per_sequence).floor();
    let remedy = if fits >= 1.0 {
        format!("--micro-batch {fits} would fit")
    } else {
        "use a smaller preset, or --zero 1 over more ranks".to_owned()
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
fn available() -> Option<u64> {
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
