//! A fleet's health as a page: what to do first, then what it follows from.

use std::collections::BTreeMap;

use perfagent_health::fleet::{Finding, Fleet, Kind, NodeRow};
use perfagent_health::{Status, host_list};

use crate::health::word;
use crate::page::{Cell, Page, Table};
use crate::picture::{Drawing, Fill, Grid, Part, Picture, Square};
use crate::unit;

/// Findings, metrics, suspects and rounds that are shown; `--json` has all.
const MOST_FINDINGS: usize = 60;
const MOST_METRICS: usize = 60;
const MOST_SUSPECTS: usize = 30;
const MOST_ROUNDS: usize = 8;
/// The same on so many nodes is told once.
const TOGETHER: usize = 3;

/// One line that says it all: `CRITICAL 1000 nodes: 3 critical, 1 unknown, 996 ok`.
pub(crate) fn headline(fleet: &Fleet) -> String {
    let verdict = word(fleet.verdict).to_uppercase();
    format!("{verdict} {}", counted(fleet))
}

fn counted(fleet: &Fleet) -> String {
    let counts = &fleet.counts;
    let of = [
        (counts.critical, "critical"),
        (counts.unknown, "unknown"),
        (counts.warning, "warning"),
        (counts.ok, "ok"),
    ];
    let shown: Vec<String> = of
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let nodes = plural(counts.nodes, "node");
    if shown.is_empty() { nodes } else { format!("{nodes}: {}", shown.join(", ")) }
}

fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// Lays a fleet out.
pub(crate) fn page(fleet: &Fleet) -> Page {
    let mut page = Page::default();
    page.title(format!("perfagent health gather: {}", word(fleet.verdict)));
    let settings = &fleet.settings;
    let percent = |value: f64| unit::significant(value);
    page.facts(vec![
        ("nodes".to_owned(), counted(fleet)),
        ("GPUs".to_owned(), fleet.counts.gpus.to_string()),
        (
            "threshold".to_owned(),
            format!(
                "{} % worse than the median of its kind is a warning, {} % critical",
                percent(settings.threshold_pct),
                percent(settings.critical_pct)
            ),
        ),
        (
            "false discoveries".to_owned(),
            format!("at most {} of 100", percent(100.0 * settings.false_discovery_rate)),
        ),
    ]);
    grid(&mut page, fleet);
    findings(&mut page, fleet);
    signatures(&mut page, fleet);
    pairs(&mut page, fleet);
    plan(&mut page, fleet);
    kinds(&mut page, fleet);
    metrics(&mut page, fleet);
    unattributed(&mut page, fleet);
    if !fleet.notes.is_empty() {
        page.section("To be known");
        page.items(fleet.notes.clone());
    }
    page
}

fn grid(page: &mut Page, fleet: &Fleet) {
    if fleet.nodes.is_empty() {
        return;
    }
    let statuses = [Status::Ok, Status::Warning, Status::Unknown, Status::Critical];
    let mut nodes: Vec<&NodeRow> = fleet.nodes.iter().collect();
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    let squares = nodes.into_iter().map(|node| {
        let hint = match node.findings.first() {
            Some(first) => {
                format!("{}: {}; {} {}", node.name, word(node.verdict), first.target, first.detail)
            }
            None => format!("{}: {}", node.name, word(node.verdict)),
        };
        Square {
            name: node.name.clone(),
            part: statuses.iter().position(|status| *status == node.verdict).unwrap_or(0),
            is_marked: node.verdict == Status::Critical,
            hint,
        }
    });
    let parts = statuses.iter().zip(Fill::BY_WEIGHT);
    let grid = Grid {
        parts: parts.map(|(status, fill)| Part { name: word(*status).to_owned(), fill }).collect(),
        squares: squares.collect(),
    };
    page.picture(Picture::new(
        "The nodes by name.",
        "Each square is a node, row by row in the order of their names; the name at the left is that of the first of its row. A cross marks those that are critical. Point at a square for its name and what was found first.",
        Drawing::Grid(grid),
    ));
}

/// Findings that are the same but for their node.
struct Together<'a> {
    nodes: Vec<&'a str>,
    first: &'a Finding,
}

/// What was found, the worst first, what many have in common once.
fn together(fleet: &Fleet) -> Vec<Together<'_>> {
    let mut places: BTreeMap<(Status, Kind, &str, &str, Option<&str>), usize> = BTreeMap::new();
    let mut all: Vec<Together<'_>> = Vec::new();
    for node in &fleet.nodes {
        for finding in &node.findings {
            // What is measured or missing differs from node to node; what a check says is its name and its remedy.
            let detail = (finding.kind != Kind::Check && finding.kind != Kind::TooFew)
                .then_some(finding.detail.as_str());
            let key = (
                finding.status,
                finding.kind,
                finding.name.as_str(),
                finding.action.as_str(),
                detail,
            );
            if let Some(&place) = places.get(&key) {
                all[place].nodes.push(&node.name);
            } else {
                places.insert(key, all.len());
                all.push(Together { nodes: vec![&node.name], first: finding });
            }
        }
    }
    all.sort_by_key(|together| std::cmp::Reverse(together.first.status));
    all
}

fn findings(page: &mut Page, fleet: &Fleet) {
    let all = together(fleet);
    if all.is_empty() {
        return;
    }
    page.section("What was found, and what to do");
    let shown = all.iter().take(MOST_FINDINGS).map(|together| {
        let finding = together.first;
        let nodes = host_list::list(together.nodes.iter().copied());
        let distinct = together.nodes.iter().collect::<std::collections::BTreeSet<_>>().len();
        let (place, example) = if distinct >= TOGETHER {
            (format!("{} on {distinct} nodes ({nodes})", finding.name), " for instance")
        } else if finding.target == "host" {
            (nodes, "")
        } else {
            (format!("{nodes} {}", finding.target), "")
        };
        let action = if finding.action.is_empty() {
            String::new()
        } else {
            format!(" -> {}", finding.action)
        };
        format!(
            "{} {place}:{example} {}{action}",
            word(finding.status).to_uppercase(),
            finding.detail
        )
    });
    page.items(shown.collect());
    if all.len() > MOST_FINDINGS {
        page.paragraph(format!(
            "{} more findings are in the answer of --json.",
            all.len() - MOST_FINDINGS
        ));
    }
    let critical: Vec<&str> = fleet
        .nodes
        .iter()
        .filter(|node| node.verdict == Status::Critical)
        .map(|node| node.name.as_str())
        .collect();
    if !critical.is_empty() {
        page.paragraph(format!(
            "To take the critical nodes out of Slurm: scontrol update nodename={} state=drain reason=\"perfagent health gather\"",
            host_list::list(critical)
        ));
    }
}

fn signatures(page: &mut Page, fleet: &Fleet) {
    if fleet.signatures.is_empty() {
        return;
    }
    page.section("The same on many nodes at once");
    let sentence = |detail: &str, action: &str| format!("{detail} -> {action}");
    let items = fleet.signatures.iter().map(|found| sentence(&found.detail, &found.action));
    page.items(items.collect());
}

fn pairs(page: &mut Page, fleet: &Fleet) {
    for pairs in &fleet.pairs {
        page.section(format!("Pairs of nodes: {}", pairs.metric));
        let unit = pairs.unit.as_deref().unwrap_or("");
        page.paragraph(format!(
            "{}, median {} {unit}; {} slow.",
            plural(pairs.count, "pair"),
            unit::significant(pairs.median),
            pairs.slow.len()
        ));
        if !pairs.slow.is_empty() {
            let mut table = Table::new(["pair", "measured", "worse by", "what is slow"]);
            for slow in pairs.slow.iter().take(MOST_SUSPECTS) {
                table.row([
                    Cell::name(slow.nodes.join(" and ")),
                    Cell::figure(format!("{} {unit}", unit::significant(slow.value))),
                    Cell::figure(format!("{:.1} %", slow.worse_pct)),
                    Cell::text(slow.verdict),
                ]);
            }
            page.table(table);
        }
        if !pairs.effects.is_empty() {
            let mut table = Table::new(["node", "of its own"]);
            for (node, worse) in &pairs.effects {
                table.row([Cell::name(node), Cell::figure(format!("{worse:.1} % worse"))]);
            }
            page.table(table);
        }
    }
}

fn plan(page: &mut Page, fleet: &Fleet) {
    let plan = &fleet.plan;
    if plan.suspects.is_empty() {
        return;
    }
    page.section("To be measured again");
    page.paragraph("A single measurement blames nobody: measure these again, pairs of nodes each beside one that passed. What is slow a second time is to be replaced.");
    let items = plan.suspects.iter().take(MOST_SUSPECTS).map(|suspect| {
        let gpu = suspect.gpu.map_or_else(String::new, |gpu| format!(" GPU {gpu}"));
        format!("{}{gpu}: {}", suspect.node, suspect.why)
    });
    page.items(items.collect());
    if plan.suspects.len() > MOST_SUSPECTS {
        page.paragraph(format!(
            "{} more are in the answer of --json.",
            plan.suspects.len() - MOST_SUSPECTS
        ));
    }
    if !plan.rounds.is_empty() {
        let mut table = Table::new(["round", "pairs, suspect with a node that passed"]);
        for (number, round) in plan.rounds.iter().enumerate().take(MOST_ROUNDS) {
            let mut shown: Vec<String> = round
                .iter()
                .take(MOST_SUSPECTS)
                .map(|swap| format!("{} with {}", swap.suspect, swap.reference))
                .collect();
            if round.len() > MOST_SUSPECTS {
                shown.push(format!("{} more", round.len() - MOST_SUSPECTS));
            }
            table.row([Cell::text((number + 1).to_string()), Cell::text(shown.join(", "))]);
        }
        page.table(table);
    }
    if !plan.without_reference.is_empty() {
        page.paragraph(format!(
            "Of the kind of {} no node passed that they could be paired with.",
            host_list::list(plan.without_reference.iter().map(String::as_str))
        ));
    }
}

fn kinds(page: &mut Page, fleet: &Fleet) {
    if fleet.groups.is_empty() {
        return;
    }
    page.section("Kinds of nodes");
    let mut table = Table::new(["GPUs", "driver", "nodes", "judged against"]);
    for group in &fleet.groups {
        let against = match group.against {
            "fleet" => "each other",
            "product" => "all nodes with these GPUs",
            _ => "GPUs of the same node and datasheets: too few nodes",
        };
        table.row([
            Cell::text(group.product.as_deref().unwrap_or("not told")),
            Cell::text(group.driver.as_deref().unwrap_or("not told")),
            Cell::figure(group.nodes.to_string()),
            Cell::text(against),
        ]);
    }
    page.table(table);
}

fn metrics(page: &mut Page, fleet: &Fleet) {
    if fleet.metrics.is_empty() {
        return;
    }
    page.section("What was compared");
    let mut table = Table::new(["metric", "values", "median", "spread", "judged", "kind"]);
    for metric in fleet.metrics.iter().take(MOST_METRICS) {
        let judged = match (metric.gpus_judged, metric.nodes_judged) {
            (true, true) => "GPUs and nodes",
            (true, false) => "GPUs",
            (false, true) => "nodes",
            (false, false) => "no",
        };
        let unit = metric.unit.as_deref().unwrap_or("");
        table.row([
            Cell::name(&metric.metric),
            Cell::figure(metric.count.to_string()),
            Cell::figure(
                format!("{} {unit}", unit::significant(metric.median)).trim_end().to_owned(),
            ),
            Cell::figure(unit::known(metric.spread_pct, |spread| format!("{spread:.1} %"))),
            Cell::text(judged),
            Cell::name(&metric.group),
        ]);
    }
    page.table(table);
    if fleet.metrics.len() > MOST_METRICS {
        page.paragraph(format!(
            "{} more are in the answer of --json.",
            fleet.metrics.len() - MOST_METRICS
        ));
    }
}

/// What could not be read and is of no node that is known; of the others their nodes tell.
fn unattributed(page: &mut Page, fleet: &Fleet) {
    let items: Vec<String> = fleet
        .problems
        .iter()
        .filter(|problem| problem.node.is_none())
        .map(|problem| format!("{}: {} -> {}", problem.source, problem.said, problem.action))
        .collect();
    if !items.is_empty() {
        page.section("Could not be read");
        page.items(items);
    }
}
