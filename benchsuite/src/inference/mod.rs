//! Inference: requests arrive, prompts are taken in (prefill) and answered token by token (decode) with a KV cache.
//!
//! [`request`] makes the requests, [`serve`] batches them, [`decoder`] computes with [`weights`] and [`cache`], [`tally`]
//! counts what passes did and [`outcome`] says what came of it. One process, one device.

mod cache;
mod decoder;
mod fit;
mod outcome;
mod request;
mod sampler;
mod serve;
mod spread;
mod tally;
mod weights;

use serde_json::json;
use tch::Device;

use self::cache::KvCache;
use self::decoder::Decoder;
use self::outcome::{Outcome, Setting};
use self::sampler::Sampler;
use self::serve::{Policy, serve};
use self::weights::Weights;
use crate::failure::{Failure, Result};
use crate::options::ServingJob;
use crate::place::Place;
use crate::progress::Progress;
use crate::{device, marks, outcome as files, peak, shim, train};

/// Serves the job's requests; returns the summary for standard output.
pub(crate) fn run(job: &ServingJob, place: Option<&Place>) -> Result<String> {
    served(job, place).map_err(|failure| match failure {
        // Training has other options.
        Failure::Memory(line) => Failure::input(format!(
            "the batch does not fit in memory: {line}; use a smaller --batch, --prefill-tokens or preset, or shorter requests"
        )),
        other => other,
    })
}

fn served(job: &ServingJob, place: Option<&Place>) -> Result<String> {
    if let Some(place) = place.filter(|place| place.size > 1) {
        return Err(Failure::input(format!(
            "inference runs in one process, and this one was started among {}: start it alone",
            place.size
        )));
    }
    if let Some(path) = &job.json {
        files::check_file("--json", path)?;
    }
    shim::quiet();
    marks::name_thread(c"main");
    let threads = job.threads.unwrap_or_else(|| train::threads(1));
    tch::set_num_threads(threads as i32);
    let progress = Progress::new(job.requests as u64, job.quiet);
    let (device, note) = device::choose(job.device, &Place::alone())?;
    device::check_precision(device, job.precision)?;
    if let Some(note) = note {
        progress.note(&note);
    }
    fit::check(job, device)?;
    let kind = job.precision.kind();
    let slots = (job.batch, job.capacity());
    let decoder = Decoder::new(&job.shape, job.seed, slots, (kind, device))?;
    let peak = match job.peak_tflops {
        Some(tflops) => tflops * 1e12,
        None => peak::measure(device, kind)?,
    };
    let setting = Setting {
        job,
        device: device::name(device),
        threads,
        model_bytes: Weights::bytes(&job.shape, kind),
        kv_cache_bytes: KvCache::bytes(&job.shape, slots, kind),
        peak,
    };
    progress.note(&format!(
        "{} {}: {} parameters, {} slots of {} tokens, {threads} threads, {:.3} TFLOP/s",
        job.model,
        job.preset,
        job.shape.parameters(),
        job.batch,
        job.capacity(),
        peak / 1e12
    ));
    mark_run(job, device, peak);
    if train::observed() {
        shim::observe_operators()?;
    }
    let policy = Policy {
        batch: job.batch as usize,
        prefill_tokens: job.prefill_tokens.map_or(usize::MAX, |most| most as usize),
        sampler: Sampler { temperature: job.temperature },
    };
    {
        let _warmup = marks::span(c"warmup", job.warmup as u64);
        serve(&decoder, &request::warmup(job), &policy, false, &mut |_| {})?;
    }
    let requests = request::requests(job);
    let served = serve(&decoder, &requests, &policy, true, &mut |done| {
        progress.requests(done as u64);
    })?;
    progress.finish();
    let outcome = Outcome::new(&setting, &requests, &served);
    outcome.save()?;
    Ok(outcome.summary())
}

/// One mark that tells a recorder what kind of run this is.
fn mark_run(job: &ServingJob, device: Device, peak: f64) {
    let shape = &job.shape;
    let mut text = json!({
        "mode": "inference",
        "model": job.model,
        "preset": job.preset,
        "params": shape.parameters(),
        "layers": shape.layers,
        "hidden": shape.hidden,
        "heads": shape.heads,
        "kv_heads": shape.kv_heads,
        "ffn": shape.ffn,
        "vocab": shape.vocab,
        "seq": shape.seq,
        "precision": job.precision,
        "batch": job.batch,
        "prompt": job.prompt.to_string(),
        "output": job.output.to_string(),
        "requests": job.requests,
        "rate": job.rate,
        "prefill_tokens": job.prefill_tokens,
        "temperature": job.temperature,
        "device": device::name(device),
        "peak_flops": peak,
    });
    if shape.experts > 0 {
        text["experts"] = shape.experts.into();
        text["top_k"] = shape.top_k.into();
    }
    marks::run(&text.to_string());
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::options::{Cli, Command, ServingJob};

    /// The job of `perfagent-bench inference` with these words.
    pub(super) fn job(words: &str) -> ServingJob {
        let words = format!("perfagent-bench inference {words}");
        let Command::Inference(args) = Cli::parse_from(words.split_whitespace()).command else {
            panic!("{words}");
        };
        ServingJob::new(*args).unwrap()
    }
}
