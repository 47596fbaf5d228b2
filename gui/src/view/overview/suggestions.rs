//! The suggestions as cards: what to do, what it is worth, and where that can be seen.

use egui::{Frame, Label, Margin, RichText, Role, Stroke, Ui, WidgetInfo};

use super::heading;
use super::lead::Lead;
use crate::model::overview::Figures;
use crate::model::overview::suggestions::{Card, Suggestions};
use crate::palette::Palette;
use crate::pane::Pane;

/// Cards that are shown; the rest is in the advisor's view.
const MOST: usize = 5;

pub(super) fn show(ui: &mut Ui, shown: &Figures, lead: &mut Option<Lead>) {
    let suggestions = &shown.suggestions;
    heading(ui, "Suggestions", &summary(suggestions));
    if suggestions.cards.is_empty() {
        ui.label("Nothing to act on was found in this recording");
    }
    for (place, card) in suggestions.cards.iter().take(MOST).enumerate() {
        show_card(ui, place, card, lead);
    }
    ui.horizontal_wrapped(|ui| {
        let rest = suggestions.cards.len().saturating_sub(MOST);
        if rest > 0 {
            ui.weak(format!("{rest} more"));
        }
        if ui.button("Open the advisor").clicked() {
            *lead = Some(Lead::View(Pane::Advisor));
        }
        if !suggestions.unknown.is_empty() {
            let text = format!("Not recorded: {}", suggestions.unknown.join(", ").to_lowercase());
            ui.add(
                Label::new(RichText::new(text).color(Palette::of(ui.ctx().theme()).weak)).wrap(),
            );
        }
    });
}

fn summary(suggestions: &Suggestions) -> String {
    format!(
        "{} to act on, {} with nothing to gain, {} unknown",
        suggestions.cards.len(),
        suggestions.nothing_to_gain,
        suggestions.unknown.len()
    )
}

fn show_card(ui: &mut Ui, place: usize, card: &Card, lead: &mut Option<Lead>) {
    let palette = Palette::of(ui.ctx().theme());
    let frame = Frame::new()
        .fill(palette.header)
        .stroke(Stroke::new(1.0, palette.line))
        .corner_radius(4.0)
        .inner_margin(Margin::symmetric(10, 7));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(format!("{}. {}", place + 1, card.title)).strong());
            if !card.gain.is_empty() {
                ui.label(RichText::new(&card.gain).color(palette.weak));
            }
            if !card.file.is_empty() {
                ui.label(RichText::new(&card.file).color(palette.weak));
            }
        });
        ui.add(Label::new(&card.sentence).wrap());
        ui.horizontal_wrapped(|ui| {
            let evidence =
                card.evidence.iter().find_map(|place| Some((place, Lead::of_evidence(place)?)));
            if let Some((place, to)) = evidence {
                let button = ui.button("Show in the timeline").on_hover_text(&place.what);
                let said = format!("Show {} in the timeline", card.title.to_lowercase());
                button.widget_info(|| WidgetInfo::labeled(Role::Button, true, &said));
                if button.clicked() {
                    *lead = Some(to);
                }
            }
            let button = ui.button("Figures");
            let said = format!("Figures of {} in the advisor", card.title.to_lowercase());
            button.widget_info(|| WidgetInfo::labeled(Role::Button, true, &said));
            if button.on_hover_text("Open the advisor's view").clicked() {
                *lead = Some(Lead::View(Pane::Advisor));
            }
        });
    });
    ui.add_space(4.0);
}
