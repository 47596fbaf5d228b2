//! Starting and stopping `perfagent record`.

use std::time::Duration;

use egui::{Button, Checkbox, Grid, Label, RichText, Role, TextEdit, Ui, WidgetInfo};
use serde::Deserialize;

use super::State;
use crate::child::{Call, Child, Ended, Outcome};
use crate::model::live::form::Form;
use crate::model::live::partial::Partial;
use crate::palette::Palette;
use crate::units;
use crate::watch::Watch;

/// How long a recorder may take to write its recording after it was asked to end: ending it by force loses the end
/// of the recording, and leaves the program to itself.
const GRACE: Duration = Duration::from_hours(1);

/// The answer of `perfagent record --json`, and what it said.
pub(super) struct Recorded {
    told: Result<Document, String>,
    messages: Vec<String>,
}

#[derive(Deserialize)]
struct Document {
    exit_code: u8,
    duration_ns: i64,
    path: String,
}

impl Recorded {
    fn of(ended: Ended) -> Self {
        // The exit code is that of the program that was recorded; whether it was recorded is told by the answer.
        let told = serde_json::from_str(&ended.answer).map_err(|_| ended.explanation());
        Self { told, messages: ended.messages }
    }
}

impl State {
    /// Starts recording what the form says.
    pub fn start(&mut self, ctx: &egui::Context) {
        let plan = match self.form.plan() {
            Ok(plan) => plan,
            Err(missing) => {
                self.outcome = Some(Err(missing.to_owned()));
                return;
            }
        };
        self.outcome = None;
        self.log.clear();
        let call = Call {
            arguments: plan.arguments,
            folder: plan.folder,
            grace: Some(GRACE),
            ..Call::default()
        };
        let mut child =
            Child::start(call.by(self.program.clone()), ctx, |ended| Ok(Recorded::of(ended)));
        child.leave(self.form.leave);
        self.recorder = Some(child);
        ctx.request_repaint();
        self.wanted = self.show;
        self.watch = self.show.then(|| Watch::start_new(Partial::of_output(&plan.output), ctx));
    }

    /// Asks the program that is recorded to end (SIGINT); its recording is then completed.
    pub fn stop(&self) {
        if let Some(recorder) = &self.recorder {
            recorder.cancel();
        }
    }

    pub(super) fn poll_recorder(&mut self) {
        let outcome = match self.recorder.as_ref().map(Child::poll) {
            None | Some(Outcome::Running) => return,
            Some(Outcome::Done(recorded)) => {
                self.log = recorded.messages;
                recorded.told
            }
            Some(Outcome::Failed(message)) => Err(message),
        };
        self.recorder = None;
        self.looked += 1;
        match outcome {
            Ok(document) => {
                if let Some(watch) = &self.watch {
                    watch.complete();
                }
                self.outcome = Some(Ok(format!(
                    "{} is complete: {} recorded, the program ended with code {}",
                    document.path,
                    units::duration(document.duration_ns),
                    document.exit_code
                )));
            }
            Err(message) => {
                self.watch = None;
                self.wanted = false;
                self.outcome = Some(Err(message));
            }
        }
    }
}

pub(super) fn show(ui: &mut Ui, state: &mut State) {
    ui.strong("Record a program");
    let running = state.is_recording();
    let width = (ui.available_width() - 150.0).clamp(160.0, 720.0);
    ui.add_enabled_ui(!running, |ui| {
        Grid::new("what to record").num_columns(2).spacing([10.0, 6.0]).show(ui, |ui| {
            let Form { command, folder, output, capture_range, .. } = &mut state.form;
            for (name, said, hint, value) in [
                ("Command", "Command to record", "python train.py", command),
                ("Folder", "Folder to run in", "Where the window was started", folder),
                ("Recording", "Name of the recording", "run.perfdb", output),
                (
                    "Capture range",
                    "Range to capture",
                    "Everything; or the name of an NVTX range",
                    capture_range,
                ),
            ] {
                ui.label(name);
                let field = TextEdit::singleline(value).hint_text(hint).desired_width(width);
                ui.add(field).widget_info(|| WidgetInfo::labeled(Role::TextInput, true, said));
                ui.end_row();
            }
        });
        ui.horizontal_wrapped(|ui| {
            let form = &mut state.form;
            for (value, name, hint) in [
                (
                    &mut form.api,
                    "CUDA API calls",
                    "Which call launched what; costs launch-bound programs most",
                ),
                (&mut form.replace, "Replace an earlier recording", "Of the same name"),
                (
                    &mut form.leave,
                    "Go on without this window",
                    "The program goes on when the window is closed; otherwise it is ended",
                ),
                (&mut state.show, "Show it while it is recorded", "In place of what is open"),
            ] {
                ui.add(Checkbox::new(value, name)).on_hover_text(hint);
            }
        });
    });
    buttons(ui, state, running);
}

fn buttons(ui: &mut Ui, state: &mut State, running: bool) {
    let plan = state.form.plan();
    ui.horizontal_wrapped(|ui| {
        if running {
            let asked = state.recorder.as_ref().is_some_and(Child::is_cancelled);
            let hint = "Asks the program to end as Ctrl+C does, and completes the recording";
            let stop = ui.add_enabled(!asked, Button::new("Stop recording")).on_hover_text(hint);
            if stop.clicked() {
                state.stop();
            }
            if asked {
                ui.weak("Waiting for the program to end");
            }
        } else if ui.add_enabled(plan.is_ok(), Button::new("Start recording")).clicked() {
            let ctx = ui.ctx().clone();
            state.start(&ctx);
        }
        match &plan {
            Ok(plan) if !running => {
                let line = Call::new(plan.arguments.clone()).line();
                if ui.button("Copy command").on_hover_text(&line).clicked() {
                    ui.ctx().copy_text(line);
                }
            }
            Err(missing) if !running => {
                ui.add(Label::new(RichText::new(*missing).weak()).wrap());
            }
            _ => {}
        }
    });
    if let Some(outcome) = &state.outcome {
        let palette = Palette::of(ui.ctx().theme());
        match outcome {
            Ok(told) => ui.add(Label::new(told).wrap()),
            Err(told) => {
                ui.add(Label::new(RichText::new(format!("! {told}")).color(palette.warning)).wrap())
            }
        };
    }
}
