//! What can be switched on beside an arrangement: a fused loss, and captured graphs.

use crate::framework::Framework;
use crate::job::{Job, Run};

use super::Candidate;
use super::rejected::Rejections;

/// What a switch must bring to be one: tokens a second, or memory, share.
const FASTER: f64 = 0.01;
const LEANER: f64 = 0.02;

/// Whether a framework has a fused loss: those that take models from PyTorch, with Liger's kernels.
pub(super) fn can_fuse_loss(run: &Run) -> bool {
    let framework = framework(run);
    let has = matches!(framework, Framework::Fsdp | Framework::DeepSpeed | Framework::Other);
    // The kernels multiply by the whole matrix.
    has && run.tp.unwrap_or(1) == 1 && run.fused_loss != Some(true)
}

/// Whether a framework launches layers as graphs: Megatron Core by an argument, plain PyTorch by `torch.compile` or by hand.
pub(super) fn can_capture(run: &Run) -> bool {
    let framework = framework(run);
    let has = matches!(framework, Framework::Megatron | Framework::Nemo | Framework::Other);
    has && run.cuda_graphs != Some(true)
}

fn framework(run: &Run) -> Framework {
    run.framework.as_deref().map_or(Framework::Other, Framework::find)
}

/// The job with each of what can be switched on, and with both.
pub(super) fn of(job: &Job, rejections: &mut Rejections) -> Vec<Job> {
    let with = |fused: bool, graphs: bool| {
        let mut job = job.clone();
        if fused {
            job.run.fused_loss = Some(true);
        }
        if graphs {
            job.run.cuda_graphs = Some(true);
        }
        job
    };
    // Of images there are no logits worth the name.
    let fused = !job.model.is_of_images() && can_fuse_loss(&job.run);
    let mut graphs = can_capture(&job.run);
    if let Some(why) = changing(job).filter(|_| graphs) {
        rejections.add("graphs of what changes", &with(false, true), why);
        graphs = false;
    }
    let variants = [
        (fused, with(true, false)),
        (graphs, with(false, true)),
        (fused && graphs, with(true, true)),
    ];
    variants.into_iter().filter_map(|(can, job)| can.then_some(job)).collect()
}

/// Why a step cannot be captured: a graph repeats the same operations on the same addresses.
fn changing(job: &Job) -> Option<&'static str> {
    if job.model.experts.is_some_and(|experts| experts > 1) {
        return Some(
            "an expert's tokens are other ones in every step, so its shapes cannot be captured",
        );
    }
    if job.run.offload.is_some() {
        return Some("what is offloaded is updated by the host in the middle of the step");
    }
    (job.run.zero.unwrap_or(0) >= 3)
        .then_some("weights that ZeRO stage 3 gathers lie at other addresses every time")
}

/// Whether the last of `variants` brings something against every one before it.
pub(super) fn is_worth(variant: &Candidate, before: &[Candidate]) -> bool {
    before.iter().all(|other| {
        variant.tokens_per_s >= (1.0 + FASTER) * other.tokens_per_s
            || variant.peak_bytes <= (1.0 - LEANER) * other.peak_bytes
    })
}
