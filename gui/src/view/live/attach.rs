//! Recordings that are being made elsewhere: found in a folder, or named.

use std::path::{Path, PathBuf};

use egui::{Button, Label, RichText, Role, TextEdit, Ui, WidgetInfo};

use super::State;
use crate::child::Call;
use crate::units;
use crate::watch::{Found, find};

/// Recordings that are listed.
const MOST: usize = 50;

pub(super) fn show(ui: &mut Ui, state: &mut State) {
    ui.strong("Follow a recording that is being made");
    let mut chosen: Option<PathBuf> = None;
    ui.horizontal_wrapped(|ui| {
        let width = (ui.available_width() - 110.0).clamp(160.0, 520.0);
        let field = TextEdit::singleline(&mut state.path)
            .hint_text("The name that it will have, or its .partial folder")
            .desired_width(width);
        ui.add(field)
            .widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Recording to follow"));
        let path = state.path.trim();
        if ui.add_enabled(!path.is_empty(), Button::new("Follow")).clicked() {
            chosen = Some(PathBuf::from(path));
        }
    });
    ui.add_space(4.0);
    let folder = match state.form.folder.trim() {
        "" => PathBuf::from("."),
        folder => PathBuf::from(folder),
    };
    ui.horizontal_wrapped(|ui| {
        let name = if folder == Path::new(".") {
            "In the folder where the window was started".to_owned()
        } else {
            format!("In {}", folder.display())
        };
        ui.add(Label::new(name).truncate());
        if ui.small_button("Look again").clicked() {
            state.looked += 1;
        }
    });
    let key = (folder.clone(), state.looked);
    let found = state.found.get(&key, ui.ctx(), move || find(&folder));
    match found {
        None => {}
        Some(found) if found.is_empty() => {
            ui.weak("No recording is being made there");
        }
        Some(found) => {
            for one in found.iter().take(MOST) {
                if row(ui, one) {
                    chosen = Some(one.partial.output.clone());
                }
            }
            if found.len() > MOST {
                ui.weak(format!("and {} more", found.len() - MOST));
            }
        }
    }
    if let Some(path) = chosen {
        state.attach(&path, &ui.ctx().clone());
    }
}

/// One recording; true when it is to be followed.
fn row(ui: &mut Ui, found: &Found) -> bool {
    let output = &found.partial.output;
    let name = output.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut follow = false;
    ui.horizontal_wrapped(|ui| {
        if found.at_work {
            let button = ui.small_button("Follow");
            button
                .widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Follow {name}")));
            follow = button.clicked();
        } else {
            let folder = found.partial.folder.clone().into_os_string();
            let words = ["recover".into(), folder, "-o".into(), output.clone().into_os_string()];
            let line = Call::new(words).line();
            let button = ui.small_button("Copy command").on_hover_text(&line);
            button.widget_info(|| {
                WidgetInfo::labeled(
                    Role::Button,
                    true,
                    format!("Copy the command that completes {name}"),
                )
            });
            if button.clicked() {
                ui.ctx().copy_text(line);
            }
        }
        ui.label(name.as_str());
        let state = if found.at_work { "being recorded" } else { "interrupted, can be completed" };
        ui.weak(format!("{state}, {}", units::bytes(found.bytes as f64)));
        ui.add(Label::new(RichText::new(output.display().to_string()).weak()).truncate());
    });
    follow
}
