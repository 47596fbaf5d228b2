//! Metric by metric: the picture of the changes with their intervals, and the table.

use egui::Ui;

use super::answer::Answer;
use super::forest;
use crate::model::compare::document::{Comparison, Family, Metric, Side};
use crate::model::compare::effect::{short_subject, short_title, title, verdict};
use crate::model::compare::quantity::{change, interval, quantity};
use crate::view::grid::{Cell, Grid, Heading};

const HEADINGS: [Heading; 8] = [
    Heading::text("Metric", 0.0, "What was measured"),
    Heading::text("Verdict", 190.0, "Whether it changed for the worse or the better"),
    Heading::figure("Base", 84.0, "Median of the base runs' medians"),
    Heading::figure("New", 84.0, "Median of the new runs' medians"),
    Heading::figure("Change", 76.0, "Median over all pairs of a base and a new run"),
    Heading::figure(
        "95 % interval",
        138.0,
        "Holds the change with probability 0.95, from a bootstrap over runs",
    ),
    Heading::figure("q", 60.0, "False discovery rate at which it is called changed"),
    Heading::figure(
        "Found from",
        84.0,
        "The least change that these runs find with probability 0.8",
    ),
];

/// The rows of the table, headline metrics first.
pub(super) fn rows(comparison: &Comparison) -> Vec<Vec<Cell>> {
    let mut metrics: Vec<&Metric> = comparison.metrics.iter().collect();
    metrics.sort_by_key(|metric| metric.family != Family::Headline);
    metrics.into_iter().map(row).collect()
}

fn row(metric: &Metric) -> Vec<Cell> {
    let (case, subject) = (metric.case.as_deref(), metric.subject.as_deref());
    let figure = |value: f64| Cell::figure(quantity(value, &metric.unit), value);
    vec![
        Cell::Short {
            text: short_title(case, &metric.name, subject),
            whole: title(case, &metric.name, subject),
        },
        Cell::Short {
            text: verdict(metric),
            whole: metric.reason.clone().map_or_else(
                || metric.verdict.word().to_owned(),
                |reason| format!("{}: {reason}", metric.verdict.word()),
            ),
        },
        figure(metric.base.median),
        figure(metric.new.median),
        Cell::optional(metric.change_pct, change),
        interval(metric.low_pct, metric.high_pct)
            .map_or(Cell::Unknown, |text| Cell::figure(text, metric.low_pct.unwrap_or_default())),
        Cell::optional(metric.q_value, probability),
        Cell::optional(metric.detectable_pct, |percent| format!("{percent:.1} %")),
    ]
}

/// A probability: small ones by their order of magnitude.
fn probability(value: f64) -> String {
    if value > 0.0 && value < 0.001 { format!("{value:.0e}") } else { format!("{value:.3}") }
}

/// Metrics of one side only.
pub(super) fn unpaired_rows(comparison: &Comparison) -> Vec<Vec<Cell>> {
    let rows = comparison.unpaired.iter().map(|row| {
        let side = match row.only_in {
            Side::Base => "base only",
            Side::New => "new only",
        };
        let subject = row.subject.as_deref();
        vec![
            Cell::Short {
                text: subject.map_or_else(
                    || row.name.replace('_', " "),
                    |subject| short_subject(&row.name, subject),
                ),
                whole: title(row.case.as_deref(), &row.name, subject),
            },
            Cell::Text(title(row.case.as_deref(), &row.name, None)),
            Cell::Text(side.to_owned()),
            Cell::figure(quantity(row.figures.median, &row.unit), row.figures.median),
        ]
    });
    rows.collect()
}

pub(super) fn show(ui: &mut Ui, answer: &mut Answer) {
    let room = ui.available_size();
    let wanted = forest::height(answer.effects.len());
    if room.x >= 1180.0 {
        // Side by side: the picture keeps the height of its rows.
        ui.horizontal_top(|ui| {
            let size = egui::vec2(room.x * 0.42, room.y.min(wanted.max(140.0)));
            forest::show(ui, answer, size);
            ui.vertical(|ui| table(ui, answer));
        });
        return;
    }
    let most = (room.y * 0.5).max(140.0);
    egui::ScrollArea::vertical()
        .id_salt("picture")
        .max_height(most)
        .auto_shrink([false, true])
        .show(ui, |ui| forest::show(ui, answer, egui::vec2(ui.available_width(), wanted)));
    table(ui, answer);
}

fn table(ui: &mut Ui, answer: &mut Answer) {
    let grid = Grid::new("metrics", &HEADINGS);
    ui.horizontal_wrapped(|ui| {
        ui.strong(crate::units::counted(answer.metrics.rows.len() as u64, "metric"));
        ui.weak(format!(
            "Changes up to {} % do not matter",
            crate::model::compare::quantity::significant(answer.comparison.threshold_pct)
        ));
        grid.copy_button(ui, &answer.metrics.state, &answer.metrics.rows[..]);
    });
    grid.show(ui, &mut answer.metrics.state, &answer.metrics.rows[..]);
}
