//! What made the change of the mean step: parts that add up to it, as bars and as a table.

use egui::{Label, Ui};

use super::answer::{Answer, Shown};
use super::choose_case;
use crate::model::compare::attribution::{Share, event};
use crate::model::compare::document::Attribution;
use crate::model::compare::quantity::change_ns;
use crate::palette::Palette;
use crate::units;
use crate::view::chart::{Axis, Bar, Chart, Layer, Scale};
use crate::view::grid::{Cell, Grid, Heading};
use crate::view::sideways::sideways;
use crate::window::Window;

const HEADINGS: [Heading; 7] = [
    Heading::text("Part", 0.0, "What the time went to"),
    Heading::text("Kind", 140.0, "Parts do not overlap: each instant of a step counts once"),
    Heading::figure("Base", 84.0, "Its part of the mean step of the base side"),
    Heading::figure("New", 84.0, "Its part of the mean step of the new side"),
    Heading::figure("Change", 90.0, "By how much it made the step longer"),
    Heading::figure("Of the change", 100.0, "Its share of the change of the mean step"),
    Heading::text("", 70.0, "New, gone or renamed"),
];

/// All parts, and the step that they add up to.
pub(super) fn rows(shares: &[Share], attribution: Option<&Attribution>) -> Vec<Vec<Cell>> {
    let Some(attribution) = attribution else { return Vec::new() };
    let whole = attribution.change_ns;
    let row = |part: Cell, kind: &str, base: i64, new: i64, note: &str| {
        let change = new - base;
        let share = (whole != 0).then(|| 100.0 * change as f64 / whole as f64);
        vec![
            part,
            Cell::Text(kind.to_owned()),
            Cell::figure(units::duration(base), base as f64),
            Cell::figure(units::duration(new), new as f64),
            Cell::figure(change_ns(change), change as f64),
            Cell::optional(share, |share| format!("{share:.1} %")),
            Cell::Text(note.to_owned()),
        ]
    };
    let mut rows: Vec<Vec<Cell>> = shares
        .iter()
        .map(|share| {
            let part = Cell::Short { text: share.label.clone(), whole: share.name.clone() };
            row(part, &share.kind, share.base_ns, share.new_ns, share.note)
        })
        .collect();
    let (base, new) = (attribution.base_ns, attribution.new_ns);
    rows.push(row(Cell::Text("Mean step".to_owned()), "sum of all parts", base, new, ""));
    rows
}

pub(super) fn show(ui: &mut Ui, answer: &mut Answer, chosen: &mut usize, window: &mut Window) {
    choose_case(ui, answer, chosen);
    let Some(shown) = answer.details.get_mut(*chosen) else { return };
    let Some(attribution) = &shown.attribution else {
        ui.label("A side of this case has no steps: mark them with NVTX ranges to see what made the change");
        return;
    };
    let sentence = format!(
        "The mean step went from {} to {} ({}); the parts add up to that. Means of {} and {} steps",
        units::duration(attribution.base_ns),
        units::duration(attribution.new_ns),
        change_ns(attribution.change_ns),
        units::count(attribution.base_steps as u64),
        units::count(attribution.new_steps as u64)
    );
    ui.add(Label::new(sentence).wrap());
    let size = egui::vec2(
        ui.available_width(),
        (shown.shares.len() as f32 * 20.0 + 64.0).min((ui.available_height() * 0.55).max(120.0)),
    );
    chart(shown, Palette::of(ui.ctx().theme())).show(ui, size);
    let grid = Grid::new("parts of the step", &HEADINGS);
    ui.horizontal(|ui| {
        ui.strong("All parts");
        ui.weak("Double-click a kernel to see it in the timeline");
        grid.copy_button(ui, &shown.parts.state, &shown.parts.rows[..]);
    });
    let table = &mut shown.parts;
    let grid = grid.version(*chosen as u64);
    let touched = sideways(ui, "parts", |ui| grid.show(ui, &mut table.state, &table.rows[..]));
    let part = touched.double_clicked.and_then(|row| attribution.rows.get(row));
    if let Some(name) = part.and_then(event) {
        window.show_name(name);
    }
}

fn chart(shown: &Shown, palette: &Palette) -> Chart {
    let count = shown.shares.len();
    let place = |row: usize| (count - 1 - row) as f64;
    let bars = |longer: bool| -> Vec<Bar> {
        let rows = shown.shares.iter().enumerate();
        rows.filter(|(_, share)| (share.change_ns() > 0) == longer)
            .map(|(row, share)| {
                let change = share.change_ns();
                Bar {
                    x: ((change as f64).min(0.0), (change as f64).max(0.0)),
                    y: (place(row) - 0.36, place(row) + 0.36),
                    hover: format!("{}\n{}, {}", share.name, share.kind, change_ns(change)),
                }
            })
            .collect()
    };
    let ticks = shown.shares.iter().enumerate().map(|(row, share)| {
        let note = if share.note.is_empty() { String::new() } else { format!("{}: ", share.note) };
        (place(row), format!("{note}{}", share.label))
    });
    let layers = vec![
        Layer::Bars { name: "+ longer".to_owned(), colour: palette.curves[1], bars: bars(true) },
        Layer::Bars { name: "- shorter".to_owned(), colour: palette.curves[2], bars: bars(false) },
        Layer::Level { name: String::new(), colour: palette.weak, at: 0.0, vertical: true },
    ];
    Chart {
        title: "What made the change".to_owned(),
        x: Axis::new("Change of the mean step", Scale::Linear, |ns| change_ns(ns.round() as i64)),
        y: Axis::new("", Scale::Linear, |_| String::new())
            .range(-0.5, count as f64 - 0.5)
            .categories(ticks.collect()),
        layers,
    }
}
