//! The list of keys, printed from the table that the window obeys.

use egui::{Grid, RichText, Ui, Window};

use crate::command::{BINDINGS, MOUSE};

/// Shows the list in a window of its own while `open`.
pub(crate) fn show(ui: &Ui, open: &mut bool) {
    Window::new("Keys and mouse").open(open).collapsible(false).resizable(false).show(
        ui.ctx(),
        |ui| {
            rows(ui, "keys", BINDINGS.iter().map(|binding| (binding.keys, binding.help)));
            ui.separator();
            rows(ui, "mouse", MOUSE.iter().copied());
        },
    );
}

fn rows(ui: &mut Ui, id: &str, rows: impl Iterator<Item = (&'static str, &'static str)>) {
    Grid::new(id).num_columns(2).spacing([24.0, 4.0]).striped(true).show(ui, |ui| {
        for (keys, help) in rows {
            ui.label(RichText::new(keys).monospace());
            ui.label(help);
            ui.end_row();
        }
    });
}
