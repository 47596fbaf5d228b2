//! Advice as a page: each fact with its sentence, the figures behind it, and where they were measured.

use perfagent_advisor::{Advice, Evidence, Fact, Figure, Gain, Source, Verdict};

use crate::page::{Cell, Page, Table};
use crate::plan::{self, Planned};
use crate::unit;

/// Lays advice out.
pub(crate) fn page(advice: &Advice, planned: &Planned) -> Page {
    let mut page = Page::default();
    page.title(format!("perfagent advice for {}", advice.recording));
    page.facts(vec![("source".to_owned(), advice.source.clone())]);
    page.paragraph(&advice.summary);
    let mut facts: Vec<&Fact> = advice.facts.iter().collect();
    // What is worth most first, then what is to be recorded to know more.
    facts.sort_by_key(|fact| {
        (fact.place.is_none(), fact.place, fact.verdict == Verdict::NothingToGain)
    });
    // Of what a run has nothing of, one line is enough.
    let (bare, facts): (Vec<&Fact>, Vec<&Fact>) = facts
        .into_iter()
        .partition(|fact| fact.verdict == Verdict::NothingToGain && fact.figures.is_empty());
    for fact in facts {
        page.section(format!("{}: {}", words(&fact.name), verdict(fact.verdict)));
        page.paragraph(&fact.advice);
        if let Some(gain) = fact.gain.as_ref().filter(|_| fact.verdict == Verdict::Act) {
            page.paragraph(worth(gain));
        }
        write_figures(&mut page, fact);
        write_evidence(&mut page, &fact.evidence);
    }
    if !bare.is_empty() {
        page.section("Nothing to gain");
        let line = |fact: &&Fact| format!("{}: {}", words(&fact.name), reason(&fact.advice));
        page.items(bare.iter().map(line).collect());
    }
    plan::write(&mut page, planned);
    page.section("What this does not say");
    page.items(advice.limits.clone());
    page
}

/// What acting on a fact is worth, with how that is worked out.
fn worth(gain: &Gain) -> String {
    let (likely, most) = (gain.likely_share_pct, gain.most_share_pct);
    let (low, high) = (format!("{likely:.1}"), format!("{most:.1}"));
    let share = if low == high { high } else { format!("{low} to {high}") };
    format!(
        "Worth: {} by Amdahl's law, 1 / (1 - f) with f = {share} %; {}.",
        gain.words(),
        gain.formula
    )
}

/// The sentence without its beginning, which the heading says.
fn reason(advice: &str) -> &str {
    advice.strip_prefix("Nothing to gain: ").unwrap_or(advice)
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Act => "act",
        Verdict::NothingToGain => "nothing to gain",
        Verdict::Unknown => "unknown",
    }
}

fn write_figures(page: &mut Page, fact: &Fact) {
    if fact.figures.is_empty() {
        return;
    }
    let mut table = Table::new(["figure", "value", "how"]);
    for figure in &fact.figures {
        let (name, value) = named(figure);
        let how = match figure.source {
            Source::Measured => "measured",
            Source::Derived => "derived",
            Source::Ceiling => "ceiling",
            Source::Modelled => "modelled",
        };
        table.row([Cell::text(name), Cell::figure(value), Cell::text(how)]);
    }
    page.table(table);
}

fn write_evidence(page: &mut Page, evidence: &[Evidence]) {
    if evidence.is_empty() {
        return;
    }
    let mut table = Table::new(["measured in", "process", "table", "rows", "what", "where"]);
    for found in evidence {
        let Evidence {
            recording, rank, pid, process_id, table: rows_in, names, count, what, ..
        } = found;
        let rank = rank.map(|rank| format!("rank {rank}, ")).unwrap_or_default();
        let names =
            if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
        table.row([
            Cell::text(recording),
            Cell::text(format!("{rank}pid {pid}, process_id {process_id}")),
            Cell::text(rows_in),
            Cell::figure(unit::count(*count)),
            Cell::text(format!("{what}{names}")),
            Cell::text(place(found)),
        ]);
    }
    page.table(table);
}

/// Where to look, as `perfagent sql` and the times of the tables have it.
fn place(evidence: &Evidence) -> String {
    match (evidence.start_ns, evidence.end_ns) {
        (Some(start), Some(end)) => {
            format!("start_ns {start}, {}", unit::duration(end.saturating_sub(start)))
        }
        _ => String::new(),
    }
}

/// A figure's name without its unit, and its value with it.
fn named(figure: &Figure) -> (String, String) {
    type Shown = (&'static str, fn(f64) -> String);
    let shown: [Shown; 5] = [
        ("_bytes", |value| unit::bytes(value as i64)),
        ("_pct", unit::percent),
        ("_ns", unit::mean_duration),
        ("_count", |value| unit::count(value as i64)),
        ("_mhz", |value| format!("{value:.0} MHz")),
    ];
    for (suffix, text) in shown {
        if let Some(name) = figure.name.strip_suffix(suffix) {
            return (words(name), unit::known(figure.value, text));
        }
    }
    (words(&figure.name), unit::known(figure.value, |value| value.to_string()))
}

fn words(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut characters = words.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + characters.as_str()
}
