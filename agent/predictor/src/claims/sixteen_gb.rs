//! "A 16 GB card trains 1.3B parameters."

use super::Claim;
use super::models::{answer, gpt_1b3, job, middle, states};
use super::page::Page;
use crate::job::{Job, Run};
use crate::predictor::Predictor;

pub(super) const CLAIM: Claim =
    Claim { name: "16gb-1.3b", title: "A 16 GB card trains 1.3 billion parameters", check };

/// The card.
const CARD: &str = "V100-16GB";
/// Layers of the model of 1.3 billion parameters.
const LAYERS: u64 = 24;
/// Deeper models are not tried: they would be far from what was measured.
const DEEPEST: u64 = 256;

/// A way to train: what it is called, how many cards it takes, and what it changes.
type Way = (&'static str, u64, fn(&mut Run));

const WAYS: [Way; 8] = [
    ("fp32, Adam", 1, |run| run.precision = Some("fp32".to_owned())),
    ("fp16, Adam, gradients in fp32", 1, |run| run.grad_dtype = Some("fp32".to_owned())),
    ("fp16, Adam", 1, |_| {}),
    ("fp16, 8-bit Adam", 1, |run| run.optimizer = Some("adamw_8bit".to_owned())),
    ("fp16, Adam in host memory", 1, |run| {
        (run.zero, run.offload) = (Some(1), Some("optimizer".to_owned()));
    }),
    ("fp16, Adam, ZeRO-1", 2, |run| run.zero = Some(1)),
    ("fp16, Adam, ZeRO-1", 4, |run| run.zero = Some(1)),
    ("fp16, Adam, ZeRO-3", 8, |run| run.zero = Some(3)),
];

fn job_of((_, cards, change): &Way, layers: u64) -> Job {
    let mut job = job(CARD, *cards, 1, gpt_1b3(layers), "deepspeed");
    job.run.precision = Some("fp16".to_owned());
    job.run.recompute = Some("full".to_owned());
    change(&mut job.run);
    job
}

/// Parameters of the deepest model that more likely fits than not, 0 if none does.
fn largest(predictor: &Predictor, way: &Way) -> Result<f64, String> {
    let (mut fits, mut full) = (0, DEEPEST + 1);
    while full - fits > 1 {
        let layers = u64::midpoint(fits, full);
        let oom = answer(predictor, &job_of(way, layers))?.oom_probability.unwrap_or(1.0);
        if oom <= 0.5 { fits = layers } else { full = layers }
    }
    if fits == 0 { Ok(0.0) } else { job_of(way, fits).parameters() }
}

fn check(predictor: &Predictor) -> Result<Page, String> {
    let mut rows = Vec::new();
    let params = job_of(&WAYS[2], LAYERS).parameters()?;
    let (mut alone, mut most_alone, mut least) = (Vec::new(), 0.0_f64, f64::INFINITY);
    let mut plain = (0.0, 0.0);
    for way in &WAYS {
        let job = job_of(way, LAYERS);
        let prediction = answer(predictor, &job)?;
        let peak = prediction.peak_mem_bytes.ok_or("no memory was predicted")?;
        let (oom, largest) = (prediction.oom_probability.unwrap_or(1.0), largest(predictor, way)?);
        let states = states(&prediction);
        if way.0 == "fp16, Adam" {
            plain = (states, largest);
        }
        if way.1 == 1 {
            most_alone = most_alone.max(largest);
            least = least.min(largest);
            if oom <= 0.5 {
                alone.push(way.0);
            }
        }
        rows.push(vec![
            way.0.to_owned(),
            way.1.to_string(),
            format!("{:.2}", states / params),
            format!("{:.1}", states / 1e9),
            format!(
                "{:.1} [{:.1}, {:.1}]",
                middle(Some(peak)) / 1e9,
                peak.p05 / 1e9,
                peak.p95 / 1e9
            ),
            format!("{:.0} %", 100.0 * oom),
            format!("{:.2}", largest / 1e9),
        ]);
    }
    let verdict = format!(
        "Not as it stands. With Adam in mixed precision the states of {:.2} billion parameters alone are {:.1} GB, more than the \
         card has, and {:.2} billion is the most that more likely fits than not. How much a card trains is no constant: alone it is \
         {:.2} to {:.2} billion, by how many bytes a parameter costs. Of the ways to train on one card below, these hold 1.3 \
         billion: {}.",
        params / 1e9,
        plain.0 / 1e9,
        plain.1 / 1e9,
        least / 1e9,
        most_alone / 1e9,
        if alone.is_empty() { "none".to_owned() } else { alone.join("; ") }
    );
    Ok(Page::new(verdict)
        .text(format!(
            "A {CARD} of 16e9 bytes, of which the driver and the CUDA context keep 1e9; GPT-3's shape of {LAYERS} layers and a width of 2048, \
             one sequence of 2048 tokens a pass, activations recomputed, DeepSpeed. States are weights, gradients and \
             optimizer of one card. The largest model has more or fewer layers of the same width, up to {DEEPEST}.",
        ))
        .table(
            &[
                "way to train",
                "cards",
                "states, bytes a parameter",
                "states of 1.3 B, GB",
                "predicted peak, GB [90 %]",
                "out of memory",
                "largest model, B",
            ],
            &rows,
        )
        .text(
            "The rule behind it: parameters ≤ (memory − context − activations − logits − buffers) / bytes a parameter. \
             No published measurement of DeepSpeed's memory was among those that the model is fitted to, so the \
             intervals are those for frameworks that nobody measured.",
        )
        .measured(&[(
            "plain data parallelism runs out of memory from 1.4 billion parameters on, on cards whose size the page does not state",
            "https://www.deepspeed.ai/getting-started/",
        )]))
}
