//! What the run was.

use egui::{Label, RichText, Ui, vec2};

use super::heading;
use crate::model::overview::Figures;
use crate::palette::Palette;

/// Width of the names, points.
const NAMES: f32 = 96.0;

/// Longer texts are cut, and whole under the pointer.
const LONGEST: usize = 400;

pub(super) fn show(ui: &mut Ui, shown: &Figures) {
    heading(ui, "The run", "");
    let weak = Palette::of(ui.ctx().theme()).weak;
    for fact in &shown.facts {
        ui.horizontal_top(|ui| {
            ui.allocate_ui(vec2(NAMES, 16.0), |ui| {
                ui.set_width(NAMES);
                ui.label(RichText::new(fact.label).color(weak));
            });
            ui.vertical(|ui| {
                let short: String = fact.text.chars().take(LONGEST).collect();
                if short.len() < fact.text.len() {
                    ui.add(Label::new(format!("{short}…")).wrap()).on_hover_text(&fact.text);
                } else {
                    ui.add(Label::new(short).wrap());
                }
            });
        });
    }
}
