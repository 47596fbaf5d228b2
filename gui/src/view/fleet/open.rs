//! Opening a folder of documents, one document, or examining this node.

use std::path::PathBuf;

use egui::{Button, Context, Label, RichText, Role, Spinner, TextEdit, Ui, WidgetInfo};

use super::State;
use super::loaded::Loaded;
use crate::child::{Call, Child, Outcome};
use crate::fleet_files::{self, Opened};
use crate::model::fleet::document::Fleet;
use crate::model::fleet::node::{Health, fleet_of_one};

/// Exit codes of `perfagent health` that come with a document: critical, and unknown.
const ANSWERS: [i32; 2] = [1, 3];

/// What was found at a path: handed over once.
pub(super) type Looked = std::sync::Mutex<Option<Result<Found, String>>>;

/// What is to be done with it.
pub(super) enum Found {
    Ready(Box<Loaded>),
    Gather,
}

impl State {
    /// Opens a folder of documents of nodes, or one file.
    pub fn open(&mut self, path: PathBuf) {
        self.path = path.display().to_string();
        self.failure = None;
        self.running = None;
        self.opened += 1;
        self.opening = Some((path, self.opened));
    }

    /// Examines this node, changing nothing on it.
    pub fn examine(&mut self, ctx: &Context) {
        self.failure = None;
        self.opening = None;
        let call = Call::new(["health", "--json"]).by(self.program.clone());
        self.running = Some(Child::start(call, ctx, |ended| {
            let health: Health = ended.document(&ANSWERS)?;
            Ok(Box::new(Loaded::of(fleet_of_one(&health), vec![health])))
        }));
    }

    fn gather(&mut self, path: PathBuf, ctx: &Context) {
        let words: [std::ffi::OsString; 4] =
            ["health".into(), "gather".into(), path.clone().into(), "--json".into()];
        let call = Call::new(words).by(self.program.clone());
        self.running = Some(Child::start(call, ctx, move |ended| {
            let fleet: Fleet = ended.document(&ANSWERS)?;
            Ok(Box::new(Loaded::of(fleet, fleet_files::all(&path))))
        }));
    }
}

/// Takes in what has come.
pub(super) fn poll(ctx: &Context, state: &mut State) {
    if let Some(key) = state.opening.clone() {
        let path = key.0.clone();
        let looked = state.files.get(&key, ctx, move || Looked::new(Some(look(&path))));
        let found = looked.and_then(|looked| {
            looked.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
        });
        if !state.files.stale() {
            state.opening = None;
            match found {
                Some(Ok(Found::Ready(loaded))) => state.take(loaded),
                Some(Ok(Found::Gather)) => state.gather(key.0, ctx),
                Some(Err(message)) => state.failure = Some(message),
                None => {
                    state.failure = Some(format!(
                        "{}: cannot be taken in; try `perfagent health gather` in a shell",
                        key.0.display()
                    ));
                }
            }
        }
    }
    match state.running.as_ref().map(Child::poll) {
        None | Some(Outcome::Running) => return,
        Some(Outcome::Done(loaded)) => state.take(loaded),
        Some(Outcome::Failed(message)) => state.failure = Some(message),
    }
    state.running = None;
}

fn look(path: &std::path::Path) -> Result<Found, String> {
    Ok(match fleet_files::open(path)? {
        Opened::Node(health) => {
            Found::Ready(Box::new(Loaded::of(fleet_of_one(&health), vec![*health])))
        }
        Opened::Fleet(fleet) => {
            // The documents that it was made of, where they are beside it still.
            let folder = path.parent().unwrap_or(path);
            Found::Ready(Box::new(Loaded::of(*fleet, fleet_files::all(folder))))
        }
        Opened::Many => Found::Gather,
    })
}

/// A folder or file that is dropped onto this view is a fleet, not a recording.
pub(super) fn take_dropped(ui: &Ui, state: &mut State) {
    let area = ui.max_rect();
    if !ui.ctx().pointer_latest_pos().is_some_and(|at| area.contains(at)) {
        return;
    }
    let dropped: Option<PathBuf> = ui.input_mut(|input| {
        std::mem::take(&mut input.raw.dropped_files).first().map(|file| file.path().to_owned())
    });
    if let Some(path) = dropped {
        state.open(path);
    }
}

pub(super) fn show(ui: &mut Ui, state: &mut State) {
    ui.horizontal_wrapped(|ui| {
        let width = (ui.available_width() - 250.0).clamp(160.0, 520.0);
        let field = TextEdit::singleline(&mut state.path)
            .hint_text("Folder with the nodes' documents, or one document")
            .desired_width(width);
        let response = ui.add(field);
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Folder of the fleet"));
        let entered =
            response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let ready = !state.path.trim().is_empty() && !state.is_busy();
        if ui.add_enabled(ready, Button::new("Open fleet")).clicked() || (entered && ready) {
            state.open(PathBuf::from(state.path.trim()));
        }
        let examine =
            ui.add_enabled(!state.is_busy(), Button::new("Examine this node")).on_hover_text(
                "Runs perfagent health on this machine; it reads only and changes nothing",
            );
        if examine.clicked() {
            state.examine(&ui.ctx().clone());
        }
    });
    if !state.is_busy() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.add(Spinner::new().size(16.0));
        let cancelled = state.running.as_ref().is_some_and(Child::is_cancelled);
        ui.label(if cancelled { "Cancelling" } else { "Reading and judging" });
        if ui.add_enabled(!cancelled, Button::new("Cancel")).clicked() {
            state.opening = None;
            if let Some(child) = &state.running {
                child.cancel();
            }
        }
        if let Some(message) = state.running.as_ref().and_then(Child::last_message) {
            ui.add(Label::new(RichText::new(message).weak()).wrap());
        }
    });
}
