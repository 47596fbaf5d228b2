//! Metric by metric: the picture of the changes with their intervals, and the table.

use egui::Ui;

use super::answer::Answer;
use super::forest;
use crate::model::compare::document::{Comparison, Family, Metric, Side};
use crate::model::compare::effect::{short_subject, short_title, title, verdict};
use crate::model::compare::quantity::{change, interval, quantity};
use crate::view::grid::{Cell, Grid, Heading};
use crate::view::sideways::sideways;

const HEADINGS: [Heading; 9] = [
    Heading::text("Metric", 0.0, "What was measured"),
    Heading::text("Verdict", 104.0, "Whether it changed for the worse or the better"),
    Heading::figure("Base", 76.0, "Median of the base runs' medians"),
    Heading::figure("New", 76.0, "Median of the new runs' medians"),
    Heading::figure("Change", 68.0, "Median over all pairs of a base and a new run"),
    Heading::figure(
        "95 % interval",
        134.0,
        "Holds the change with probability 0.95, from a bootstrap over runs",
    ),
    Heading::figure("q", 50.0, "False discovery rate at which it is called changed"),
    Heading::figure("Would decide", 88.0, "Runs a side that would probably decide what is open"),
    Heading::figure("Finds", 58.0, "The least change that these runs find with probability 0.8"),
];

/// From this width on the picture stands beside the table, points.
const SIDE_BY_SIDE: f32 = 1380.0;

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
        Cell::optional(metric.runs_needed.map(|runs| runs as f64), |runs| {
            format!("{runs:.0} runs")
        }),
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
    if room.x >= SIDE_BY_SIDE {
        let width = room.x * 0.36;
        ui.horizontal_top(|ui| {
            picture(ui, answer, egui::vec2(width, room.y));
            ui.vertical(|ui| table(ui, answer));
        });
    } else {
        picture(ui, answer, egui::vec2(room.x, (room.y * 0.5).max(140.0)));
        table(ui, answer);
    }
}

fn picture(ui: &mut Ui, answer: &Answer, size: egui::Vec2) {
    ui.vertical(|ui| {
        ui.set_width(size.x);
        egui::ScrollArea::vertical()
            .id_salt("picture")
            .max_height(size.y)
            .auto_shrink([false, true])
            .show(ui, |ui| forest::show(ui, answer, ui.available_width()));
    });
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
    let table = &mut answer.metrics;
    sideways(ui, "metrics", |ui| grid.show(ui, &mut table.state, &table.rows[..]));
}
