//! One node: what was found and what to do, the values it stands out of, and all its checks.

use egui::{Frame, Label, RichText, ScrollArea, Ui};

use super::loaded::{Loaded, Table};
use super::{State, badge, distribution};
use crate::model::fleet::document::{Finding, Status};
use crate::model::fleet::node::{Check, figure};
use crate::palette::Palette;
use crate::view::grid::{Cell, Grid, Heading};

const CHECKS: [Heading; 6] = [
    Heading::text("Check", 130.0, "What was looked at"),
    Heading::text("Where", 76.0, "The host, a GPU, a port, a file system"),
    Heading::text("State", 82.0, ""),
    Heading::text("Found", 90.0, "What was found"),
    Heading::text("Expected", 90.0, "What a healthy node shows"),
    Heading::text("In words", 0.0, ""),
];

/// Height of the table of checks, points.
const TABLE: f32 = 240.0;

pub(super) fn show(ui: &mut Ui, state: &mut State, loaded: &mut Loaded) {
    let Some(at) = state.selected.filter(|&at| at < loaded.fleet.nodes.len()) else {
        ui.add(Label::new("Select a node to see what was found on it, and what to do").wrap());
        return;
    };
    if loaded.checks_of != Some(at) {
        let rows = loaded.health(at).map_or_else(Vec::new, |health| rows(&health.checks));
        loaded.checks = Table::of(rows);
        loaded.checks_of = Some(at);
    }
    let palette = Palette::of(ui.ctx().theme());
    ScrollArea::vertical().id_salt(("node", at)).auto_shrink(false).show(ui, |ui| {
        let node = &loaded.fleet.nodes[at];
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(&node.name).size(16.0).strong());
            badge(ui, palette, node.verdict, 13.0);
            if let Some(time) = &node.time {
                ui.weak(time);
            }
        });
        if let Some(group) = node.group.and_then(|group| loaded.fleet.groups.get(group)) {
            let product = group.product.as_deref().unwrap_or("GPUs that are not told");
            ui.add(Label::new(RichText::new(format!("{} × {product}", node.gpus)).weak()).wrap());
        }
        ui.add_space(4.0);
        let mut wanted = None;
        // What was found of the GPU that was clicked comes first.
        let mut findings: Vec<&Finding> = node.findings.iter().collect();
        findings.sort_by_key(|finding| state.gpu.is_some() && finding.gpu() != state.gpu);
        if findings.is_empty() {
            ui.label("Nothing was found on this node");
        }
        for finding in findings {
            let drawn = distribution::is_there(loaded, &finding.name);
            if self::finding(ui, palette, finding, drawn, state.metric.as_deref()) {
                wanted = Some(finding.name.clone());
            }
        }
        if let Some(name) = wanted {
            state.metric = (state.metric.as_ref() != Some(&name)).then_some(name);
        }
        if let Some(metric) = &state.metric {
            let width = ui.available_width();
            distribution::show(ui, loaded, metric, Some(&node.name), egui::vec2(width, 190.0));
        }
        if let Some(first) = node.sources.first() {
            let more = match node.sources.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            ui.add(Label::new(RichText::new(format!("From {first}{more}")).weak()).truncate())
                .on_hover_text(node.sources.join("\n"));
        }
        checks(ui, loaded);
    });
}

/// One finding; true when its metric's values are to be shown or hidden.
fn finding(
    ui: &mut Ui,
    palette: &Palette,
    finding: &Finding,
    drawn: bool,
    shown: Option<&str>,
) -> bool {
    let mut clicked = false;
    Frame::group(ui.style()).inner_margin(6.0).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            badge(ui, palette, finding.status, 12.0);
            ui.strong(format!("{}, {}", finding.target, finding.name.replace('_', " ")));
            if !matches!(finding.severity.as_str(), "" | "none") {
                ui.weak(severity(&finding.severity));
            }
        });
        ui.add(Label::new(&finding.detail).wrap());
        let unit = finding.unit.as_deref();
        let (found, expected) = (figure(&finding.value, unit), figure(&finding.expected, unit));
        let mut facts = Vec::new();
        if !found.is_empty() {
            facts.push(format!("found {found}"));
        }
        if !expected.is_empty() {
            facts.push(format!("expected {expected}"));
        }
        if let Some(worse) = finding.worse_pct {
            facts.push(format!("{worse:.1} % worse than its kind"));
        }
        if let Some(q_value) = finding.q_value {
            facts.push(format!("false discovery rate {q_value:.1e}"));
        }
        if !facts.is_empty() {
            ui.add(Label::new(RichText::new(facts.join(", ")).weak()).wrap());
        }
        if !finding.action.is_empty() {
            ui.horizontal_top(|ui| {
                ui.label(RichText::new("Do").strong());
                ui.add(Label::new(&finding.action).wrap());
            });
        }
        if drawn {
            let open = shown == Some(finding.name.as_str());
            let label = if open { "Hide the fleet's values" } else { "Show the fleet's values" };
            clicked = ui.small_button(label).clicked();
        }
    });
    clicked
}

/// What kind of attention is due, in words.
fn severity(severity: &str) -> &str {
    match severity {
        "monitor" => "watch whether it repeats or grows",
        "isolate" => "take it out of use",
        "triage" => "somebody has to find the cause",
        "config" => "a setting, a package or a permission",
        "reset" => "a reset or a reboot mends it",
        other => other,
    }
}

fn checks(ui: &mut Ui, loaded: &mut Loaded) {
    if loaded.checks.rows.is_empty() {
        return;
    }
    ui.add_space(6.0);
    let grid = Grid::new("checks", &CHECKS);
    ui.horizontal(|ui| {
        ui.strong(crate::units::counted(loaded.checks.rows.len() as u64, "check"));
        grid.copy_button(ui, &loaded.checks.state, &loaded.checks.rows[..]);
    });
    let version = loaded.checks_of.unwrap_or_default() as u64;
    grid.version(version).height(TABLE).show(ui, &mut loaded.checks.state, &loaded.checks.rows[..]);
}

/// The checks of a node, what is not well first.
fn rows(checks: &[Check]) -> Vec<Vec<Cell>> {
    let mut checks: Vec<&Check> = checks.iter().collect();
    let weight = |check: &Check| {
        if check.counts() { std::cmp::Reverse(Some(check.status)) } else { std::cmp::Reverse(None) }
    };
    checks.sort_by_key(|check| weight(check));
    let rows = checks.into_iter().map(|check| {
        let unit = check.unit.as_deref();
        let status = if check.counts() { check.status } else { Status::Unknown };
        let state = if check.counts() {
            format!("{} {}", status.sign(), status.word())
        } else {
            "- Not there".to_owned()
        };
        vec![
            Cell::Text(check.name.replace('_', " ")),
            Cell::Text(check.target.clone()),
            Cell::Text(state),
            Cell::Text(figure(&check.value, unit)),
            Cell::Text(figure(&check.expected, unit)),
            Cell::Short {
                text: check.detail.clone(),
                whole: match &check.action {
                    Some(action) => format!("{}\nDo: {action}", check.detail),
                    None => check.detail.clone(),
                },
            },
        ]
    });
    rows.collect()
}
