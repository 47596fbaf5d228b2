//! A plan as part of a page.

use perfagent_predictor::plan::{Change, Plan, Suggestion, Why};
use perfagent_predictor::{Interval, Prediction};

use super::Planned;
use crate::page::{Cell, Page, Table};
use crate::unit;

const GIB: f64 = 1_073_741_824.0;
/// Points of the front that a page shows.
const MOST_POINTS: usize = 8;

/// Appends what there is to say of configurations.
pub(crate) fn write(page: &mut Page, planned: &Planned) {
    page.section("Configuration");
    let plan = match &planned.plan {
        Ok(plan) => plan,
        Err(why) => {
            page.paragraph(format!("No configuration is suggested: {why}."));
            return;
        }
    };
    page.paragraph(base(plan));
    if plan.suggestions.is_empty() {
        page.paragraph(
            "No other arrangement is expected to be faster within the memory.".to_owned(),
        );
    } else {
        let items = plan.suggestions.iter().map(|suggestion| sentence(suggestion, plan)).collect();
        page.items(items);
    }
    breakdown(page, plan);
    front(page, plan);
    let mut rejected = Table::new(["arrangements", "not suggested because", "for example"]);
    for reason in &plan.rejected {
        rejected.row([
            Cell::figure(reason.count.to_string()),
            Cell::text(reason.reason.clone()),
            Cell::text(reason.why.clone()),
        ]);
    }
    if !plan.rejected.is_empty() {
        page.table(rejected);
    }
    let mut assumed: Vec<String> = planned.told.clone();
    assumed.extend(plan.beyond.iter().cloned());
    assumed.extend(plan.base_prediction.assumed.iter().map(|what| format!("assumed: {what}")));
    page.items(assumed);
}

fn base(plan: &Plan) -> String {
    let run = &plan.base.run;
    let degree = |value: Option<u64>| value.unwrap_or(1);
    let cluster = &plan.base.cluster;
    let how =
        if plan.measured { "as measured" } else { "as predicted, nothing of it being measured" };
    format!(
        "On {} × {} ({} machines), global batch {}: micro-batch {}, dp {}, tp {}, pp {}, ZeRO {}: {}, {how}. {} arrangements of \
         the same global batch were predicted; the order is by {}.",
        cluster.gpus_per_node.unwrap_or(1) * cluster.nodes.unwrap_or(1),
        cluster.gpu.as_deref().unwrap_or("unknown GPU"),
        cluster.nodes.unwrap_or(1),
        degree(run.global_batch),
        degree(run.micro_batch),
        degree(run.dp),
        degree(run.tp),
        degree(run.pp),
        run.zero.unwrap_or(0),
        taken(&plan.base_prediction, rate(plan)),
        plan.considered,
        rate(plan),
    )
}

/// What is counted a second.
fn rate(plan: &Plan) -> &'static str {
    if plan.base.model.is_of_images() { "images/s" } else { "tokens/s" }
}

/// Tokens (or images) a second and memory, with their intervals.
fn taken(prediction: &Prediction, rate: &str) -> String {
    let tokens = prediction.tokens_per_s.map_or_else(String::new, |tokens| {
        format!("{} {rate} [{}, {}]", number(tokens.p50), number(tokens.p05), number(tokens.p95))
    });
    let peak = prediction.peak_mem_bytes.map_or_else(String::new, |peak| {
        format!("{:.1} GiB [{:.1}, {:.1}]", peak.p50 / GIB, peak.p05 / GIB, peak.p95 / GIB)
    });
    format!("{tokens}, {peak}")
}

fn number(value: f64) -> String {
    unit::count(value.round() as i64)
}

fn sentence(suggestion: &Suggestion, plan: &Plan) -> String {
    let Suggestion {
        changes,
        tokens_per_s_change_pct: change,
        prediction,
        oom_probability,
        why,
        ..
    } = suggestion;
    let peak =
        |prediction: &Prediction| prediction.peak_mem_bytes.map_or(0.0, |peak| peak.p50 / GIB);
    let mut sentence = format!(
        "{}: {} {}, peak memory {:.1} → {:.1} GiB of {:.1}, OOM risk {:.0} %",
        changes.iter().map(delta).collect::<Vec<_>>().join(", "),
        rate(plan),
        percent(change),
        peak(&plan.base_prediction),
        peak(prediction),
        plan.memory_bytes / GIB,
        100.0 * oom_probability
    );
    let waits = prediction.time_breakdown.as_ref().and_then(|parts| parts.get("data_stall_s"));
    if let Some(seconds) = waits {
        sentence.push_str(&format_args!("; {seconds:.3} s of a step wait for data").to_string());
    }
    if !why.is_empty() {
        sentence.push_str("; why, seconds of a step: ");
        sentence.push_str(&why.iter().map(reason).collect::<Vec<_>>().join(", "));
    }
    if plan.base.model.is_of_images() && changes.iter().any(|change| change.field == "micro_batch")
    {
        sentence.push_str(
            "; batch norms take the statistics of a micro-batch: hold the accuracy of another one against the old one's",
        );
    }
    if changes.iter().any(|change| change.field == "precision") {
        sentence.push_str("; another precision is another run: hold its loss against the old one");
    }
    sentence
}

fn percent(interval: &Interval) -> String {
    format!("{:+.0} % [{:+.0}, {:+.0}]", interval.p50, interval.p05, interval.p95)
}

fn delta(change: &Change) -> String {
    format!("{} {} → {}", change.field.replace('_', " "), change.from, change.to)
}

fn reason(why: &Why) -> String {
    let part = why.part.trim_end_matches("_s").replace('_', " ");
    format!("{part} {:.3} → {:.3}", why.from_s, why.to_s)
}

/// What a step and its memory are made of, now and with the first suggestion.
fn breakdown(page: &mut Page, plan: &Plan) {
    let first = plan.suggestions.first().map_or(&plan.base_prediction, |best| &best.prediction);
    let mut table = Table::new(["part", "as it is", "first suggestion"]);
    let pairs = [
        (&plan.base_prediction.time_breakdown, &first.time_breakdown, "_s", 1.0, "s"),
        (&plan.base_prediction.memory_breakdown, &first.memory_breakdown, "_bytes", GIB, "GiB"),
    ];
    for (now, then, suffix, scale, what) in pairs {
        let (Some(now), Some(then)) = (now, then) else { continue };
        let mut parts: Vec<&String> = now.keys().collect();
        parts.extend(then.keys().filter(|part| !now.contains_key(*part)));
        for part in parts {
            let of = |breakdown: &perfagent_predictor::Breakdown| {
                let value = breakdown.get(part).copied().unwrap_or(0.0) / scale;
                format!("{value:.3} {what}")
            };
            let name = part.trim_end_matches(suffix).replace('_', " ");
            table.row([Cell::text(name), Cell::figure(of(now)), Cell::figure(of(then))]);
        }
    }
    page.table(table);
}

fn front(page: &mut Page, plan: &Plan) {
    let mut table = Table::new([
        "memory",
        rate(plan),
        "OOM risk",
        "the fastest arrangement with no more memory",
    ]);
    let skip = plan.front.len().saturating_sub(MOST_POINTS);
    for point in plan.front.iter().skip(skip) {
        let run = &point.run;
        let degree = |value: Option<u64>| value.unwrap_or(1);
        table.row([
            Cell::figure(format!("{:.1} GiB", point.peak_mem_bytes / GIB)),
            Cell::figure(number(point.tokens_per_s)),
            Cell::figure(format!("{:.0} %", 100.0 * point.oom_probability)),
            Cell::text(format!(
                "micro-batch {} × {}, dp {}, tp {}, pp {}, cp {}, ZeRO {}, recompute {}, offload {}, {}",
                degree(run.micro_batch),
                degree(run.grad_accum),
                degree(run.dp),
                degree(run.tp),
                degree(run.pp),
                degree(run.cp),
                run.zero.unwrap_or(0),
                run.recompute.as_deref().unwrap_or("none"),
                run.offload.as_deref().unwrap_or("none"),
                run.precision.as_deref().unwrap_or("bf16"),
            )),
        ]);
    }
    page.table(table);
}
