//! All arrangements of a job that its framework and machines allow.

use crate::framework::Framework;
use crate::gpu::Gpu;
use crate::job::{Job, Run};

use super::Wishes;
use super::rejected::Rejections;

/// Sizes of a micro-batch that are tried.
const MICRO_BATCHES: [u64; 12] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
/// More of them for images, which are smaller than sequences.
const IMAGES: [u64; 9] = [96, 128, 192, 256, 384, 512, 768, 1024, 1280];
/// Tensor-parallel degrees that are tried; more does not fit into a machine.
const TENSOR: [u64; 5] = [1, 2, 4, 8, 16];
/// No micro-batch is larger: one token each would fill a GPU.
const LARGEST: u64 = 1 << 20;
/// Shortest sequence that is split among GPUs.
const SHORTEST_SPLIT: u64 = 8192;

/// The job on the machines that are wished for. Its data parallel degree takes what is more or fewer; the global batch stays.
pub(super) fn moved(base: &Job, wishes: &Wishes) -> Result<Job, String> {
    let mut job = base.clone();
    let cluster = &mut job.cluster;
    let on_node = cluster.gpus_per_node.unwrap_or(1).max(1);
    let before = on_node.saturating_mul(cluster.nodes.unwrap_or(1).max(1));
    let gpus = wishes.gpus.unwrap_or(before).max(1);
    let nodes = wishes.nodes.unwrap_or_else(|| {
        let nodes = cluster.nodes.unwrap_or(1).max(1);
        if wishes.gpus.is_none() { nodes } else { gpus.div_ceil(on_node.max(8)).max(1) }
    });
    if nodes == 0 || !gpus.is_multiple_of(nodes) {
        return Err(format!("{gpus} GPUs cannot be spread evenly over {nodes} machines"));
    }
    (cluster.gpus_per_node, cluster.nodes) = (Some(gpus / nodes), Some(nodes));
    let run = &mut job.run;
    let degrees = [run.tp, run.pp, run.cp].map(|degree| degree.unwrap_or(1).max(1));
    let model_parallel = degrees.into_iter().fold(1, u64::saturating_mul);
    if !gpus.is_multiple_of(model_parallel) {
        return Err(format!(
            "{gpus} GPUs cannot be divided among tp × pp × cp = {model_parallel} of the job"
        ));
    }
    let dp = gpus / model_parallel;
    let global = global_batch(run)?;
    if !global.is_multiple_of(dp) {
        return Err(format!(
            "global batch {global} cannot be split over the {dp} data-parallel ranks of {gpus} GPUs: choose GPUs that divide it"
        ));
    }
    run.dp = Some(dp);
    run.global_batch = Some(global);
    let share = global / dp;
    let micro = run.micro_batch.unwrap_or(1).clamp(1, share.min(LARGEST));
    let micro = (1..=micro).rev().find(|micro| share.is_multiple_of(*micro)).unwrap_or(1);
    run.micro_batch = Some(micro);
    run.grad_accum = Some(share / micro);
    if run.precision.is_none() {
        run.precision = Some("bf16".to_owned());
    }
    Ok(job)
}

fn global_batch(run: &Run) -> Result<u64, String> {
    run.global_batch
        .or_else(|| {
            let others = [run.grad_accum, run.dp].map(|factor| factor.unwrap_or(1));
            Some(others.into_iter().fold(run.micro_batch?, u64::saturating_mul))
        })
        .filter(|batch| *batch > 0)
        .ok_or_else(|| "neither run.global_batch nor run.micro_batch is known".to_owned())
}

/// What a framework can do.
struct Can {
    model_parallel: bool,
    context_parallel: bool,
    zero: &'static [u64],
    offload: bool,
}

fn can(framework: Framework) -> Can {
    let (model_parallel, context_parallel, zero, offload): (bool, bool, &[u64], bool) =
        match framework {
            Framework::Nanotron => (true, false, &[0, 1], false),
            Framework::Megatron | Framework::Nemo => (true, true, &[0, 1], false),
            Framework::MegatronDeepSpeed | Framework::Benchmark | Framework::Other => {
                (true, false, &[0, 1, 2, 3], true)
            }
            Framework::DeepSpeed => (false, false, &[0, 1, 2, 3], true),
            Framework::Fsdp => (false, false, &[0, 2, 3], false),
            Framework::Cuda => (false, false, &[0, 1], false),
        };
    Can { model_parallel, context_parallel, zero, offload }
}

/// All arrangements, and for the impossible ones why.
pub(super) fn all(base: &Job, rejections: &mut Rejections) -> Vec<Job> {
    let framework = base.run.framework.as_deref().map_or(Framework::Other, Framework::find);
    let mut can = can(framework);
    if base.model.is_of_images() {
        (can.model_parallel, can.context_parallel) = (false, false);
    }
    let gpus = base.cluster.gpus_per_node.unwrap_or(1) * base.cluster.nodes.unwrap_or(1);
    let layers = base.model.layers.unwrap_or(1);
    let mut jobs = Vec::new();
    for tp in degrees(can.model_parallel, &TENSOR) {
        for pp in stages(can.model_parallel, layers) {
            for cp in contexts(&can, base) {
                let mut job = base.clone();
                (job.run.tp, job.run.pp, job.run.cp) = (Some(tp), Some(pp), Some(cp));
                if let Some((kind, why)) = impossible(&job, gpus) {
                    rejections.add(kind, &job, &why);
                    continue;
                }
                let dp = gpus / (tp * pp * cp);
                job.run.dp = Some(dp);
                if tp > 1 && job.run.sequence_parallel.is_none() {
                    job.run.sequence_parallel = Some(true);
                }
                job.run.vpp = job.run.vpp.filter(|parts| {
                    pp > 1 && pp.checked_mul(*parts).is_some_and(|all| layers.is_multiple_of(all))
                });
                batches(&job, &can, rejections, &mut jobs);
            }
        }
    }
    jobs
}

fn degrees(allowed: bool, degrees: &[u64]) -> Vec<u64> {
    if allowed { degrees.to_vec() } else { vec![1] }
}

fn stages(allowed: bool, layers: u64) -> Vec<u64> {
    if !allowed {
        return vec![1];
    }
    (1..=layers.min(64))
        .filter(|stages| {
            *stages == 1
                || stages.is_power_of_two()
                || layers.is_multiple_of(*stages) && *stages <= 16
        })
        .collect()
}

fn contexts(can: &Can, base: &Job) -> Vec<u64> {
    let long = base.model.seq.unwrap_or(0) >= SHORTEST_SPLIT;
    let mut contexts = if can.context_parallel && long { vec![1, 2, 4, 8] } else { vec![1] };
    if let Some(own) = base.run.cp.filter(|own| !contexts.contains(own)) {
        contexts.push(own);
    }
    contexts
}

/// What forbids these degrees, in short and in a sentence.
fn impossible(job: &Job, gpus: u64) -> Option<(&'static str, String)> {
    let (model, run) = (&job.model, &job.run);
    let (tp, pp, cp) = (run.tp.unwrap_or(1), run.pp.unwrap_or(1), run.cp.unwrap_or(1));
    let on_node = job.cluster.gpus_per_node.unwrap_or(1);
    if !gpus.is_multiple_of(tp * pp * cp) {
        return Some((
            "degrees do not divide the GPUs",
            format!("tp {tp} × pp {pp} × cp {cp} does not divide {gpus} GPUs"),
        ));
    }
    if tp > on_node {
        return Some((
            "tensor parallelism over machines",
            format!(
                "tp {tp} spans machines of {on_node} GPUs: every layer would wait for the network"
            ),
        ));
    }
    if let Some(heads) = model.heads.filter(|heads| !heads.is_multiple_of(tp)) {
        return Some((
            "heads not divisible",
            format!("{heads} heads cannot be split over tp {tp}"),
        ));
    }
    if let Some(heads) = model.kv_heads.filter(|heads| !heads.is_multiple_of(tp)) {
        return Some((
            "key-value heads not divisible",
            format!("{heads} key-value heads cannot be split over tp {tp}"),
        ));
    }
    if let Some(layers) = model.layers.filter(|layers| !layers.is_multiple_of(pp)) {
        return Some((
            "layers not divisible",
            format!("{layers} layers cannot be split evenly over pp {pp}"),
        ));
    }
    None
}

/// Micro-batches, ZeRO stages, recomputation, offload and precision for the degrees of `job`.
fn batches(job: &Job, can: &Can, rejections: &mut Rejections, jobs: &mut Vec<Job>) {
    let run = &job.run;
    let (dp, pp, global) =
        (run.dp.unwrap_or(1), run.pp.unwrap_or(1), run.global_batch.unwrap_or(1));
    if !global.is_multiple_of(dp) {
        let why = format!("global batch {global} cannot be split over dp {dp}");
        rejections.add("batch not divisible", job, &why);
        return;
    }
    let own = run.micro_batch;
    let images = job.model.is_of_images();
    let mut sizes = MICRO_BATCHES.to_vec();
    if images {
        sizes.extend(IMAGES);
    }
    sizes.extend(own.filter(|own| !sizes.contains(own)));
    for micro in sizes.into_iter().filter(|micro| (global / dp).is_multiple_of(*micro)) {
        let passes = global / (dp * micro);
        let mut job = job.clone();
        (job.run.micro_batch, job.run.grad_accum) = (Some(micro), Some(passes));
        if passes < pp {
            let why = format!("{passes} micro-batches cannot fill {pp} pipeline stages");
            rejections.add("fewer micro-batches than stages", &job, &why);
            continue;
        }
        for &zero in can.zero {
            if zero >= 2 && pp > 1 {
                let why =
                    format!("ZeRO stage {zero} gathers for each micro-batch what a pipeline holds");
                rejections.add("ZeRO 2 and 3 with a pipeline", &job, &why);
                continue;
            }
            if zero > 0 && dp == 1 {
                continue;
            }
            for recompute in ["none", "selective", "full"] {
                if recompute == "selective" && (images || job.run.flash_attention.unwrap_or(true)) {
                    // There are no scores to recompute.
                    continue;
                }
                for offload in [None, Some("optimizer")] {
                    if offload.is_some() && (!can.offload || zero == 0) {
                        continue;
                    }
                    for precision in precisions(&job) {
                        for channels_last in layouts(&job) {
                            let mut job = job.clone();
                            job.run.zero = Some(zero);
                            job.run.recompute = Some(recompute.to_owned());
                            job.run.offload = offload.map(str::to_owned);
                            job.run.precision = Some(precision.to_owned());
                            job.run.channels_last = channels_last;
                            jobs.push(job);
                        }
                    }
                }
            }
        }
    }
}

/// The job's own layout of images, and channels next to each other where they are not.
fn layouts(job: &Job) -> Vec<Option<bool>> {
    let own = job.run.channels_last;
    if job.model.is_of_images() && own != Some(true) { vec![own, Some(true)] } else { vec![own] }
}

/// The job's own precision, and others that the GPU has: 16 bits instead of 32, 8 bits where the framework can.
fn precisions(job: &Job) -> Vec<&str> {
    let own = job.run.precision.as_deref().unwrap_or("bf16");
    let mut precisions = vec![own];
    let gpu = job.cluster.gpu.as_deref().and_then(Gpu::find);
    if matches!(own, "fp32" | "tf32") {
        precisions.push("bf16");
    }
    let framework = job.run.framework.as_deref().map_or(Framework::Other, Framework::find);
    let eight = matches!(framework, Framework::Megatron | Framework::Nemo | Framework::Fsdp);
    if own != "fp8"
        && eight
        && !job.model.is_of_images()
        && gpu.is_some_and(|gpu| gpu.fp8_rate.is_some())
    {
        precisions.push("fp8");
    }
    precisions
}
