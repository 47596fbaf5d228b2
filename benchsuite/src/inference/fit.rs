//! Will it fit? Counted before anything is allocated, against what the device has left.

use tch::Device;

use super::cache::KvCache;
use super::weights::Weights;
use crate::failure::{Failure, Result};
use crate::options::ServingJob;
use crate::shape::Architecture;
use crate::{memory, shim};

const GIB: f64 = (1u64 << 30) as f64;

/// Bytes that the job takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    pub weights: f64,
    pub cache: f64,
    /// Of one pass, about: a block's widest tensors, and the logits of all slots.
    pub pass: f64,
}

impl Need {
    /// Of one block's inner tensors in the largest prefill pass: the stream, its norm, queries, keys, values and what
    /// attention gives, and the feed-forward part's (of each expert that a token is sent to) before and after its activation.
    pub(crate) fn of(job: &ServingJob) -> Self {
        let (shape, kind) = (&job.shape, job.precision.kind());
        let attention = shape.head_dim * (2 * shape.heads + 2 * shape.kv_heads);
        let feed_forward = match shape.architecture {
            Architecture::Gpt => 2 * shape.ffn,
            Architecture::Llama => 3 * shape.ffn,
            Architecture::Moe => (3 * shape.ffn + 2 * shape.hidden) * shape.top_k,
        };
        let token = (3 * shape.hidden + attention + feed_forward) as f64;
        let logits = (job.batch * shape.vocab) as f64 * (kind.elt_size_in_bytes() + 4) as f64;
        Self {
            weights: Weights::bytes(shape, kind) as f64,
            cache: KvCache::bytes(shape, (job.batch, job.capacity()), kind) as f64,
            pass: token * job.largest_pass() as f64 * kind.elt_size_in_bytes() as f64 + logits,
        }
    }

    fn total(&self) -> f64 {
        self.weights + self.cache + self.pass
    }
}

/// Refuses what does not fit.
pub(crate) fn check(job: &ServingJob, device: Device) -> Result<()> {
    let available = if device.is_cuda() { shim::free_device_memory() } else { memory::available() };
    available.map_or(Ok(()), |available| check_against(job, available as f64))
}

fn check_against(job: &ServingJob, available: f64) -> Result<()> {
    let need = Need::of(job);
    if need.total() <= available {
        return Ok(());
    }
    let fits = |batch: i64| Need::of(&ServingJob { batch, ..job.clone() }).total() <= available;
    let (what, remedy) = if fits(1) {
        // The largest batch that fits, by halving the range in which it must be.
        let (mut least, mut most) = (1, job.batch);
        while most - least > 1 {
            let middle = i64::midpoint(least, most);
            if fits(middle) { least = middle } else { most = middle }
        }
        let what = if need.cache >= need.pass { "the KV cache" } else { "the batch" };
        (what, format!("--batch {least} would fit"))
    } else {
        ("the model", "use a smaller preset, --precision bf16, or shorter requests".to_owned())
    };
    Err(Failure::input(format!(
        "{what} does not fit in memory: --batch {} of {} tokens needs about {:.1} GiB ({:.1} GiB of weights, {:.1} GiB of KV \
         cache, {:.1} GiB for a pass) and {:.1} GiB are free; {remedy}",
        job.batch,
        job.capacity(),
        need.total() / GIB,
        need.weights / GIB,
        need.cache / GIB,
        need.pass / GIB,
        available / GIB,
    )))
}

#[cfg(test)]
mod tests {
    use super::super::tests::job;
    use super::*;

    #[test]
    fn what_does_not_fit_says_what_it_takes_and_what_would_fit() {
        let job = job(
            "llama --preset llama-1b --precision bf16 --batch 64 --prompt 1024 --output 1024 --prefill-tokens 4096",
        );
        let need = Need::of(&job);
        // 16 blocks, 8 heads of keys of width 64, keys and values of two bytes: 32 KiB a token.
        assert!((need.cache - (64.0 * 2048.0 * 32768.0)).abs() < 1.0);
        assert!((need.weights - 2.0 * 1_235_814_400.0).abs() < 1.0);
        check_against(&job, need.total()).unwrap();
        let Err(Failure::Input(text)) = check_against(&job, 4.0 * GIB) else { panic!() };
        assert!(
            text.starts_with("the KV cache does not fit in memory: --batch 64 of 2048"),
            "{text}"
        );
        assert!(text.contains(" and 4.0 GiB are free; --batch "), "{text}");
        let batch = text.rsplit_once("--batch ").unwrap().1.split_once(' ').unwrap().0;
        let batch: i64 = batch.parse().unwrap();
        let of = |batch| Need::of(&ServingJob { batch, ..job.clone() }).total();
        assert!(of(batch) <= 4.0 * GIB && of(batch + 1) > 4.0 * GIB, "{text}");
        let Err(Failure::Input(text)) = check_against(&job, GIB) else { panic!() };
        assert!(text.starts_with("the model does not fit in memory: "), "{text}");
    }

    #[test]
    fn a_limit_on_passes_is_a_limit_on_their_memory() {
        let pass = |options: &str| {
            Need::of(&job(&format!("gpt --prompt 32 --output 8 --batch 16 {options}"))).pass
        };
        assert!(pass("--prefill-tokens 64") < pass(""));
        assert!((pass("--prefill-tokens 1") - pass("--prefill-tokens 32")).abs() < 1.0);
    }
}
