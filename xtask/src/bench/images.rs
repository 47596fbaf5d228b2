//! How far predictions of networks for images lie from published runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result, anyhow};
use perfagent_predictor::fit::Images;
use perfagent_predictor::{Interval, Job, Prediction, Predictor};

use crate::statistics;

/// The part of the page on accuracy that is about images.
pub(super) fn page() -> Result<String> {
    let predictor = Predictor::built_in().map_err(|why| anyhow!(why))?;
    let published = Images::published().map_err(|why| anyhow!(why))?;
    let mut page = String::new();
    writeln!(page, "## Networks for images\n")?;
    writeln!(
        page,
        "Residual networks have formulas of their own (`src/conv`), and no job of one is among those above. Their constants come from\n\
         the sources that stand beside them, not from a fit; what follows are all published runs that were found\n\
         ([figures](../../data/resnet_runs.toml)). The formulas were finished with these in sight (that channels which do not lie next\n\
         to each other are transposed for tensor cores, that fp32 takes Winograd's way), so the errors are not those of jobs unseen, and\n\
         intervals were chosen wide enough for every one of them: they cover all {} steps by construction.\n",
        published.runs.len()
    )?;
    steps(&mut page, &predictor, &published)?;
    memory(&mut page, &predictor, &published)?;
    Ok(page)
}

fn answer(predictor: &Predictor, job: &Job) -> Result<Prediction> {
    let prediction = predictor.predict(job);
    match &prediction.refused {
        Some(why) => Err(anyhow!("data/resnet_runs.toml: a run is refused: {why}")),
        None => Ok(prediction),
    }
}

fn steps(page: &mut String, predictor: &Predictor, published: &Images) -> Result<()> {
    let mut errors = BTreeMap::<&str, Vec<f64>>::new();
    for run in &published.runs {
        let step = interval(answer(predictor, &run.job)?.step_s)?;
        let error = step.p50 / run.step_s - 1.0;
        errors.entry(&run.source).or_default().push(error);
        errors.entry("all").or_default().push(error);
    }
    writeln!(page, "| source | steps | median error | greatest | bias |")?;
    writeln!(page, "|---|---:|---:|---:|---:|")?;
    for (source, errors) in &errors {
        let absolute: Vec<f64> = errors.iter().map(|error| error.abs()).collect();
        let greatest = errors.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs()));
        writeln!(
            page,
            "| {source} | {} | {:.1} % | {:+.1} % | {:+.1} % |",
            errors.len(),
            100.0 * statistics::median(&absolute).unwrap_or(0.0),
            100.0 * greatest.unwrap_or(0.0),
            100.0 * statistics::median(errors).unwrap_or(0.0),
        )?;
    }
    writeln!(page)?;
    for [name, title, url] in &published.sources {
        writeln!(page, "* {name}: [{title}]({url})")?;
    }
    writeln!(
        page,
        "\nWhat the greatest errors have in common, with its likely reason: whole models in 16 bits (SuperBench) take up to twice as\n\
         long as predicted, as PyTorch leaves their norms to kernels of its own where weights are in 16 bits too; cards with GDDR\n\
         (RTX 3090, 4090, A6000) in tf32 are a quarter to a half faster, as the datasheets at hand tell no rate of tf32 of them, so that of\n\
         fp32 stands in; fused norms (MXNet in fp16) are faster on V100. No run on several machines, on other sizes of images, or bound\n\
         by launches was found: intervals widen there.\n"
    )?;
    Ok(())
}

fn memory(page: &mut String, predictor: &Predictor, published: &Images) -> Result<()> {
    let peak = &published.peak;
    let parts = answer(predictor, &peak.job)?.memory_breakdown.context("no memory is predicted")?;
    let added =
        ["activations_bytes", "activation_gradients_bytes", "workspaces_bytes", "input_bytes"];
    let added: f64 = added.iter().filter_map(|part| parts.get(*part)).sum();
    writeln!(
        page,
        "Memory: one step of ResNet-50 is known by its allocations, 32 images in fp32 on a V100: {:.2} GB beyond weights, gradients\n\
         and momentum, {:.2} GB predicted ({:+.1} %). Of a card of 24 GiB is known which batches fitted and which of the next size did\n\
         not (fp16, channels last); predicted are\n",
        peak.bytes / 1e9,
        added / 1e9,
        100.0 * (added / peak.bytes - 1.0)
    )?;
    writeln!(page, "| network | images | peak memory, GB | of | it fitted |")?;
    writeln!(page, "|---|---:|---:|---:|---|")?;
    for fit in &published.fits {
        let peak = interval(answer(predictor, &fit.job)?.peak_mem_bytes)?;
        writeln!(
            page,
            "| {} | {} | {:.1} [{:.1}, {:.1}] | {:.1} | {} |",
            fit.job.model.arch.as_deref().unwrap_or("?"),
            fit.job.run.micro_batch.unwrap_or(0),
            peak.p50 / 1e9,
            peak.p05 / 1e9,
            peak.p95 / 1e9,
            fit.memory_bytes / 1e9,
            if fit.fitted { "yes" } else { "no" }
        )?;
    }
    Ok(())
}

fn interval(interval: Option<Interval>) -> Result<Interval> {
    interval.context("nothing is predicted of a published run")
}
