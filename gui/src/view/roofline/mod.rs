//! Roofline: being built.

use egui::Ui;

use crate::session::Session;

/// What the view remembers.
#[derive(Default)]
pub struct State {}

/// Shows the view.
pub(crate) fn show(ui: &mut Ui, session: &mut Session) {
    ui.label(&session.document.title);
}
