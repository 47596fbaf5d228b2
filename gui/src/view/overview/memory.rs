//! How much memory was left.

use egui::Ui;

use super::heading;
use super::lead::Lead;
use crate::model::overview::Figures;
use crate::palette::Palette;
use crate::pane::Pane;
use crate::units;
use crate::view::bar_rows::{self, Bar};

pub(super) fn show(ui: &mut Ui, shown: &Figures, lead: &mut Option<Lead>) {
    heading(ui, "Memory headroom", "");
    let Some(headroom) = &shown.suggestions.headroom else {
        ui.label("The recording does not tell how much memory was in use. Record with NVML present, or with the framework's memory profiling on.");
        return;
    };
    let palette = Palette::of(ui.ctx().theme());
    let bar = |name: &str, bytes: f64, colour| Bar {
        name: name.to_owned(),
        figure: format!("{} · {:.0} %", units::bytes(bytes), bytes / headroom.total_bytes * 100.0),
        share: bytes / headroom.total_bytes,
        colour,
        leads: "open the memory view".to_owned(),
    };
    let bars = [
        bar("In use at the peak", headroom.peak_bytes, palette.curves[0]),
        bar("Free at the peak", headroom.total_bytes - headroom.peak_bytes, palette.step),
    ];
    if bar_rows::show(ui, &bars).is_some() {
        *lead = Some(Lead::View(Pane::Memory));
    }
    ui.weak(&headroom.sentence);
}
