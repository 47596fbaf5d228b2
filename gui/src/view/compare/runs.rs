//! The runs of both sides: what is there, and how to add to them.

use std::path::{Path, PathBuf};

use egui::{Button, Label, Role, ScrollArea, TextEdit, Ui, WidgetInfo};

use super::State;
use crate::window::Window;

/// Height of the list of a side, points.
const HEIGHT: f32 = 74.0;

/// Files that are dropped onto this view are runs to compare, not files to open: those dropped on the left half
/// become base, on the right half new.
pub(super) fn take_dropped(ui: &Ui, state: &mut State) {
    let area = ui.max_rect();
    let pointer = ui.ctx().pointer_latest_pos();
    let here = pointer.is_some_and(|at| area.contains(at));
    if !here {
        return;
    }
    let dropped: Vec<PathBuf> = ui.input_mut(|input| {
        std::mem::take(&mut input.raw.dropped_files)
            .iter()
            .map(|file| file.path().to_owned())
            .collect()
    });
    let new = pointer.is_some_and(|at| at.x > area.center().x);
    for path in dropped {
        state.sides.add(new, path);
        state.runs_hidden = false;
    }
}

pub(super) fn show(ui: &mut Ui, state: &mut State, window: &mut Window) {
    if state.runs_hidden {
        ui.horizontal_wrapped(|ui| {
            if ui.button("Change the runs").clicked() {
                state.runs_hidden = false;
            }
            compare_button(ui, state);
            timeline_button(ui, state, window);
        });
        return;
    }
    ui.columns(2, |columns| {
        side(&mut columns[0], state, false);
        side(&mut columns[1], state, true);
    });
    ui.horizontal_wrapped(|ui| {
        let width = (ui.available_width() - 250.0).clamp(160.0, 460.0);
        let field = TextEdit::singleline(&mut state.path)
            .hint_text("Path of a recording, a trace or a folder")
            .desired_width(width);
        ui.add(field).widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Path of a run"));
        let path = state.path.trim().to_owned();
        for (new, label) in [(false, "Add to base"), (true, "Add to new")] {
            if ui.add_enabled(!path.is_empty(), Button::new(label)).clicked() {
                state.sides.add(new, PathBuf::from(&path));
                state.path.clear();
            }
        }
    });
    ui.horizontal_wrapped(|ui| {
        compare_button(ui, state);
        let open = window.open_files().to_vec();
        let take = Button::new("Take the open ones");
        let hint = "A single file goes to the side that has none; of several the first half becomes the base side";
        if ui.add_enabled(!open.is_empty(), take).on_hover_text(hint).clicked() {
            state.sides.take(&open);
        }
        let some = state.sides != crate::model::compare::sides::Sides::default();
        if ui.add_enabled(some, Button::new("Swap")).on_hover_text("Base becomes new").clicked() {
            state.sides.swap();
        }
        if ui.add_enabled(some, Button::new("Clear")).clicked() {
            state.sides = crate::model::compare::sides::Sides::default();
        }
        timeline_button(ui, state, window);
        if let Some(missing) = state.sides.missing() {
            ui.weak(format!("{missing}, by path, or drop files here"));
        }
    });
}

fn compare_button(ui: &mut Ui, state: &mut State) {
    let ready = state.sides.missing().is_none() && state.running.is_none();
    if ui.add_enabled(ready, Button::new("Compare the runs")).clicked() {
        let ctx = ui.ctx().clone();
        state.start(&ctx, false);
    }
}

fn timeline_button(ui: &mut Ui, state: &State, window: &mut Window) {
    let ready = state.sides.missing().is_none();
    let button = Button::new("Show both in the timeline");
    let hint = "Opens the first run of each side, one above the other";
    if ui.add_enabled(ready, button).on_hover_text(hint).clicked() {
        let first = |side: &[PathBuf]| side.first().cloned();
        let paths = [first(&state.sides.base), first(&state.sides.new)];
        window.open(paths.into_iter().flatten().collect());
        window.show(crate::pane::Pane::Timeline);
    }
}

fn side(ui: &mut Ui, state: &mut State, new: bool) {
    let name = if new { "New" } else { "Base" };
    let paths = if new { &mut state.sides.new } else { &mut state.sides.base };
    ui.horizontal(|ui| {
        ui.strong(name);
        ui.weak(crate::units::counted(paths.len() as u64, "run"));
    });
    egui::Frame::group(ui.style()).inner_margin(4.0).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let list =
            ScrollArea::vertical().id_salt(name).max_height(HEIGHT).auto_shrink([false, true]);
        let mut removed = None;
        list.show(ui, |ui| {
            if paths.is_empty() {
                ui.weak(if new { "The runs to judge" } else { "The runs to compare with" });
            }
            for (at, path) in paths.iter().enumerate() {
                ui.horizontal(|ui| {
                    let button = ui.small_button("×").on_hover_text("Remove");
                    let shown = short(path);
                    button.widget_info(|| {
                        WidgetInfo::labeled(
                            Role::Button,
                            true,
                            format!("Remove {shown} from {name}"),
                        )
                    });
                    if button.clicked() {
                        removed = Some(at);
                    }
                    ui.add(Label::new(&shown).truncate()).on_hover_text(path.display().to_string());
                });
            }
        });
        if let Some(at) = removed {
            paths.remove(at);
        }
    });
}

/// The last two parts of a path.
fn short(path: &Path) -> String {
    let parts: Vec<_> = path.components().rev().take(2).collect();
    let parts: PathBuf = parts.into_iter().rev().collect();
    parts.display().to_string()
}
