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
    page.section("Cases");
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
            Cell::figure(unit::known(result.figure("step_p50_ns"), unit::mean_duration)),
            Cell::figure(rate(result)),
            Cell::figure(unit::known(result.figure("mfu_pct"), unit::percent)),
            Cell::figure(unit::known(result.peak_memory(), unit::bytes)),
            Cell::text(unit::known(result.losses(), |(first, last)| {
                format!("{first:.4} → {last:.4}")
            })),
            Cell::figure(match result.exit_code {
                Some(_) => unit::duration(result.duration_ns as i64),
                None => unit::UNKNOWN.to_owned(),
            }),
            Cell::figure(unit::known(result.recording_bytes, |bytes| unit::bytes(bytes as i64))),
        ]);
    }
    page.table(table);
    let reasons = reasons(results);
    if !reasons.is_empty() {
        page.section("Not ok");
        page.items(reasons);
    }
    page
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
