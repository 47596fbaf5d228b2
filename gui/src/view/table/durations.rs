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
    ui.add(Label::new(RichText::new(&row.label).strong()).truncate()).on_hover_text(&row.label);
    let mut act = None;
    ui.horizontal_wrapped(|ui| match row.names.as_slice() {
        [name] => {
            let go = ui.button("Next in the timeline");
            if go.on_hover_text("Marks all of them and goes to the next one").clicked() {
                act = Some(Act::Show(*name));
            }
        }
        names => {
            let text = format!("List its {}", units::counted(names.len() as u64, "name"));
            if ui.button(text).clicked() {
                act = Some(Act::Open(row.category.clone(), row.kind));
            }
        }
    });
    let Some(found) = found.filter(|_| !coming) else {
        ui.weak("Durations are being put together");
        return act;
    };
    if found.count == 0 {
        ui.weak("Its single runs are not in the timeline");
        return act;
    }
    let [median, most, late] = found.percentiles_ns.map(units::duration);
    let note = if matches!(row.kind, TrackKind::Operators | TrackKind::Ranges) {
        ", with what is nested"
    } else {
        ""
    };
    let count = units::counted(found.count as u64, "run");
    let text = format!("{count}{note} · P50 {median} · P90 {most} · P99 {late}");
    ui.add(Label::new(RichText::new(text).color(Palette::of(ui.ctx().theme()).weak)).wrap());
    let size = vec2(ui.available_width(), ui.available_height().clamp(60.0, 320.0));
    chart(ui, &found).show(ui, size);
    act
}

fn chart(ui: &Ui, found: &Histogram) -> Chart {
    let palette = Palette::of(ui.ctx().theme());
    let time = |ns: f64| units::duration(ns.round() as i64);
    let bars = found
        .bins
        .iter()
        .filter(|bin| bin.count > 0)
        .map(|bin| Bar {
            x: (bin.from_ns, bin.until_ns),
            y: (0.0, bin.count as f64),
            hover: format!("{} to {}\n{}", time(bin.from_ns), time(bin.until_ns), units::counted(bin.count, "run")),
        })
        .collect();
    let marks = ["P50", "P90", "P99"].into_iter().zip(found.percentiles_ns);
    let mut layers = vec![Layer::Bars { name: String::new(), colour: palette.curves[0], bars }];
    layers.extend(marks.map(|(name, at)| Layer::Level {
        name: name.to_owned(),
        colour: palette.weak,
        at: at.max(1) as f64,
        vertical: true,
    }));
    Chart {
        title: "Distribution of durations".to_owned(),
        x: Axis::new("Duration", Scale::Log, |ns| units::duration(ns.round() as i64)),
        y: Axis::new("Runs", Scale::Linear, |count| units::count(count.max(0.0).round() as u64)),
        layers,
    }
}
