//! "FP16+FP8 gives 2.3 times the throughput."

use super::Claim;
use super::models::{answer, job, llamas, middle, of};
use super::page::Page;
use crate::constants::Constant;
use crate::framework::Framework;
use crate::gpu::Gpu;
use crate::job::{Job, Model};
use crate::prediction::Prediction;
use crate::predictor::Predictor;

pub(super) const CLAIM: Claim = Claim {
    name: "fp8-2.3x",
    title: "Training in FP16 and FP8 has 2.3 times the throughput",
    check,
};

/// What is claimed.
const CLAIMED: f64 = 2.3;
/// GPUs with products in 8 bits.
const GPUS: [&str; 3] = ["H100-80GB", "H200", "B200"];

/// Products in 8 bits by those in 16: as the vendor states them, and as the fit to measured jobs found them.
fn rates(predictor: &Predictor, name: &str) -> Result<(f64, f64), String> {
    let gpu = Gpu::find(name).ok_or_else(|| format!("{name} has no datasheet"))?;
    let stated = gpu.fp8_rate.unwrap_or(gpu.half_rate) / gpu.half_rate;
    let constants = predictor.calibration().constants(Framework::Nemo, gpu.generation);
    Ok((stated, stated * constants[Constant::product_share_8bit]))
}

fn job_of(gpu: &str, model: &Model, precision: &str, recompute: &str) -> Job {
    let large = model.hidden > Some(4096);
    let (nodes, tp, pp) = if large { (8, 4, 4) } else { (1, 1, 1) };
    let mut job = job(gpu, 8, nodes, model.clone(), "nemo");
    let dp = 8 * nodes / (tp * pp);
    (job.run.tp, job.run.pp, job.run.dp) = (Some(tp), Some(pp), Some(dp));
    (job.run.global_batch, job.run.grad_accum) = (Some(128), Some(128 / dp));
    job.run.zero = Some(1);
    job.run.precision = Some(precision.to_owned());
    job.run.recompute = Some(recompute.to_owned());
    job
}

/// Share of the step that products take.
fn products(prediction: &Prediction) -> f64 {
    let parts = prediction.time_breakdown.as_ref();
    let sum: f64 = parts.map_or(f64::NAN, |parts| {
        parts.iter().filter(|(name, _)| *name != "corrections_s").map(|(_, part)| part).sum()
    });
    (of(parts, "products_s") + of(parts, "head_s")) / sum
}

fn check(predictor: &Predictor) -> Result<Page, String> {
    let mut ratios = Vec::new();
    let mut most_stated = 0.0_f64;
    for gpu in GPUS {
        let (stated, fitted) = rates(predictor, gpu)?;
        most_stated = most_stated.max(stated);
        ratios.push(vec![gpu.to_owned(), format!("{stated:.2}"), format!("{fitted:.2}")]);
    }
    let (mut rows, mut both) = (Vec::new(), Vec::new());
    let (mut least, mut most, mut most_both) = (f64::INFINITY, 0.0_f64, 0.0_f64);
    for gpu in ["H100-80GB", "B200"] {
        let (stated, _) = rates(predictor, gpu)?;
        for (name, model) in llamas() {
            let ask = |precision: &str, recompute: &str| {
                answer(predictor, &job_of(gpu, &model, precision, recompute))
            };
            let (half, eight) = (ask("bf16", "none")?, ask("fp8", "none")?);
            let speed_up = middle(half.step_s) / middle(eight.step_s);
            let share = products(&half);
            // Products as fast as the vendor states, and everything else as it is.
            let bound = 1.0 / (1.0 - share + share / stated);
            let never = 1.0 / (1.0 - share);
            (least, most) = (least.min(speed_up), most.max(speed_up));
            rows.push(vec![
                format!("{name}, {gpu}"),
                format!("{:.0} %", 100.0 * share),
                format!("{speed_up:.2}"),
                format!("{bound:.2}"),
                format!("{never:.2}"),
            ]);
            let recomputed = middle(ask("bf16", "full")?.step_s);
            let total = recomputed / middle(eight.step_s);
            most_both = most_both.max(total);
            both.push(vec![
                format!("{name}, {gpu}"),
                format!("{:.2}", recomputed / middle(half.step_s)),
                format!("{total:.2}"),
            ]);
        }
    }
    let verdict = format!(
        "Not by faster products on the same GPUs. Vendors state 8-bit products as {most_stated:.1} times as fast as 16-bit ones, so even a \
         step of nothing but products would be no more than that, and {CLAIMED} is out of reach. Predicted is \
         {least:.2} to {most:.2}, by how much of the step products are. With a second change, such as activations no longer recomputed, \
         it is up to {most_both:.2} here; a figure of {CLAIMED} compares more than the precision.",
    );
    Ok(Page::new(verdict)
        .text("Products in 8 bits by those in 16 bits: as vendors state them, and as the fit to published jobs found them in whole runs:")
        .table(&["GPU", "stated", "fitted"], &ratios)
        .text(
            "The same job in bf16 and in fp8: Llama's shapes at 8192 tokens under NeMo, 128 sequences a step; 1B and 8B on eight GPUs with \
             data parallelism, 70B on 64 with tp 4 and pp 4. The bounds are Amdahl's, from the products' share of the bf16 step: \
             with 8-bit products at the stated rate, and with products that take no time. \
             A prediction may lie above the first of them: what is left of a step does not stay the same to the digit, and measured \
             jobs correct it by precision.",
        )
        .table(
            &["model", "products' share in bf16", "predicted, times", "bound at the stated rate", "bound for any rate"],
            &rows,
        )
        .text("Where bf16 recomputes all activations and fp8 none, what not recomputing alone would bring, and both together:")
        .table(&["model", "recomputation dropped", "and fp8"], &both)
        .measured(&[
            ("the best products found: 794.5 TFLOP/s in bf16 and 1402.6 in fp8 on an H100, a factor of 1.77", "https://github.com/stas00/ml-engineering, compute/accelerator/README.md"),
            ("MPT on H100s, same machines and batch: 0.997 (3B, 32768 tokens) to 1.345 (1B, 512 tokens)", "https://github.com/mosaicml/llm-foundry, scripts/train/benchmarking/README.md"),
            ("GPT of 175 billion parameters on H100s, with gradients and optimizer in 8 bits too: 75 % faster than Megatron-LM in bf16, 37 % faster than Transformer Engine", "FP8-LM, https://arxiv.org/abs/2310.18313, abstract"),
            ("a model of 13 billion parameters: 0.34 s to 0.24 s a step", "https://github.com/NVIDIA/Megatron-LM/issues/396"),
            ("a model of 774 million parameters on eight GPUs became slower: 1.0 s to 2.4 s", "https://github.com/NVIDIA/TransformerEngine/issues/1416"),
        ]))
}
