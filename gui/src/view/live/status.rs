//! The recording that is being looked at, and the words of the recorder.

use egui::{Frame, Label, RichText, ScrollArea, Ui};

use super::State;
use crate::pane::Pane;
use crate::units;
use crate::window::Window;

/// Lines of the recorder that are shown.
const LINES: usize = 200;
/// Height of the log, points.
const HEIGHT: f32 = 110.0;

pub(super) fn show(ui: &mut Ui, state: &mut State, window: &mut Window) {
    if let Some(watch) = &state.watch {
        let progress = watch.progress();
        let output = watch.partial().output.display().to_string();
        ui.add_space(4.0);
        ui.horizontal_wrapped(|ui| {
            let name = watch.partial().output.file_name().unwrap_or_default().to_string_lossy();
            ui.strong(format!("Following {name}")).on_hover_text(output);
            if progress.bytes > 0 {
                ui.label(units::bytes(progress.bytes as f64));
            }
            if progress.loads > 0 {
                let took = i64::try_from(progress.took.as_nanos()).unwrap_or(i64::MAX);
                ui.weak(format!(
                    "looked at {}, the last time it took {}",
                    units::counted(progress.loads, "time"),
                    units::duration(took)
                ));
            } else {
                ui.weak("waiting for its first events");
            }
        });
        if let Some(trouble) = &progress.trouble {
            ui.add(Label::new(RichText::new(format!("Not readable yet: {trouble}")).weak()).wrap());
        }
        let mut stop = false;
        ui.horizontal_wrapped(|ui| {
            ui.checkbox(&mut state.follow, "Keep the newest time in sight");
            if ui.button("Show in the timeline").clicked() {
                state.wanted = true;
                window.show(Pane::Timeline);
            }
            stop = ui.button("Stop following").on_hover_text("The recorder goes on").clicked();
        });
        if stop {
            state.watch = None;
            state.wanted = false;
        }
    }
    log(ui, state);
}

fn log(ui: &mut Ui, state: &State) {
    let mut lines = Vec::new();
    match &state.recorder {
        Some(recorder) => recorder.messages(LINES, |line| lines.push(line.to_owned())),
        None => lines.extend(state.log.iter().rev().take(LINES).rev().cloned()),
    }
    if lines.is_empty() {
        return;
    }
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.strong("What the recorder says");
        if ui.small_button("Copy lines").clicked() {
            ui.ctx().copy_text(lines.join("\n"));
        }
    });
    Frame::group(ui.style()).inner_margin(4.0).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ScrollArea::vertical()
            .id_salt("log")
            .max_height(HEIGHT)
            .auto_shrink([false, true])
            .stick_to_bottom(true)
            .show(ui, |ui| {
                for line in &lines {
                    ui.add(Label::new(RichText::new(line).monospace()).wrap());
                }
            });
    });
}
