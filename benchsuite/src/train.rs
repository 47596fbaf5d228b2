//! One rank's run from start to end.

use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use perfagent_kernels::Environment;
use serde_json::json;
use tch::Device;

use crate::checkpoint::Checkpoints;
use crate::data::Data;
use crate::device;
use crate::engine::Group;
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::marks;
use crate::options::Job;
use crate::outcome::{Outcome, RankOutcome, median};
use crate::parameters::{Parameters, Plan, Zero};
use crate::place::Place;
use crate::progress::{Progress, StepLine};
use crate::shape::ModelShape;
use crate::shim::{self, MemoryKinds, Operation};
use crate::trainer::Trainer;
use crate::world::World;
use crate::{memory, peak};

/// How a run has ended.
pub(crate) enum Ended {
    /// After its last step; on rank 0 with the summary for standard output.
    Done(Option<String>),
    /// Before it, by SIGTERM; a checkpoint is written.
    Interrupted,
}

/// Trains, and on rank 0 returns the summary for standard output.
pub(crate) fn run(job: &Job, place: Place) -> Result<Ended> {
    shim::quiet();
    if job.checkpoint.is_some() {
        interrupt::watch()?;
    }
    shim::count_memory()?;
    marks::name_thread(c"main");
    let ranks = place.size;
    let lead = place.rank == 0;
    let threads = job.threads.unwrap_or_else(|| threads(place.local_size));
    tch::set_num_threads(threads as i32);
    let progress = Progress::new(job.steps, job.quiet || !lead);
    let (device, note) = device::choose(job.device, &place)?;
    device::check_precision(device, job.precision)?;
    if let Some(note) = note {
        progress.note(&note);
    }
    let data = Data::open(job)?;
    let batches = data.feed(job, ranks, device)?;

    let position = job.position(place.rank, ranks)?;
    let mut world = World::join(place, job.timeout)?;
    let description = serde_json::to_string(job)
        .map_err(|e| Failure::run(format!("the job cannot be described: {e}")))?;
    let checkpoint = (job.checkpoint.is_some(), job.checkpoint_every, job.resume);
    let description = format!("checkpoints {checkpoint:?}, {description}");
    world.agree(&format!("text {:016x}, {description}", data.checksum()), position, device)?;
    let plan = plan(job, &world);
    let parameters = Parameters::new(job.shape, job.seed, plan, device)?;
    same_weights(&parameters, &world)?;
    // After the ranks have met: they share the machine's cores while they measure, as in training.
    let peak = match job.peak_tflops {
        Some(tflops) => tflops * 1e12,
        None => peak::measure(device, job.precision.kind())?,
    };
    let total_peak: f64 = world.share("peak", Some(peak))?.iter().flatten().sum();
    let total_parameters = job.shape.parameters();
    progress.note(&format!(
        "{} {}: {total_parameters} parameters, {ranks} × {threads} threads, {}, {:.3} TFLOP/s measured",
        job.model,
        job.preset,
        data.describe(),
        total_peak / 1e12
    ));

    let flops_per_step = job.flops_per_step(ranks);
    let samples_per_step = job.samples_per_step(ranks);
    let tokens_per_step = job.tokens_per_step(ranks);
    // What a second's work is counted in.
    let (pieces, unit) =
        tokens_per_step.map_or((samples_per_step, job.shape.family().samples()), |n| (n, "tokens"));
    mark_run(job, ranks, device, flops_per_step, peak);
    if observed() {
        shim::observe_operators()?;
    }
    let mut trainer = Trainer::new(job, world.mesh(), parameters, device)?;
    let state_bytes = memory::held_by_state();
    let checkpoints = Checkpoints::new(job, data.checksum());
    let mut first_step = 0;
    if let Some(checkpoints) = checkpoints.as_ref().filter(|_| job.resume) {
        first_step = checkpoints.resume(&mut trainer, &world)?;
        progress.note(&format!("going on after step {first_step}"));
    }
    world.barrier()?;
    world.mesh().ledger.clear();
    shim::reset_peak(device);

    let mut losses = Vec::new();
    let mut gradient_norms = Vec::new();
    let mut step_ns = Vec::new();
    let mut is_interrupted = false;
    for step in first_step..job.steps {
        let start = Instant::now();
        let result = trainer.step(step, &batches)?;
        let elapsed = start.elapsed();
        let all = world.share(&format!("loss/{step}"), result.loss)?;
        step_ns.push(elapsed.as_nanos() as u64);
        if let Some(all) = all {
            // Every replica has the same number of samples, and every part of it the same loss.
            let loss = all.iter().sum::<f64>() / all.len() as f64;
            losses.push(loss);
            gradient_norms.push(result.gradient_norm);
            progress.step(&StepLine {
                step,
                loss,
                rate: (pieces as f64 / elapsed.as_secs_f64(), unit),
                mfu_pct: 100.0 * flops_per_step / elapsed.as_secs_f64() / total_peak,
            });
        }
        if let Some(checkpoints) = &checkpoints {
            let done = step + 1;
            is_interrupted = any_rank(&world, interrupt::has_come())? && done < job.steps;
            if is_interrupted
                || done == job.steps
                || job.checkpoint_every.is_some_and(|every| done.is_multiple_of(every))
            {
                let _save = marks::span(c"checkpoint", step);
                let path = checkpoints.save(done, &trainer, &world)?;
                if is_interrupted {
                    progress.note(&format!(
                        "stopped by SIGTERM after step {done}; {} has it: go on with --resume",
                        path.display()
                    ));
                    break;
                }
            }
        }
    }
    progress.finish();
    if is_interrupted {
        return Ok(Ended::Interrupted);
    }

    let device_peak = shim::device_peak(device);
    let own = RankOutcome {
        rank: world.place.rank,
        pid: std::process::id(),
        step_ns,
        peak_tflops: peak / 1e12,
        peak_resident_bytes: memory::peak_resident_bytes(),
        params: trainer.parameters.count(),
        peak_device_bytes: device_peak.map(|(allocated, _)| allocated),
        peak_device_reserved_bytes: device_peak.map(|(_, reserved)| reserved),
        // Of a GPU's memory it is not counted what it is for.
        state_bytes: (!device.is_cuda()).then_some(state_bytes),
        peak_bytes: (!device.is_cuda()).then(MemoryKinds::peak),
        collectives: world.mesh().ledger.entries(),
        data: batches.report(),
    };
    let val_loss = world.share("validation", trainer.validate(&batches)?)?;
    if !lead {
        let text = serde_json::to_vec(&own)
            .map_err(|e| Failure::run(format!("the result cannot be sent: {e}")))?;
        world.publish("outcome", &text)?;
        return Ok(Ended::Done(None));
    }
    let val_loss = val_loss.unwrap_or_default();
    let step_p50_ns = median(&own.step_ns);
    let mut all = vec![own];
    for text in world.collect("outcome", Vec::new())?.iter().skip(1) {
        all.push(
            serde_json::from_slice(text)
                .map_err(|e| Failure::run(format!("a rank's result cannot be read: {e}")))?,
        );
    }
    let seconds = step_p50_ns as f64 / 1e9;
    let outcome = Outcome {
        schema: "perfagent.bench/1",
        config: job,
        device: device::name(device),
        world_size: ranks,
        threads,
        torch_version: shim::torch_version(),
        environment: Environment::of_host(Path::new("/")),
        params: total_parameters,
        active_params: job.shape.active_parameters(),
        gradient_bytes: total_parameters * 4,
        samples_per_step,
        tokens_per_step,
        flops_per_step,
        peak_tflops: total_peak / 1e12,
        step_p50_ns,
        samples_per_s: samples_per_step as f64 / seconds,
        tokens_per_s: tokens_per_step.map(|tokens| tokens as f64 / seconds),
        mfu_pct: 100.0 * flops_per_step / seconds / total_peak,
        first_step,
        losses: &losses,
        gradient_norms: &gradient_norms,
        val_loss: val_loss.iter().sum::<f64>() / val_loss.len() as f64,
        skipped_steps: trainer.scaler().skipped,
        ranks: all,
    };
    outcome.save()?;
    Ok(Ended::Done(Some(outcome.summary())))
}

/// Whether it is so on any rank.
fn any_rank(world: &World, so: bool) -> Result<bool> {
    let Some(engine) = &world.mesh().world else { return Ok(so) };
    let sum = tch::Tensor::from_slice(&[f32::from(u8::from(so))]);
    engine.run(Group::Init, &Operation::AllReduceSum(&sum))?;
    Ok(sum.f_double_value(&[0])? > 0.0)
}

/// This rank's part of the model.
fn plan(job: &Job, world: &World) -> Plan {
    let position = world.mesh().position;
    let (stage, stages) = position.pipeline.pair();
    Plan {
        zero: Zero::of(job.zero),
        data: position.data.pair(),
        tensor: position.tensor.pair(),
        units: units(job.shape.blocks() as usize, stage, stages),
        copy_of_embedding: job.shape.is_tied() && stages > 1 && stage + 1 == stages,
        kind: job.precision.kind(),
    }
}

/// The units of a stage: as many blocks as any other, or one more in the first ones; the embedding and the head at the
/// ends.
fn units(layers: usize, stage: usize, stages: usize) -> Range<usize> {
    let begin = |stage: usize| stage * (layers / stages) + stage.min(layers % stages);
    let start = if stage == 0 { 0 } else { 1 + begin(stage) };
    let end = if stage + 1 == stages { layers + 2 } else { 1 + begin(stage + 1) };
    start..end
}

/// Gives every rank the weights of the first of those that have the same, and makes sure of it. They start from one
/// seed, but another processor's libtorch may round a drawn number differently.
fn same_weights(parameters: &Parameters, world: &World) -> Result<()> {
    let Some(engine) = &world.mesh().data else { return Ok(()) };
    if parameters.plan.zero == Zero::Parameters {
        // Every rank has drawn another part: there is nothing to compare.
        return Ok(());
    }
    for unit in &parameters.units {
        engine.run(Group::Init, &Operation::Broadcast { tensor: &unit.full, root: 0 })?;
    }
    let sum = parameters.checksum()?;
    let all = tch::Tensor::f_zeros([engine.size() as i64], (tch::Kind::Int64, Device::Cpu))?;
    let own = tch::Tensor::from_slice(&[sum]);
    engine.run(Group::Init, &Operation::AllGather { out: &all, input: &own })?;
    let all = Vec::<i64>::try_from(all)?;
    match all.iter().position(|checksum| *checksum != all[0]) {
        None => Ok(()),
        Some(rank) => Err(Failure::run(format!(
            "replica {rank} holds other weights than replica 0 after the broadcast: its network or memory is damaged"
        ))),
    }
}

/// The machine's cores shared out over its ranks.
pub(crate) fn threads(local_ranks: usize) -> usize {
    (std::thread::available_parallelism().map_or(1, usize::from) / local_ranks).max(1)
}

/// Whether a recorder is loaded and wants operators: `PERFAGENT_OPS=0` leaves them out.
pub(crate) fn observed() -> bool {
    std::env::var_os("NVTX_INJECTION64_PATH").is_some_and(|path| !path.is_empty())
        && std::env::var_os("PERFAGENT_OPS").is_none_or(|value| value != "0")
}

/// One mark that tells a recorder what kind of run this is.
fn mark_run(job: &Job, ranks: usize, device: Device, flops_per_step: f64, peak: f64) {
    let mut text = json!({
        "model": job.model,
        "preset": job.preset,
        "params": job.shape.parameters(),
        "precision": job.precision,
        "micro_batch": job.micro_batch,
        "accumulate": job.accumulate,
        "world_size": ranks,
        "zero": job.zero,
        "tp": job.tp,
        "pp": job.pp,
        "recompute": job.recompute,
        "device": device::name(device),
        "torch": shim::torch_version(),
        "flops_per_step": flops_per_step,
        "samples_per_step": job.samples_per_step(ranks),
        "peak_flops": peak,
    });
    match &job.shape {
        ModelShape::Language(shape) => {
            for (name, number) in [
                ("layers", shape.layers),
                ("hidden", shape.hidden),
                ("heads", shape.heads),
                ("kv_heads", shape.kv_heads),
                ("ffn", shape.ffn),
                ("vocab", shape.vocab),
                ("seq", shape.seq),
                ("tokens_per_step", job.samples_per_step(ranks) * shape.seq),
            ] {
                text[name] = number.into();
            }
            if shape.experts > 0 {
                text["experts"] = shape.experts.into();
                text["top_k"] = shape.top_k.into();
            }
        }
        ModelShape::Images(shape) => {
            text["blocks"] = shape.block_count().into();
            text["width"] = shape.width.into();
            text["image_size"] = shape.image_size.into();
            text["classes"] = shape.classes.into();
        }
    }
    marks::run(&text.to_string());
}

#[cfg(test)]
mod tests {
    use super::units;

    #[test]
    fn stages_have_every_unit_once() {
        for layers in 1..9 {
            for stages in 1..=layers {
                let all: Vec<_> =
                    (0..stages).flat_map(|stage| units(layers, stage, stages)).collect();
                assert_eq!(all, (0..layers + 2).collect::<Vec<_>>());
            }
        }
    }
}
