//! "ZeRO takes 175B from 1.2 TB to 280 GB."

use super::Claim;
use super::models::{answer, gpt_175b, job, states};
use super::page::Page;
use crate::job::Job;
use crate::predictor::Predictor;

pub(super) const CLAIM: Claim = Claim {
    name: "zero-175b",
    title: "ZeRO reduces the memory to train 175 billion parameters from 1.2 TB to 280 GB",
    check,
};

/// The sizes that are claimed, bytes.
const BEFORE: f64 = 1.2e12;
const AFTER: f64 = 280e9;
/// Ranks that are shown.
const RANKS: [u64; 5] = [1, 4, 10, 64, 1024];
/// Ranks up to which one is looked for that makes the claim true.
const MOST: u64 = 1024;

fn job_of(ranks: u64, zero: u64) -> Job {
    let on_node = if ranks.is_multiple_of(8) { 8 } else { 1 };
    let mut job = job("A100-80GB", on_node, ranks / on_node, gpt_175b(), "megatron-deepspeed");
    job.run.zero = Some(zero);
    job.run.precision = Some("fp16".to_owned());
    job.run.recompute = Some("full".to_owned());
    job
}

fn states_of(predictor: &Predictor, ranks: u64, zero: u64) -> Result<f64, String> {
    answer(predictor, &job_of(ranks, zero)).map(|prediction| states(&prediction))
}

/// The fewest ranks whose states are no larger than `limit` each.
fn fewest(predictor: &Predictor, zero: u64, limit: f64) -> Result<Option<u64>, String> {
    for ranks in 1..=MOST {
        if states_of(predictor, ranks, zero)? <= limit * 1.005 {
            return Ok(Some(ranks));
        }
    }
    Ok(None)
}

fn check(predictor: &Predictor) -> Result<Page, String> {
    let params = job_of(1, 0).parameters()?;
    let whole = states_of(predictor, 1, 0)?;
    let ranks =
        fewest(predictor, 3, AFTER)?.ok_or("no number of ranks comes to the claimed size")?;
    let mut rows = Vec::new();
    for count in RANKS {
        let mut row = vec![count.to_string()];
        for zero in 0..4 {
            let states = states_of(predictor, count, zero)?;
            row.push(format!("{:.0}", states / 1e9));
        }
        row.push(format!("{:.2}", states_of(predictor, count, 3)? * count as f64 / 1e12));
        rows.push(row);
    }
    let mut limits = Vec::new();
    for zero in 0..4 {
        let needed = |limit| fewest(predictor, zero, limit);
        let told = |ranks: Option<u64>| {
            ranks.map_or_else(|| "never".to_owned(), |ranks| ranks.to_string())
        };
        let (before, after) = (needed(BEFORE)?, needed(AFTER)?);
        limits.push(vec![zero.to_string(), told(before), told(after)]);
    }
    let mut fits = Vec::new();
    for count in [32, 64, 128, 256, 512] {
        let prediction = answer(predictor, &job_of(count, 3))?;
        let peak = prediction.peak_mem_bytes.ok_or("no memory was predicted")?;
        fits.push(vec![
            count.to_string(),
            format!("{:.1}", states(&prediction) / 1e9),
            format!("{:.1} [{:.1}, {:.1}]", peak.p50 / 1e9, peak.p05 / 1e9, peak.p95 / 1e9),
            format!("{:.0} %", 100.0 * prediction.oom_probability.unwrap_or(1.0)),
        ]);
    }
    let verdict = format!(
        "Mixed up. Weights, gradients and Adam's states of {:.0} billion parameters in mixed precision are {:.2} TB, not 1.2: \
         that would be {:.1} bytes a parameter. ZeRO makes this total no smaller, it spreads it; {:.0} GB is what one rank holds \
         under stage 3 with {ranks} ranks, which together hold {:.2} TB still. A fall from 1.2 TB is known of something else: LoRA, which \
         trains a few added matrices and keeps no optimizer states of the others, whose 16-bit weights are {:.0} GB.",
        params / 1e9,
        whole / 1e12,
        BEFORE / params,
        states_of(predictor, ranks, 3)? / 1e9,
        states_of(predictor, ranks, 3)? * ranks as f64 / 1e12,
        2.0 * params / 1e9,
    );
    Ok(Page::new(verdict)
        .text("States of one rank in GB, by the stage of ZeRO and the ranks that share them, GPT-3's shape, gradients in 16 bits:")
        .table(&["ranks", "no ZeRO", "stage 1", "stage 2", "stage 3", "all ranks, stage 3, TB"], &rows)
        .text(format!("The fewest ranks (up to {MOST}) with which the states of one are the claimed sizes:"))
        .table(&["stage", "1.2 TB", "280 GB"], &limits)
        .text(
            "States are not all that a rank needs. The predicted peak on A100s of 80 GB under Megatron-DeepSpeed with stage 3 alone, one \
             sequence of 2048 tokens a rank, activations recomputed. No published measurement of memory under \
             stage 3 was among those that the model is fitted to:",
        )
        .table(&["ranks", "states, GB", "predicted peak, GB [90 %]", "out of memory"], &fits)
        .measured(&[
            ("16 bytes a parameter of Adam in mixed precision; 4 + 12/d, 2 + 14/d and 16/d under the stages", "ZeRO, https://arxiv.org/abs/1910.02054, section 3 and 5"),
            ("LoRA: 1.2 TB to 350 GB to fine-tune GPT-3 of 175 billion parameters", "https://arxiv.org/abs/2106.09685, section 4.2"),
        ]))
}
