//! What was found, compared and planned, as tables.

use egui::{Label, ScrollArea, Ui};

use super::loaded::{Loaded, Table};
use super::{Page, State, distribution};
use crate::model::compare::quantity::significant;
use crate::model::fleet::document::Fleet;
use crate::model::fleet::findings::Together;
use crate::units;
use crate::view::grid::{Cell, Grid, Heading, Touched};
use crate::view::sideways::sideways;

/// The least height of a table, points: below this, rows cannot be read in their context.
const LEAST: f32 = 200.0;

/// Nodes that are named; of more their number is told.
const MOST_NAMES: usize = 6;

const FINDINGS: [Heading; 6] = [
    Heading::text("State", 84.0, "How much it weighs"),
    Heading::text("Nodes", 190.0, "On which nodes"),
    Heading::text("Where", 76.0, "The host, a GPU, a port"),
    Heading::text("What", 130.0, "The check or the metric"),
    Heading::text("In words", 0.0, "What was found"),
    Heading::text("What to do", 300.0, ""),
];

const METRICS: [Heading; 7] = [
    Heading::text("Metric", 0.0, "What was compared; click to see its values"),
    Heading::figure("Values", 70.0, ""),
    Heading::figure("Median", 110.0, "The middle value of the kind"),
    Heading::figure("Spread", 80.0, "Robust standard deviation, of the median"),
    Heading::text("Of", 60.0, "GPUs or nodes"),
    Heading::text("Better", 70.0, "Which way is better"),
    Heading::text("Kind", 220.0, "The kind of nodes"),
];

const PAIRS: [Heading; 6] = [
    Heading::text("Node", 150.0, ""),
    Heading::text("Other node", 150.0, ""),
    Heading::text("Metric", 0.0, "What was measured between the two"),
    Heading::figure("Measured", 110.0, ""),
    Heading::figure("Worse by", 80.0, "Than the median pair"),
    Heading::text("What is slow", 170.0, "A node, the way between the two, or one of them"),
];

const SUSPECTS: [Heading; 4] = [
    Heading::text("Node", 150.0, ""),
    Heading::text("GPU", 60.0, ""),
    Heading::text("Named", 150.0, "Whether it is in a finding already"),
    Heading::text("Why", 0.0, "What was seen"),
];

const ROUNDS: [Heading; 3] = [
    Heading::figure("Round", 60.0, "Pairs of one round can run at once"),
    Heading::text("Suspect", 200.0, "The node that is measured again"),
    Heading::text("Beside", 0.0, "A node of its kind in which nothing was found"),
];

const NOTES: [Heading; 4] = [
    Heading::text("What", 110.0, ""),
    Heading::text("Where", 220.0, "The file and the place in it"),
    Heading::text("In words", 0.0, ""),
    Heading::text("What to do", 300.0, ""),
];

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn whole(text: &str) -> Cell {
    Cell::Short { text: text.to_owned(), whole: text.to_owned() }
}

pub(super) fn finding_rows(fleet: &Fleet, all: &[Together]) -> Vec<Vec<Cell>> {
    let name = |at: &usize| fleet.nodes.get(*at).map_or("", |node| node.name.as_str());
    let rows = all.iter().map(|together| {
        let finding = &together.finding;
        let names: Vec<&str> = together.nodes.iter().map(name).collect();
        let shown = if names.len() > MOST_NAMES {
            format!("{} nodes: {}, …", names.len(), names[..MOST_NAMES].join(", "))
        } else {
            names.join(", ")
        };
        vec![
            Cell::Text(format!("{} {}", finding.status.sign(), finding.status.word())),
            Cell::Short { text: shown, whole: names.join(", ") },
            text(&finding.target),
            Cell::Text(finding.name.replace('_', " ")),
            whole(&finding.detail),
            whole(&finding.action),
        ]
    });
    rows.collect()
}

pub(super) fn metric_rows(fleet: &Fleet) -> Vec<Vec<Cell>> {
    let rows = fleet.metrics.iter().map(|metric| {
        let unit = metric.unit.as_deref().unwrap_or("");
        let median = format!("{} {unit}", significant(metric.median));
        vec![
            text(&metric.metric),
            Cell::figure(units::count(metric.count as u64), metric.count as f64),
            Cell::figure(median.trim_end(), metric.median),
            Cell::optional(metric.spread_pct, |spread| format!("{spread:.2} %")),
            text(&metric.of),
            text(&metric.better),
            whole(&metric.group),
        ]
    });
    rows.collect()
}

pub(super) fn pair_rows(fleet: &Fleet) -> Vec<Vec<Cell>> {
    let of = fleet.pairs.iter().flat_map(|pairs| pairs.slow.iter().map(move |pair| (pairs, pair)));
    let rows = of.map(|(pairs, pair)| {
        let unit = pairs.unit.as_deref().unwrap_or("");
        let value = format!("{} {unit}", significant(pair.value));
        vec![
            text(&pair.nodes[0]),
            text(&pair.nodes[1]),
            text(&pairs.metric),
            Cell::figure(value.trim_end(), pair.value),
            Cell::figure(format!("{:.1} %", pair.worse_pct), pair.worse_pct),
            text(&pair.verdict),
        ]
    });
    rows.collect()
}

pub(super) fn suspect_rows(fleet: &Fleet) -> Vec<Vec<Cell>> {
    let rows = fleet.plan.suspects.iter().map(|suspect| {
        vec![
            text(&suspect.node),
            suspect.gpu.map_or(Cell::Text(String::new()), |gpu| {
                Cell::figure(gpu.to_string(), f64::from(gpu))
            }),
            text(if suspect.named { "in a finding" } else { "may be chance" }),
            whole(&suspect.why),
        ]
    });
    rows.collect()
}

pub(super) fn round_rows(fleet: &Fleet) -> Vec<Vec<Cell>> {
    let rounds = fleet.plan.rounds.iter().enumerate();
    let rows = rounds.flat_map(|(round, swaps)| {
        swaps.iter().map(move |swap| {
            let number = round + 1;
            vec![
                Cell::figure(number.to_string(), number as f64),
                text(&swap.suspect),
                text(&swap.reference),
            ]
        })
    });
    rows.collect()
}

pub(super) fn note_rows(fleet: &Fleet) -> Vec<Vec<Cell>> {
    let signatures = fleet.signatures.iter().map(|found| {
        let what = format!("XID {}", found.xid);
        let nodes = found.nodes.join(", ");
        vec![Cell::Text(what), whole(&nodes), whole(&found.detail), whole(&found.action)]
    });
    let problems = fleet.problems.iter().map(|problem| {
        vec![text("Not read"), whole(&problem.source), whole(&problem.said), whole(&problem.action)]
    });
    let notes =
        fleet.notes.iter().map(|note| vec![text("Remark"), text(""), whole(note), text("")]);
    signatures.chain(problems).chain(notes).collect()
}

fn table(
    ui: &mut Ui,
    title: &str,
    headings: &[Heading],
    table: &mut Table,
    height: f32,
) -> Touched {
    let grid = Grid::new(title, headings);
    ui.horizontal_wrapped(|ui| {
        ui.strong(title);
        grid.copy_button(ui, &table.state, &table.rows[..]);
    });
    let rows = table.rows.len();
    let wanted = height.min(rows as f32 * 22.0 + 4.0) + 30.0;
    ui.allocate_ui(egui::vec2(ui.available_width(), wanted), |ui| {
        sideways(ui, title, |ui| grid.height(height).show(ui, &mut table.state, &table.rows[..]))
    })
    .inner
}

/// What is left of the height for one table.
fn rest(ui: &Ui) -> f32 {
    (ui.available_height() - 54.0).max(LEAST)
}

pub(super) fn findings(ui: &mut Ui, state: &mut State, loaded: &mut Loaded) {
    if loaded.findings.rows.is_empty() {
        ui.label("Nothing was found on any node");
        return;
    }
    let height = rest(ui);
    let touched =
        table(ui, "Findings, the same on many nodes once", &FINDINGS, &mut loaded.findings, height);
    if let Some(row) = touched.double_clicked {
        let nodes = loaded.findings.rows.get(row).and_then(|row| row.get(1)).map(Cell::copied);
        let first = nodes.as_deref().and_then(|nodes| nodes.split(", ").next());
        go_to(state, first.and_then(|name| loaded.position(name)));
    }
}

fn go_to(state: &mut State, node: Option<usize>) {
    if node.is_some() {
        state.selected = node;
        state.page = Page::Nodes;
    }
}

pub(super) fn metrics(ui: &mut Ui, state: &mut State, loaded: &mut Loaded) {
    let room = ui.available_height();
    ScrollArea::vertical().id_salt("metrics").auto_shrink(false).show(ui, |ui| {
        let height = (room * 0.42).max(LEAST);
        let touched = table(ui, "What was compared", &METRICS, &mut loaded.metrics, height);
        if let Some(row) = touched.clicked {
            state.metric = loaded.fleet.metrics.get(row).map(|metric| metric.metric.clone());
        }
        ui.add_space(4.0);
        let Some(metric) = &state.metric else {
            let text = "Click a metric to see the values of the whole fleet, with those of the selected node";
            ui.add(Label::new(text).wrap());
            return;
        };
        let node = state.selected.and_then(|at| loaded.fleet.nodes.get(at));
        let node = node.map(|node| node.name.clone());
        let size = egui::vec2(ui.available_width(), (room * 0.5 - 60.0).max(LEAST));
        distribution::show(ui, loaded, metric, node.as_deref(), size);
    });
}

pub(super) fn pairs(ui: &mut Ui, state: &mut State, loaded: &mut Loaded) {
    for pairs in &loaded.fleet.pairs {
        let unit = pairs.unit.as_deref().unwrap_or("");
        ui.add(
            Label::new(format!(
                "{}: {}, median {} {unit}, {} slow",
                pairs.metric,
                units::counted(pairs.count as u64, "pair"),
                significant(pairs.median),
                pairs.slow.len()
            ))
            .wrap(),
        );
    }
    if loaded.pairs.rows.is_empty() {
        ui.label("No pair is slower than the others for certain");
        return;
    }
    let height = rest(ui);
    let touched = table(ui, "Slow pairs", &PAIRS, &mut loaded.pairs, height);
    if let Some(row) = touched.double_clicked {
        let name = loaded.pairs.rows.get(row).and_then(|row| row.first()).map(Cell::copied);
        go_to(state, name.and_then(|name| loaded.position(&name)));
    }
}

pub(super) fn plan(ui: &mut Ui, state: &mut State, loaded: &mut Loaded) {
    let room = ui.available_height();
    ScrollArea::vertical().id_salt("plan").auto_shrink(false).show(ui, |ui| {
        ui.add(
            Label::new(
                "A single measurement blames nobody: measure these again, each beside a node that passed. What is slow \
                 a second time is to be replaced",
            )
            .wrap(),
        );
        let height = (room * 0.4).max(LEAST);
        let touched = table(ui, "To be measured again", &SUSPECTS, &mut loaded.suspects, height);
        if let Some(row) = touched.double_clicked {
            let node = loaded.fleet.plan.suspects.get(row);
            go_to(state, node.and_then(|suspect| loaded.position(&suspect.node)));
        }
        let without = &loaded.fleet.plan.without_reference;
        if !without.is_empty() {
            let text = format!(
                "No node of their kind passed that these could be paired with: {}",
                without.join(", ")
            );
            ui.add(Label::new(text).wrap());
        }
        if !loaded.rounds.rows.is_empty() {
            table(ui, "Pairs to run", &ROUNDS, &mut loaded.rounds, height);
        }
    });
}

pub(super) fn problems(ui: &mut Ui, loaded: &mut Loaded) {
    let height = rest(ui);
    table(ui, "To be known", &NOTES, &mut loaded.notes, height);
}
