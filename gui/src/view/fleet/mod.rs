//! Fleet: being built.

use egui::Ui;

use crate::window::Window;

/// What the view remembers.
#[derive(Default)]
pub struct State {}

/// Shows the view.
pub(crate) fn show(ui: &mut Ui, _state: &mut State, window: &mut Window) {
    ui.label(format!("{} files are open", window.open_files().len()));
}
