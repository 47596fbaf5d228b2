//! The newest recordings.

use crate::exposition::{Kind, Page};
use crate::recordings::RunFigures;

/// The figures of each.
pub(super) fn add(page: &mut Page, recordings: &[RunFigures]) {
    for run in recordings {
        add_one(page, run);
    }
}

fn add_one(page: &mut Page, run: &RunFigures) {
    let name = || vec![("recording", run.name.clone())];
    let mut gauge = |name: &'static str, unit, help, labels, value: Option<f64>| {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            page.family(name, Kind::Gauge, unit, help).add(labels, value);
        }
    };
    gauge(
        "perfagent_recording_end_timestamp_seconds",
        "seconds",
        "When the run ended, since the Unix epoch.",
        name(),
        Some(run.end_unix_s),
    );
    gauge(
        "perfagent_recording_ranks",
        "",
        "Ranks in the recording.",
        name(),
        Some(run.ranks as f64),
    );
    gauge(
        "perfagent_recording_steps",
        "",
        "Steps in the recording.",
        name(),
        run.steps.map(|steps| steps.count as f64),
    );
    for (statistic, value) in [
        ("mean", run.steps.map(|steps| steps.mean_s)),
        ("p50", run.steps.and_then(|steps| steps.p50_s)),
        ("p99", run.steps.and_then(|steps| steps.p99_s)),
    ] {
        let mut labels = name();
        labels.push(("statistic", statistic.to_owned()));
        let help = "Length of a step on the slowest rank.";
        gauge("perfagent_recording_step_seconds", "seconds", help, labels, value);
    }
    gauge(
        "perfagent_recording_tokens_per_second",
        "",
        "Tokens of all ranks, where the program says how many a step has.",
        name(),
        run.tokens_per_second,
    );
    gauge(
        "perfagent_recording_mfu_ratio",
        "ratio",
        "Model operations over the peak of all ranks, where the program says both.",
        name(),
        run.mfu,
    );
    gauge(
        "perfagent_recording_busy_ratio",
        "ratio",
        "Share of the time in which something ran, mean over the ranks.",
        name(),
        run.busy,
    );
    gauge(
        "perfagent_recording_exposed_communication_ratio",
        "ratio",
        "Share of the time in which ranks only communicated, mean over the ranks.",
        name(),
        run.exposed_communication,
    );
    gauge(
        "perfagent_recording_lost_events",
        "",
        "Events that could not be recorded.",
        name(),
        Some(run.lost as f64),
    );
    for row in &run.bus_bandwidth {
        let mut labels = name();
        labels.push(("op", row.op.clone()));
        let size = row.group_size.map(|size| size.to_string()).unwrap_or_default();
        labels.push(("group_size", size));
        let help =
            "Bus bandwidth of a collective as nccl-tests define it, over all calls of all ranks.";
        let value = Some(row.bytes_per_second);
        gauge("perfagent_recording_bus_bandwidth_bytes_per_second", "", help, labels, value);
    }
}
