//! What another arrangement would bring: sliders beside the plot of many arrangements, what was found in the recording, and the
//! ways to try it.

mod controls;
mod emit;
mod figures;
mod findings;
mod front;
mod setup;
mod state;
mod suggestions;
mod trials;
mod tune;

use egui::{Layout, ScrollArea, Ui, vec2};

use crate::session::Session;
use crate::view::lead::lead_to;

pub use state::State;
use state::{Lead, Tab};

/// From this width on the sliders stand beside the rest, points.
const WIDE: f32 = 820.0;
/// Width of the column with the sliders, points.
const COLUMN: f32 = 340.0;

/// Shows the view.
pub(crate) fn show(ui: &mut Ui, session: &mut Session) {
    if !state::prepare(ui, session) {
        ui.weak("Reading what the recording says of its job");
        return;
    }
    let mut lead = None;
    if ui.available_width() >= WIDE {
        let height = ui.available_height();
        ui.horizontal_top(|ui| {
            ui.allocate_ui_with_layout(
                vec2(COLUMN, height),
                Layout::top_down(egui::Align::Min),
                |ui| {
                    ui.set_width(COLUMN);
                    ScrollArea::vertical().id_salt("sliders").auto_shrink(false).show(ui, |ui| {
                        ui.set_width(COLUMN - 14.0);
                        left(ui, session);
                    });
                },
            );
            ui.separator();
            ui.vertical(|ui| {
                ScrollArea::vertical().id_salt("rest").auto_shrink(false).show(ui, |ui| {
                    lead = right(ui, session, height);
                });
            });
        });
    } else {
        ScrollArea::vertical().id_salt("all").auto_shrink(false).show(ui, |ui| {
            left(ui, session);
            ui.separator();
            lead = right(ui, session, 480.0);
        });
    }
    match lead {
        Some(Lead::Stretch(start, end)) => session.show_in_timeline(start, end),
        Some(Lead::Name(name)) => lead_to(ui, session, &name),
        None => {}
    }
}

fn left(ui: &mut Ui, session: &mut Session) {
    setup::show(ui, session);
    if session.advisor.arrangement.is_some() {
        ui.separator();
        controls::show(ui, session);
        ui.separator();
        figures::show(ui, session);
    }
}

fn right(ui: &mut Ui, session: &mut Session, height: f32) -> Option<Lead> {
    let known = session.advisor.arrangement.is_some();
    if known {
        front::show(ui, session, (height * 0.44).max(200.0));
    }
    ui.add_space(4.0);
    ui.horizontal_wrapped(|ui| {
        let shown = session.advisor.shown();
        for tab in Tab::ALL {
            if ui.selectable_label(tab == shown, tab.label()).clicked() {
                session.advisor.tab = Some(tab);
            }
        }
    });
    ui.separator();
    match session.advisor.shown() {
        Tab::Findings => findings::show(ui, session),
        Tab::Suggestions => {
            suggestions::show(ui, session);
            None
        }
        Tab::Configuration => {
            emit::show(ui, session);
            None
        }
        Tab::Run => {
            tune::show(ui, session);
            None
        }
        Tab::Trials => {
            trials::show(ui, session);
            None
        }
    }
}
