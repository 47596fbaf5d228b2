//! How the durations of the chosen row's events are distributed.

use std::sync::Arc;

use egui::{Label, RichText, Ui, vec2};

use super::Act;
use crate::computed::Computed;
use crate::model::document::Document;
use crate::model::histogram::{Histogram, of_names};
use crate::model::names::NameId;
use crate::model::operations::rows::Row;
use crate::model::track::TrackKind;
use crate::model::whose::Process;
use crate::palette::Palette;
use crate::units;
use crate::view::chart::{Axis, Bar, Chart, Layer, Scale};

/// A lower plot would show nothing, points.
const LEAST_ROOM: f32 = 40.0;

/// A plot that is lower has no names at its axes, points.
const ROOM_FOR_LABELS: f32 = 150.0;

/// Shows the distribution, and what leads from the row to the timeline.
pub(super) fn show(
    ui: &mut Ui,
    document: &Arc<Document>,
    durations: &mut Computed<(Vec<NameId>, TrackKind, Option<Process>), Histogram>,
    row: &Row,
) -> Option<Act> {
    let key = (row.names.clone(), row.kind, row.process);
    let (document, (names, kind, process)) = (Arc::clone(document), key.clone());
    let found =
        durations.get(&key, ui.ctx(), move || of_names(&document, &names, kind, process)).cloned();
    let coming = durations.stale();
    let weak = Palette::of(ui.ctx().theme()).weak;
    ui.add(Label::new(RichText::new(&row.label).strong()).truncate()).on_hover_text(&row.label);
    let mut act = None;
    ui.horizontal_wrapped(|ui| {
        if let [name] = row.names.as_slice() {
            let go = ui.button("Next in the timeline");
            if go.on_hover_text("Marks all of them and goes to the next one").clicked() {
                act = Some(Act::Show(*name));
            }
        } else {
            let text = format!("List its {}", units::counted(row.names.len() as u64, "name"));
            if ui.button(text).clicked() {
                act = Some(Act::Open(row.category.clone(), row.kind));
            }
        }
        ui.label(RichText::new(words(found.as_ref(), coming, row.kind)).color(weak));
    });
    if let Some(found) = found.filter(|found| !coming && found.count > 0) {
        let size = vec2(ui.available_width(), ui.available_height().min(320.0));
        if size.y >= LEAST_ROOM {
            chart(ui, &found, size.y >= ROOM_FOR_LABELS).show(ui, size);
        }
    }
    act
}

/// The figures beside the plot.
fn words(found: Option<&Histogram>, coming: bool, kind: TrackKind) -> String {
    let Some(found) = found.filter(|_| !coming) else {
        return "Durations are being put together".to_owned();
    };
    if found.count == 0 {
        return "Its single runs are not in the timeline".to_owned();
    }
    let [median, most, late] = found.percentiles_ns.map(units::duration);
    let nested = matches!(kind, TrackKind::Operators | TrackKind::Ranges);
    let note = if nested { ", with what is nested" } else { "" };
    let count = units::counted(found.count as u64, "run");
    format!("{count}{note} · P50 {median} · P90 {most} · P99 {late}")
}

fn chart(ui: &Ui, found: &Histogram, labels: bool) -> Chart {
    let palette = Palette::of(ui.ctx().theme());
    let time = |ns: f64| units::duration(ns.round() as i64);
    let bars = found
        .bins
        .iter()
        .filter(|bin| bin.count > 0)
        .map(|bin| Bar {
            x: (bin.from_ns, bin.until_ns),
            y: (0.0, bin.count as f64),
            hover: format!(
                "{} to {}\n{}",
                time(bin.from_ns),
                time(bin.until_ns),
                units::counted(bin.count, "run")
            ),
        })
        .collect();
    let [median, _, late] = found.percentiles_ns.map(|ns| ns.max(1) as f64);
    let (least, greatest) = found.extremes_ns;
    let width = (greatest.max(1) as f64 / least.max(1) as f64).ln();
    // Names of lines that are near each other would lie on each other.
    let apart = (late / median).ln() > width * 0.2;
    let mut layers = vec![Layer::Bars { name: String::new(), colour: palette.curves[5], bars }];
    for (name, at) in [("P50", Some(median)), ("P99", apart.then_some(late))] {
        layers.extend(at.map(|at| Layer::Level {
            name: name.to_owned(),
            colour: palette.weak,
            at,
            vertical: true,
        }));
    }
    let label = |text: &str| if labels { text.to_owned() } else { String::new() };
    Chart {
        title: "Distribution of durations".to_owned(),
        x: Axis::new(label("Duration"), Scale::Log, |ns| units::duration(ns.round() as i64)),
        y: Axis::new(label("Runs"), Scale::Linear, |count| {
            units::count(count.max(0.0).round() as u64)
        }),
        layers,
    }
}
