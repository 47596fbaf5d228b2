//! Two sets of runs against each other: which runs, the verdict, and what it rests on.

mod answer;
mod environment;
mod forest;
mod kernels;
mod metrics;
mod parts;
mod runs;
mod verdict;

use std::path::PathBuf;

use egui::{Label, RichText, ScrollArea, Spinner, Ui};

use crate::child::{Call, Child, Outcome};
use crate::model::compare::document::{Comparison, Verdict};
use crate::model::compare::sides::Sides;
use crate::palette::Palette;
use crate::window::Window;
use answer::Answer;

/// Exit codes of `perfagent compare` that come with a document: a regression, nothing decided, environments that
/// must not be compared.
const ANSWERS: [i32; 3] = [1, 3, 4];

/// What is shown of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Page {
    #[default]
    Metrics,
    Parts,
    Kernels,
    Environment,
    Notes,
}

/// What the view remembers.
#[derive(Default)]
pub struct State {
    /// The two sets of runs.
    pub sides: Sides,
    /// The program that compares, in place of the `perfagent` that is found.
    pub program: Option<PathBuf>,
    path: String,
    running: Option<Child<Box<Answer>>>,
    answer: Option<Box<Answer>>,
    failure: Option<String>,
    page: Page,
    detail: usize,
    runs_hidden: bool,
}

impl State {
    /// Shows a comparison that is there already.
    pub fn set_answer(&mut self, comparison: Comparison) {
        self.take(Box::new(Answer::of(comparison)));
    }

    /// Compares the two sides; `force` also where their environments forbid it.
    pub fn start(&mut self, ctx: &egui::Context, force: bool) {
        let call = Call::new(self.sides.arguments(force)).by(self.program.clone());
        self.failure = None;
        self.running = Some(Child::start(call, ctx, |ended| {
            ended.document(&ANSWERS).map(|comparison| Box::new(Answer::of(comparison)))
        }));
    }

    /// True while a comparison is being made.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    fn take(&mut self, answer: Box<Answer>) {
        let refused = answer.comparison.verdict == Verdict::Incomparable;
        self.page = if refused { Page::Environment } else { Page::Metrics };
        self.answer = Some(answer);
        self.failure = None;
        self.detail = 0;
        // What is wrong with the runs is mended there.
        self.runs_hidden = !refused;
    }

    fn poll(&mut self) {
        match self.running.as_ref().map(Child::poll) {
            None | Some(Outcome::Running) => return,
            Some(Outcome::Done(answer)) => self.take(answer),
            Some(Outcome::Failed(message)) => {
                self.failure = Some(message);
                self.runs_hidden = false;
            }
        }
        self.running = None;
    }
}

/// Shows the view.
pub(crate) fn show(ui: &mut Ui, state: &mut State, window: &mut Window) {
    state.poll();
    runs::take_dropped(ui, state);
    runs::show(ui, state, window);
    ui.separator();
    if state.running.is_some() {
        progress(ui, state);
        return;
    }
    if let Some(message) = &state.failure {
        let palette = Palette::of(ui.ctx().theme());
        ui.strong("The runs cannot be compared");
        ui.add(Label::new(RichText::new(format!("! {message}")).color(palette.warning)).wrap());
        return;
    }
    let Some(mut answer) = state.answer.take() else {
        empty(ui);
        return;
    };
    let force = verdict::show(ui, &answer, state);
    if !answer.comparison.metrics.is_empty() || answer.comparison.environment.comparable {
        pages(ui, state, &answer);
    } else {
        state.page = Page::Environment;
    }
    ui.add_space(2.0);
    match state.page {
        Page::Metrics => metrics::show(ui, &mut answer),
        Page::Parts => parts::show(ui, &mut answer, &mut state.detail, window),
        Page::Kernels => kernels::show(ui, &mut answer, &mut state.detail, window),
        Page::Environment => environment::show(ui, &mut answer),
        Page::Notes => notes(ui, &answer),
    }
    state.answer = Some(answer);
    if force {
        state.start(ui.ctx(), true);
    }
}

fn pages(ui: &mut Ui, state: &mut State, answer: &Answer) {
    let differences = answer.comparison.environment.differences.len();
    let names = [
        (Page::Metrics, "Metrics".to_owned(), true),
        (Page::Parts, "What made the change".to_owned(), answer.has_parts()),
        (Page::Kernels, format!("Kernels ({})", answer.changed()), answer.has_kernels()),
        (Page::Environment, format!("Environment ({differences} differ)"), true),
        (Page::Notes, format!("Notes ({})", answer.notes.len()), !answer.notes.is_empty()),
    ];
    ui.horizontal_wrapped(|ui| {
        for (page, name, _) in names.into_iter().filter(|(.., there)| *there) {
            ui.selectable_value(&mut state.page, page, name);
        }
    });
}

fn progress(ui: &mut Ui, state: &State) {
    let Some(child) = &state.running else { return };
    ui.horizontal_wrapped(|ui| {
        ui.add(Spinner::new().size(16.0));
        let asked = child.is_cancelled();
        ui.label(if asked { "Cancelling" } else { "Reading and comparing the runs" });
        if ui.add_enabled(!asked, egui::Button::new("Cancel")).clicked() {
            child.cancel();
        }
    });
    if let Some(message) = child.last_message() {
        ui.add(Label::new(RichText::new(message).weak()).wrap());
    }
}

fn empty(ui: &mut Ui) {
    ui.add_space(6.0);
    ui.strong("Nothing is compared yet");
    ui.add(
        Label::new(
            "Add the runs of a base side and those of a new side, several of each where you can: only differences \
             between runs of one side tell what chance does. A run is a recording, a trace of another tool, or a \
             folder with the recordings of all nodes of one run",
        )
        .wrap(),
    );
}

fn notes(ui: &mut Ui, answer: &Answer) {
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        for note in &answer.notes {
            ui.horizontal_top(|ui| {
                ui.weak("·");
                ui.add(Label::new(note).wrap());
            });
        }
    });
}

/// The colour of a verdict; always beside its sign and word.
fn colour(palette: &Palette, verdict: Verdict) -> egui::Color32 {
    match verdict {
        Verdict::Regression | Verdict::Incomparable => palette.curves[1],
        Verdict::Improvement => palette.curves[2],
        Verdict::Equivalent => palette.curves[0],
        Verdict::Inconclusive => palette.curves[7],
    }
}

/// Chooses the case of a suite where there are several.
fn choose_case(ui: &mut Ui, answer: &Answer, chosen: &mut usize) {
    if answer.details.len() < 2 {
        return;
    }
    *chosen = (*chosen).min(answer.details.len() - 1);
    let name = |at: usize| answer.details[at].case.as_str();
    ui.horizontal(|ui| {
        let label = ui.label("Case");
        egui::ComboBox::from_id_salt("case")
            .selected_text(name(*chosen))
            .show_ui(ui, |ui| {
                for at in 0..answer.details.len() {
                    ui.selectable_value(chosen, at, name(at));
                }
            })
            .response
            .labelled_by(label.id);
    });
}
