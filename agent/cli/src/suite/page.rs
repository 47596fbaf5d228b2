//! All cases of a suite on a page.

use super::place::Machine;
use super::result::{CaseResult, Counts, Status};
use super::session::Session;
use crate::page::{Cell, Page, Table};
use crate::unit;

/// The page of a session that has ended.
pub(crate) fn page(session: &Session, results: &[CaseResult]) -> Page {
    let suite = session.suite();
    let mut page = Page::default();
    page.title(format!("perfagent bench: suite {}", suite.name));
    page.facts(vec![
        ("cases".to_owned(), Counts::of(results).sentence()),
        ("results".to_owned(), session.folder().join("results.jsonl").display().to_string()),
        (
            "machine".to_owned(),
            results.first().map_or_else(String::new, |result| describe(&result.environment)),
        ),
    ]);
    let (serving, training): (Vec<_>, Vec<_>) =
        results.iter().partition(|result| result.is_inference());
    if !training.is_empty() || serving.is_empty() {
        page.section("Cases");
        page.table(trained(&training));
    }
    if !serving.is_empty() {
        page.section("Cases of inference");
        page.table(served(&serving));
        page.paragraph(
            "Tokens/s: generated, over the whole time. First token: from a request's arrival to its first token. Token: mean \
             time of each further one. Latency: from arrival to last token. Prefill tokens/s and MFU: of its passes; \
             bandwidth: of decode passes.",
        );
    }
    let reasons = reasons(results);
    if !reasons.is_empty() {
        page.section("Not ok");
        page.items(reasons);
    }
    page
}

/// How cases that train came out.
fn trained(results: &[&CaseResult]) -> Table {
    let mut table = Table::new(vec![
        "case",
        "status",
        "step",
        "tokens/s",
        "MFU",
        "peak memory",
        "loss",
        "took",
        "recording",
    ]);
    for result in results {
        table.row(vec![
            Cell::name(&result.case),
            Cell::text(result.status.name()),
            duration(result, "step_p50_ns"),
            Cell::figure(rate(result)),
            Cell::figure(unit::known(result.figure("mfu_pct"), unit::percent)),
            Cell::figure(unit::known(result.peak_memory(), unit::bytes)),
            Cell::text(unit::known(result.losses(), |(first, last)| {
                format!("{first:.4} → {last:.4}")
            })),
            took(result),
            size(result),
        ]);
    }
    table
}

/// How cases of inference came out.
fn served(results: &[&CaseResult]) -> Table {
    let mut table = Table::new(vec![
        "case",
        "status",
        "requests/s",
        "tokens/s",
        "first token P50",
        "P99",
        "token P50",
        "P99",
        "latency P50",
        "P99",
        "prefill tokens/s",
        "MFU",
        "bandwidth",
        "peak memory",
        "took",
        "recording",
    ]);
    for result in results {
        table.row(vec![
            Cell::name(&result.case),
            Cell::text(result.status.name()),
            Cell::figure(unit::known(result.figure("requests_per_s"), |rate| format!("{rate:.2}"))),
            tokens(result, "output_tokens_per_s"),
            duration(result, "ttft_ns/p50"),
            duration(result, "ttft_ns/p99"),
            duration(result, "time_per_output_token_ns/p50"),
            duration(result, "time_per_output_token_ns/p99"),
            duration(result, "latency_ns/p50"),
            duration(result, "latency_ns/p99"),
            tokens(result, "prefill/tokens_per_s"),
            Cell::figure(unit::known(result.figure("prefill/mfu_pct"), unit::percent)),
            // Without a decode pass there is none.
            Cell::figure(unit::known(
                result.figure("decode/bandwidth_bytes_per_s").filter(|rate| *rate > 0.0),
                |rate| unit::rate(rate / 1e9),
            )),
            Cell::figure(unit::known(result.peak_memory(), unit::bytes)),
            took(result),
            size(result),
        ]);
    }
    table
}

fn duration(result: &CaseResult, path: &str) -> Cell {
    Cell::figure(unit::known(result.figure(path), unit::mean_duration))
}

fn tokens(result: &CaseResult, path: &str) -> Cell {
    Cell::figure(unit::known(result.figure(path), |rate| unit::count(rate.round() as i64)))
}

fn took(result: &CaseResult) -> Cell {
    Cell::figure(match result.exit_code {
        Some(_) => unit::duration(result.duration_ns as i64),
        None => unit::UNKNOWN.to_owned(),
    })
}

fn size(result: &CaseResult) -> Cell {
    Cell::figure(unit::known(result.recording_bytes, |bytes| unit::bytes(bytes as i64)))
}

/// Tokens a second, or of a network for images how many of those.
fn rate(result: &CaseResult) -> String {
    let count = |rate: f64| unit::count(rate.round() as i64);
    match (result.figure("tokens_per_s"), result.figure("samples_per_s")) {
        (None, Some(images)) => format!("{} images", count(images)),
        (tokens, _) => unit::known(tokens, count),
    }
}

/// Why cases are not ok. What many have in common, as a missing folder, is said once.
fn reasons(results: &[CaseResult]) -> Vec<String> {
    let mut groups: Vec<(Vec<&str>, Status, &str)> = Vec::new();
    for result in results.iter().filter(|result| result.status != Status::Ok) {
        let reason = result.reason.as_deref().unwrap_or("for no known reason");
        let same = groups.iter_mut().find(|group| (group.1, group.2) == (result.status, reason));
        match same {
            Some((cases, ..)) => cases.push(&result.case),
            None => groups.push((vec![&result.case], result.status, reason)),
        }
    }
    let sentence = |(cases, status, reason): (Vec<&str>, Status, &str)| {
        format!("{}: {}: {reason}", cases.join(", "), status.name())
    };
    groups.into_iter().map(sentence).collect()
}

fn describe(machine: &Machine) -> String {
    let mut facts = vec![machine.host.clone()];
    facts.extend(machine.cpu.clone());
    facts.push(format!("{} cores", machine.cores));
    facts.extend(machine.memory_bytes.map(unit::bytes));
    if let Some(first) = machine.gpus.first() {
        let same = machine.gpus.iter().all(|gpu| gpu == first);
        facts.push(if same {
            format!("{} × {first}", machine.gpus.len())
        } else {
            machine.gpus.join(" + ")
        });
    }
    facts.extend(machine.driver.as_ref().map(|driver| format!("driver {driver}")));
    facts.join(", ")
}
