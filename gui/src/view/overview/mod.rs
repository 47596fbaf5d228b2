//! Overview: what the run was, where its time went, what to look at first and what to do about it. Every
//! figure leads to its place in the timeline.

mod division;
mod facts;
mod first;
mod lead;
mod memory;
mod notes;
mod steps;
mod suggestions;

use std::sync::Arc;

use egui::{ComboBox, RichText, Role, ScrollArea, Ui, WidgetInfo};

use self::lead::Lead;
use crate::computed::Computed;
use crate::model::overview::{Figures, figures, places};
use crate::model::whose::Process;
use crate::palette::Palette;
use crate::session::Session;

/// From this width on there are two columns, points.
const TWO_COLUMNS: f32 = 860.0;

/// What the view remembers.
#[derive(Default)]
pub struct State {
    chosen: Option<Process>,
    figures: Computed<Option<Process>, Figures>,
    places: Computed<Option<Process>, places::Places>,
}

impl State {
    /// The recording has grown: figures are worked out anew, and what was chosen stays.
    pub(crate) fn outdate(&mut self) {
        self.figures.outdate();
        // These lead to events by their places in the older document.
        self.places = Computed::default();
    }
}

/// Shows the view.
pub(crate) fn show(ui: &mut Ui, session: &mut Session) {
    let mut state = std::mem::take(&mut session.overview);
    let lead = content(ui, session, &mut state);
    session.overview = state;
    if let Some(lead) = lead {
        lead.follow(session);
    }
}

fn content(ui: &mut Ui, session: &Session, state: &mut State) -> Option<Lead> {
    let chosen = state.chosen;
    let document = Arc::clone(&session.document);
    if document.sources.iter().all(|source| source.report.ranks.is_empty()) {
        ui.strong("This recording holds no figures of a run");
        ui.label("Nothing in it ran on a GPU, and it has no operators or NVTX ranges. Record a program with perfagent record, or open a trace of PyTorch, Nsight Systems or XLA.");
    }
    let for_places = Arc::clone(&document);
    let found = state.places.get(&chosen, ui.ctx(), move || places::places(&for_places, chosen));
    let shown = state.figures.get(&chosen, ui.ctx(), move || figures(&document, chosen));
    let Some(shown) = shown else {
        if state.figures.stale() {
            ui.weak("Figures are being put together");
        } else {
            ui.label(
                "The figures of this recording cannot be put together; perfagent report says why",
            );
        }
        return None;
    };
    let mut lead = None;
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        // The scroll bar floats over what is below it.
        ui.set_max_width(ui.available_width() - 12.0);
        whose(ui, shown, &mut state.chosen);
        first::show(ui, session, shown, found, &mut lead);
        ui.add_space(6.0);
        if ui.available_width() >= TWO_COLUMNS {
            ui.columns(2, |columns| {
                // Columns stretch what is in them; a layout of its own leaves texts and buttons alone.
                if let [left, right] = columns {
                    left.vertical(|ui| {
                        division::show(ui, shown, found, &mut lead);
                        steps::show(ui, shown, &mut lead);
                        memory::show(ui, shown, &mut lead);
                    });
                    right.vertical(|ui| {
                        suggestions::show(ui, shown, &mut lead);
                        facts::show(ui, shown);
                        notes::show(ui, session);
                    });
                }
            });
        } else {
            division::show(ui, shown, found, &mut lead);
            suggestions::show(ui, shown, &mut lead);
            steps::show(ui, shown, &mut lead);
            memory::show(ui, shown, &mut lead);
            facts::show(ui, shown);
            notes::show(ui, session);
        }
    });
    lead
}

/// The choice of a rank, where there are several.
fn whose(ui: &mut Ui, shown: &Figures, chosen: &mut Option<Process>) {
    if shown.ranks.len() < 2 {
        return;
    }
    let all = format!("All {} ranks", shown.ranks.len());
    let name = |process: Option<Process>| {
        let found = shown.ranks.iter().find(|(known, _)| Some(*known) == process);
        found.map_or_else(|| all.clone(), |(_, name)| name.clone())
    };
    ui.horizontal(|ui| {
        ui.label("Figures of");
        let text = name(*chosen);
        let combo = ComboBox::from_id_salt("whose").selected_text(&text).show_ui(ui, |ui| {
            ui.selectable_value(chosen, None, &all);
            for (process, label) in &shown.ranks {
                ui.selectable_value(chosen, Some(*process), label);
            }
        });
        combo.response.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::ComboBox, true, "Figures of");
            info.current_text_value = Some(text.clone());
            info
        });
    });
}

/// A heading of a part of the page.
fn heading(ui: &mut Ui, text: &str, note: &str) {
    ui.add_space(8.0);
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(text).strong().size(15.0));
        if !note.is_empty() {
            ui.label(RichText::new(note).color(Palette::of(ui.ctx().theme()).weak));
        }
    });
    ui.add_space(2.0);
}
