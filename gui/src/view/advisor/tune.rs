//! Trying it: the command line of `perfagent tune`, to be edited, copied and started.

use std::path::{Path, PathBuf};

use egui::{DragValue, Grid, Role, TextEdit, Ui, WidgetInfo};

use super::state::Tab;
use super::trials;
use crate::child::{Call, Child, Ended, Outcome};
use crate::model::advisor::{Known, Tuning};
use crate::palette::Palette;
use crate::session::Session;
use crate::view::notice;

/// Lines of progress that are shown.
const LINES: usize = 8;

/// What the view remembers.
#[derive(Default)]
pub(super) struct State {
    tuning: Option<Tuning>,
    child: Option<Child<Ended>>,
    /// Where the running search keeps its trials.
    folder: PathBuf,
    /// Messages that the trials were read after.
    seen: u64,
    /// How the last search ended.
    ended: Option<Result<String, String>>,
    /// The program in place of `perfagent`.
    pub(super) program: Option<PathBuf>,
}

impl State {
    pub(super) fn keep_in(&mut self, folder: &Path) {
        if let Some(tuning) = &mut self.tuning {
            tuning.folder = folder.display().to_string();
        }
    }

    fn start(&mut self, arguments: Vec<String>, folder: PathBuf, ctx: &egui::Context) {
        let call = Call::new(arguments).by(self.program.clone());
        self.child = Some(Child::start(call, ctx, Ok));
        (self.folder, self.seen, self.ended) = (folder, 0, None);
    }

    /// Takes what has come of a running search, and has its trials read anew when there is something new.
    pub(super) fn poll(&mut self, trials: &mut trials::State) {
        let Some(child) = &self.child else { return };
        let count = child.message_count();
        if count != self.seen {
            self.seen = count;
            trials.open(self.folder.clone());
        }
        let ended = match child.poll() {
            Outcome::Running => return,
            Outcome::Failed(why) => Err(why),
            Outcome::Done(ended) if ended.code == 0 => Ok("The search is over".to_owned()),
            Outcome::Done(ended) if ended.cancelled => {
                Ok("Stopped; started again it goes on from there".to_owned())
            }
            Outcome::Done(ended) => Err(ended.explanation()),
        };
        (self.child, self.ended) = (None, Some(ended));
        trials.open(self.folder.clone());
    }
}

/// Shows the fields, the line and what came of it.
pub(super) fn show(ui: &mut Ui, session: &mut Session) {
    let state = &mut session.advisor;
    let command = state.basis.value().and_then(|basis| basis.commands.first().cloned());
    let (job, cluster) = match (state.job(), &state.known) {
        (Some(job), Some(Known { job: base, .. })) => (job, base.cluster.clone()),
        _ => Default::default(),
    };
    let tuning = state
        .tune
        .tuning
        .get_or_insert_with(|| Tuning::of(command.as_deref().unwrap_or_default(), &job));
    ui.label("perfagent tune runs the program with other values, records each trial and learns from it which to try next");
    let line = tuning.line(&job.run, &cluster);
    let mut start = false;
    ui.horizontal_wrapped(|ui| {
        let ready = state.tune.child.is_none() && line.is_ok();
        start = ui.add_enabled(ready, egui::Button::new("Run it")).clicked();
        let copy = ui.add_enabled(line.is_ok(), egui::Button::new("Copy command line"));
        if let (Ok(line), true) = (&line, copy.clicked()) {
            ui.ctx().copy_text(line.clone());
            notice::say(ui.ctx(), "Command line copied");
        }
    });
    match line {
        Ok(line) => {
            let mut text = line.as_str();
            let field = TextEdit::multiline(&mut text).code_editor().desired_rows(2);
            let response = ui.add(field.desired_width(f32::INFINITY));
            response.widget_info(|| {
                WidgetInfo::labeled(Role::MultilineTextInput, true, "Command line of tune")
            });
        }
        Err(why) => {
            ui.colored_label(Palette::of(ui.ctx().theme()).warning, why);
        }
    }
    if start && let Ok(arguments) = tuning.arguments(&job.run, &cluster) {
        let folder = tuning.folder_of_trials();
        state.tune.start(arguments, folder, ui.ctx());
    }
    progress(ui, &mut state.tune, &mut state.tab);
    if let Some(tuning) = &mut state.tune.tuning {
        fields(ui, tuning, &job.run, &cluster);
    }
}

/// What the search says, and how it ended.
fn progress(ui: &mut Ui, state: &mut State, tab: &mut Option<Tab>) {
    let mut look = false;
    if let Some(child) = &state.child {
        ui.horizontal_wrapped(|ui| {
            ui.strong(if child.is_cancelled() { "Stopping" } else { "Running" });
            let going = !child.is_cancelled();
            if ui.add_enabled(going, egui::Button::new("Stop the search")).clicked() {
                child.cancel();
            }
            look = ui.button("Show the trials").clicked();
        });
        child.messages(LINES, |line| {
            ui.label(line);
        });
    }
    match &state.ended {
        Some(Ok(said)) => {
            ui.strong(said);
            look = ui.button("Show the trials").clicked();
        }
        Some(Err(why)) => {
            let colour = Palette::of(ui.ctx().theme()).warning;
            ui.colored_label(colour, format!("The search failed: {why}"));
        }
        None => {}
    }
    if look {
        *tab = Some(Tab::Trials);
    }
}

fn fields(
    ui: &mut Ui,
    tuning: &mut Tuning,
    run: &perfagent_predictor::Run,
    cluster: &perfagent_predictor::Cluster,
) {
    ui.label("Program, with {micro_batch} and the like where values belong");
    let field = TextEdit::multiline(&mut tuning.command).desired_rows(2).code_editor();
    let response = ui
        .add(field.desired_width(f32::INFINITY).hint_text("python train.py --batch {micro_batch}"));
    response.widget_info(|| WidgetInfo::labeled(Role::MultilineTextInput, true, "Program to tune"));
    let placeholders = tuning.placeholders().unwrap_or_default();
    Grid::new("tuning").num_columns(2).spacing([8.0, 4.0]).show(ui, |ui| {
        for name in placeholders {
            if name == "accumulate" && run.global_batch.is_some() {
                ui.label("{accumulate}");
                ui.weak(format!(
                    "Follows from the global batch of {}",
                    run.global_batch.unwrap_or(0)
                ));
                ui.end_row();
                continue;
            }
            ui.label(format!("{{{name}}}"));
            let mut values = tuning.values_of(&name, run, cluster);
            let response = ui.add(TextEdit::singleline(&mut values).desired_width(260.0));
            response.widget_info(|| {
                WidgetInfo::labeled(Role::TextInput, true, format!("Values of {name}"))
            });
            if response
                .on_hover_text("With commas between; the search begins at the first")
                .changed()
            {
                tuning.values.insert(name, values);
            }
            ui.end_row();
        }
        ui.label("Trials at most");
        ui.name_inputs("Trials at most", |ui| {
            ui.add(DragValue::new(&mut tuning.budget).range(1..=10_000))
        });
        ui.end_row();
        for (label, hint, text) in [
            (
                "Tokens a step",
                "Where the program prints no result: a product, as 64*2048",
                &mut tuning.tokens_per_step,
            ),
            (
                "Folder",
                "Where trials are kept, each with its recording and log",
                &mut tuning.folder,
            ),
        ] {
            ui.label(label);
            let response = ui.add(TextEdit::singleline(text).desired_width(260.0));
            response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, label));
            response.on_hover_text(hint);
            ui.end_row();
        }
    });
}
