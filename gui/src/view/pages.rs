//! What the window shows while no document is open: where to get one, how far loading is, or what
//! went wrong.

use std::path::PathBuf;

use egui::{Label, ProgressBar, RichText, Role, TextEdit, Ui, WidgetInfo};

use crate::budget::Budget;
use crate::command::Command;
use crate::job::{Doing, Job};
use crate::model::alignment::Alignment;
use crate::palette::Palette;
use crate::pane::Pane;
use crate::recent::Recent;
use crate::units;

/// What the user asks the window for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Open these files together.
    Open(Vec<PathBuf>),
    /// Move the ranks of what is open.
    Align(Alignment),
    /// Open this part of what is open.
    Part(usize),
    /// Recordings may take so much memory.
    Memory(Budget),
    /// Give up loading.
    Cancel,
    /// Do this.
    Run(Command),
    /// Bring this view to the front.
    Show(Pane),
    /// Open or close this view.
    Toggle(Pane),
    /// The arrangement that the window came with.
    Reset,
    /// Forget what was opened before.
    ForgetRecent,
}

/// Nothing is open: asks for a file.
pub(crate) fn welcome(ui: &mut Ui, path: &mut String, recent: &Recent) -> Option<Asked> {
    page(ui, |ui| {
        ui.heading("No recording is open");
        ui.label("Drop recordings or traces here (.perfdb, PyTorch, Nsight Systems, XLA), or write where one is");
        let asked = ask(ui, path);
        let other = others(ui);
        let earlier = earlier(ui, recent);
        asked.or(other).or(earlier)
    })
}

/// What can be done without a recording.
fn others(ui: &mut Ui) -> Option<Asked> {
    ui.add_space(10.0);
    let mut asked = None;
    ui.horizontal_wrapped(|ui| {
        for (pane, text) in [
            (Pane::Live, "Record a program…"),
            (Pane::Compare, "Compare runs…"),
            (Pane::Fleet, "Look at a fleet…"),
        ] {
            if ui.button(text).on_hover_text(pane.question()).clicked() {
                asked = Some(Asked::Show(pane));
            }
        }
    });
    asked
}

/// What was open before.
fn earlier(ui: &mut Ui, recent: &Recent) -> Option<Asked> {
    if recent.is_empty() {
        return None;
    }
    let mut asked = None;
    ui.add_space(10.0);
    ui.strong("Recent");
    for entry in recent.entries() {
        let link = ui.add(egui::Link::new(names(entry)));
        let paths: Vec<_> = entry.iter().map(|path| path.display().to_string()).collect();
        if link.on_hover_text(paths.join("\n")).clicked() {
            asked = Some(Asked::Open(entry.to_vec()));
        }
    }
    asked
}

/// Files by their names alone.
pub(crate) fn names(paths: &[PathBuf]) -> String {
    let name = |path: &PathBuf| {
        path.file_name()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
    };
    match paths {
        [] => String::new(),
        [one] => name(one),
        [first, more @ ..] => format!("{} and {} more", name(first), more.len()),
    }
}

/// Loading is under way.
pub(crate) fn loading(ui: &mut Ui, job: &Job) -> Option<Asked> {
    page(ui, |ui| {
        ui.heading("Loading");
        if let Some(path) = job.path() {
            ui.add(Label::new(path.display().to_string()).truncate());
        }
        for fact in job.facts() {
            ui.add(Label::new(&fact).truncate()).on_hover_text(fact);
        }
        let stage = job.stage();
        let bar = ProgressBar::new(job.share()).desired_width(420.0);
        if stage.total > 0 {
            let rows =
                || format!("{} of {} rows", units::count(stage.rows), units::count(stage.total));
            let text = match stage.doing {
                Doing::Counting => format!("Counted {}: too many for memory", rows()),
                Doing::Reading => rows(),
                Doing::Ordering => "Putting events in order".to_owned(),
            };
            ui.add(bar.text(text));
        } else {
            ui.label("Reading a trace of another tool");
        }
        ui.button("Cancel").clicked().then_some(Asked::Cancel)
    })
}

/// Loading failed: one line says why, and another file may be opened.
pub(crate) fn failed(
    ui: &mut Ui,
    message: &str,
    path: &mut String,
    recent: &Recent,
) -> Option<Asked> {
    let palette = Palette::of(ui.ctx().theme());
    page(ui, |ui| {
        ui.heading("This file cannot be opened");
        ui.add(Label::new(RichText::new(message).color(palette.warning)).wrap());
        ui.add_space(8.0);
        ui.label("Drop another recording or trace here, or write where it is");
        let asked = ask(ui, path);
        asked.or(earlier(ui, recent))
    })
}

fn ask(ui: &mut Ui, path: &mut String) -> Option<Asked> {
    ui.horizontal(|ui| {
        let response =
            ui.add(TextEdit::singleline(path).desired_width(290.0).hint_text("run.perfdb"));
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Path of a recording"));
        let enter = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let open = ui.add_enabled(!path.trim().is_empty(), egui::Button::new("Open"));
        if ui.button("Browse…").clicked() {
            return Some(Asked::Run(Command::OpenFile));
        }
        let asked = (enter || open.clicked()) && !path.trim().is_empty();
        asked.then(|| Asked::Open(vec![PathBuf::from(path.trim())]))
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
