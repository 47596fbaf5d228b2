//! From a figure to its events.

use egui::Ui;

use super::notice;
use crate::session::Session;

/// Marks all events of a name in the timeline, or says that there are none.
pub(crate) fn lead_to(ui: &Ui, session: &mut Session, name: &str) {
    if !session.show_name(name) {
        notice::warn(ui.ctx(), format!("No event of the timeline is called {name}"));
    }
}
