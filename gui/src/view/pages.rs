//! What the window shows while no document is open: where to get one, how far loading is, or what
//! went wrong.

use std::path::PathBuf;

use egui::{Label, ProgressBar, RichText, Role, TextEdit, Ui, WidgetInfo};

use crate::job::Job;
use crate::palette::Palette;
use crate::units;

/// Nothing is open: asks for a file.
pub(crate) fn welcome(ui: &mut Ui, path: &mut String) -> Option<Vec<PathBuf>> {
    page(ui, |ui| {
        ui.heading("No recording is open");
        ui.label("Drop a .perfdb file here, or write where it is");
        ask(ui, path)
    })
}

/// Loading is under way; true when the user gives up.
pub(crate) fn loading(ui: &mut Ui, job: &Job) -> bool {
    page(ui, |ui| {
        ui.heading("Loading");
        if let Some(path) = job.path() {
            ui.add(Label::new(path.display().to_string()).truncate());
        }
        let stage = job.stage();
        let text = if stage.reading {
            format!("{} of {} rows", units::count(stage.rows), units::count(stage.total))
        } else {
            "Putting events in order".to_owned()
        };
        ui.add(ProgressBar::new(job.share()).desired_width(420.0).text(text));
        ui.button("Cancel").clicked()
    })
}

/// Loading failed: one line says why, and another file may be opened.
pub(crate) fn failed(ui: &mut Ui, message: &str, path: &mut String) -> Option<Vec<PathBuf>> {
    let palette = Palette::of(ui.ctx().theme());
    page(ui, |ui| {
        ui.heading("This file cannot be opened");
        ui.add(Label::new(RichText::new(message).color(palette.warning)).wrap());
        ui.add_space(8.0);
        ui.label("Drop another .perfdb file here, or write where it is");
        ask(ui, path)
    })
}

fn ask(ui: &mut Ui, path: &mut String) -> Option<Vec<PathBuf>> {
    ui.horizontal(|ui| {
        let response =
            ui.add(TextEdit::singleline(path).desired_width(340.0).hint_text("run.perfdb"));
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Path of a recording"));
        let enter = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let open = ui.add_enabled(!path.trim().is_empty(), egui::Button::new("Open"));
        let asked = (enter || open.clicked()) && !path.trim().is_empty();
        asked.then(|| vec![PathBuf::from(path.trim())])
    })
    .inner
}

fn page<R>(ui: &mut Ui, content: impl FnOnce(&mut Ui) -> R) -> R {
    egui::CentralPanel::default()
        .show(ui, |ui| {
            let width = 460.0_f32.min(ui.available_width());
            let height = ui.available_height();
            ui.add_space(height * 0.3);
            ui.horizontal(|ui| {
                ui.add_space(((ui.available_width() - width) / 2.0).max(0.0));
                ui.vertical(|ui| {
                    ui.set_max_width(width);
                    content(ui)
                })
                .inner
            })
            .inner
        })
        .inner
}
