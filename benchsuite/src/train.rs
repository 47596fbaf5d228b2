//! One rank's run from start to end.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use tch::{Device, Tensor};

use crate::data::{self, Batches};
use crate::device;
use crate::engine::{Collectives, Group};
use crate::failure::{Failure, Result};
use crate::gradients::GradientSync;
use crate::marks;
use crate::model;
use crate::optimizer::{AdamW, learning_rate};
use crate::options::Job;
use crate::outcome::{Outcome, RankOutcome, median};
use crate::parameters::Parameters;
use crate::place::Place;
use crate::progress::{Progress, StepLine};
use crate::shim::{self, Operation};
use crate::world::World;
use crate::{memory, peak};

/// Trains, and on rank 0 returns the summary for standard output.
pub(crate) fn run(job: &Job, place: Place) -> Result<Option<String>> {
    shim::quiet();
    marks::name_thread(c"main");
    let ranks = place.size;
    let lead = place.rank == 0;
    let threads = job.threads.unwrap_or_else(|| threads(place.local_size));
    tch::set_num_threads(threads as i32);
    let progress = Progress::new(job.steps, job.quiet || !lead);
    let (device, note) = device::choose(job.device, ranks)?;
    if let Some(note) = note {
        progress.note(&note);
    }
    let tokens = data::prepare(job.data.as_deref(), job.shape.vocab)?;
    let batches = Batches::new(&tokens, job.shape.seq, job.seed, device)?;

    let mut world = World::join(place, job.timeout)?;
    let mut parameters = Parameters::new(&job.shape, job.seed, ranks, device)?;
    let description = serde_json::to_string(job)
        .map_err(|e| Failure::run(format!("the job cannot be described: {e}")))?;
    world.agree(&format!("text {:016x}, {description}", tokens.checksum))?;
    same_weights(&parameters, &world)?;
    // After the ranks have met: they share the machine's cores while they measure, as in training.
    let peak = match job.peak_tflops {
        Some(tflops) => tflops * 1e12,
        None => peak::measure(device, job.bf16())?,
    };
    let total_peak: f64 = world.share("peak", peak)?.iter().flatten().sum();
    progress.note(&format!(
        "gpt {}: {} parameters, {ranks} × {threads} threads, {} tokens of text, {:.3} TFLOP/s measured",
        job.preset,
        parameters.count,
        tokens.train.len() + tokens.validation.len(),
        total_peak / 1e12
    ));

    let flops_per_step = job.shape.flops_per_token() * job.tokens_per_step(ranks) as f64;
    mark_run(job, ranks, device, flops_per_step, peak);
    if observed() {
        shim::observe_operators()?;
    }
    let mut trainer = Trainer::new(job, &parameters, &world, device)?;
    world.barrier()?;

    let mut losses = Vec::new();
    let mut step_ns = Vec::new();
    for step in 0..job.steps {
        let start = Instant::now();
        let loss = trainer.step(step, &mut parameters, &batches, &world)?;
        let elapsed = start.elapsed();
        step_ns.push(elapsed.as_nanos() as u64);
        if let Some(loss) = loss {
            losses.push(loss);
            progress.step(&StepLine {
                step,
                loss,
                tokens_per_s: job.tokens_per_step(ranks) as f64 / elapsed.as_secs_f64(),
                mfu_pct: 100.0 * flops_per_step / elapsed.as_secs_f64() / total_peak,
            });
        }
    }
    progress.finish();

    let own = RankOutcome {
        rank: world.place.rank,
        pid: std::process::id(),
        step_ns,
        peak_tflops: peak / 1e12,
        peak_resident_bytes: memory::peak_resident_bytes(),
    };
    if !lead {
        let text = serde_json::to_vec(&own)
            .map_err(|e| Failure::run(format!("the result cannot be sent: {e}")))?;
        world.publish("outcome", &text)?;
        return Ok(None);
    }
    let val_loss = validate(job, &parameters, &batches)?;
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
        params: parameters.count,
        gradient_bytes: parameters.count * 4,
        tokens_per_step: job.tokens_per_step(ranks),
        flops_per_step,
        peak_tflops: total_peak / 1e12,
        step_p50_ns,
        tokens_per_s: job.tokens_per_step(ranks) as f64 / seconds,
        mfu_pct: 100.0 * flops_per_step / seconds / total_peak,
        losses: &losses,
        val_loss,
        ranks: all,
    };
    outcome.save()?;
    Ok(Some(outcome.summary()))
}

/// Gives every rank the weights of rank 0, and makes sure of it. They start from one seed, but
/// another processor's libtorch may round a drawn number differently.
fn same_weights(parameters: &Parameters, world: &World) -> Result<()> {
    let Some(engine) = world.engine() else { return Ok(()) };
    let operation = Operation::Broadcast { tensor: &parameters.flat, root: 0 };
    engine.run(Group::Init, &operation)?;
    let own = parameters.checksum()?.to_le_bytes().to_vec();
    if world.place.rank != 0 {
        return world.publish("weights", &own);
    }
    let all = world.collect("weights", own)?;
    match all.iter().position(|checksum| *checksum != all[0]) {
        None => Ok(()),
        Some(rank) => Err(Failure::run(format!(
            "rank {rank} holds other weights than rank 0 after the broadcast: its network or memory is damaged"
        ))),
    }
}

/// The machine's cores shared out over its ranks.
fn threads(local_ranks: usize) -> usize {
    (std::thread::available_parallelism().map_or(1, usize::from) / local_ranks).max(1)
}

/// Whether a recorder is loaded and wants operators: `PERFAGENT_OPS=0` leaves them out.
fn observed() -> bool {
    std::env::var_os("NVTX_INJECTION64_PATH").is_some_and(|path| !path.is_empty())
        && std::env::var_os("PERFAGENT_OPS").is_none_or(|value| value != "0")
}

/// One mark that tells a recorder what kind of run this is.
fn mark_run(job: &Job, ranks: usize, device: Device, flops_per_step: f64, peak: f64) {
    let text = json!({
        "model": job.model,
        "preset": job.preset,
        "params": job.shape.parameters(),
        "layers": job.shape.layers,
        "hidden": job.shape.hidden,
        "heads": job.shape.heads,
        "vocab": job.shape.vocab,
        "seq": job.shape.seq,
        "precision": job.precision,
        "micro_batch": job.micro_batch,
        "accumulate": job.accumulate,
        "world_size": ranks,
        "zero": job.zero,
        "device": device::name(device),
        "flops_per_step": flops_per_step,
        "tokens_per_step": job.tokens_per_step(ranks),
        "peak_flops": peak,
    });
    marks::run(&text.to_string());
}

/// What one rank carries from step to step.
struct Trainer<'a> {
    job: &'a Job,
    device: Device,
    sync: GradientSync,
    optimizer: AdamW,
}

impl<'a> Trainer<'a> {
    fn new(job: &'a Job, parameters: &Parameters, world: &World, device: Device) -> Result<Self> {
        let engine: Option<&Arc<dyn Collectives>> = world.engine();
        let rank = world.place.rank;
        let sync = GradientSync::new(parameters, engine, rank, job.zero, job.bucket_bytes)?;
        let optimizer =
            AdamW::new(parameters, &sync.owned(parameters), &sync.owned_gradient(parameters)?)?;
        Ok(Self { job, device, sync, optimizer })
    }

    /// One optimizer step. Rank 0 returns the mean loss over all ranks.
    fn step(
        &mut self,
        step: u64,
        parameters: &mut Parameters,
        batches: &Batches<'_>,
        world: &World,
    ) -> Result<Option<f64>> {
        let job = self.job;
        let _step = marks::span(c"step", step);
        let ranks = world.place.size as u64;
        parameters.zero_gradients()?;
        let mut sum = Tensor::f_zeros([], (tch::Kind::Float, self.device))?;
        for index in 0..job.accumulate as u64 {
            // Sequences are numbered over the whole global batch, so that how it is split over ranks
            // and micro-batches does not change what is trained on.
            let (inputs, targets) = {
                let _data = marks::span(c"data", index);
                let first = (index * ranks + world.place.rank as u64) * job.micro_batch as u64;
                batches.train(step, first, job.micro_batch)?
            };
            let loss = {
                let _forward = marks::span(c"forward", index);
                let weights = parameters.working_copy(job.bf16())?;
                let loss = model::loss(&job.shape, &weights, &inputs, &targets)?;
                let share = loss.f_mul_scalar(1.0 / (job.accumulate as u64 * ranks) as f64)?;
                sum = sum.f_add(&loss.f_detach()?)?;
                share
            };
            let _backward = marks::span(c"backward", index);
            if index + 1 == job.accumulate as u64 {
                self.sync.arm();
            }
            loss.f_backward()?;
        }
        let _no_graph = tch::no_grad_guard();
        let loss = sum.f_double_value(&[])? / job.accumulate as f64;
        marks::loss(loss);
        if !loss.is_finite() {
            return Err(Failure::run(format!(
                "the loss of step {step} is {loss}: training diverged; use a smaller --lr"
            )));
        }
        // Before the wait for the gradients, so that rank 0 finds it there afterwards.
        if world.place.rank != 0 {
            world.publish(&format!("loss/{step}"), &loss.to_le_bytes())?;
        }
        if ranks > 1 {
            let _wait = marks::span(c"gradient_sync", step);
            self.sync.finish(parameters)?;
        }
        {
            let _optimizer = marks::span(c"optimizer", step);
            let norm = self.optimizer.squared_norm()?;
            self.sync.total(&norm)?;
            let norm = norm.f_double_value(&[0])?.sqrt();
            self.optimizer.update(learning_rate(job.lr, step, job.steps), norm)?;
            self.sync.spread(parameters)?;
        }
        device::synchronize(self.device);
        if world.place.rank != 0 {
            return Ok(None);
        }
        Ok(world.share(&format!("loss/{step}"), loss)?.map(|all| {
            // Plain data parallel gives each rank the same number of tokens.
            all.iter().sum::<f64>() / all.len() as f64
        }))
    }
}

/// The loss on the part of the text that is never trained on.
fn validate(job: &Job, parameters: &Parameters, batches: &Batches<'_>) -> Result<f64> {
    let _validation = marks::span(c"validation", job.steps);
    let _no_graph = tch::no_grad_guard();
    let (inputs, targets) = batches.validation(job.micro_batch)?;
    let weights = parameters.working_copy(job.bf16())?;
    Ok(model::loss(&job.shape, &weights, &inputs, &targets)?.f_double_value(&[])?)
}
