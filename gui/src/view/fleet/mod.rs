//! The health of many nodes: which are sick or slow, why, and what to do.

mod distribution;
mod loaded;
mod map;
mod node;
mod open;
mod tables;

use std::path::PathBuf;

use egui::{Label, RichText, Ui};

use crate::child::Child;
use crate::computed::Computed;
use crate::model::fleet::document::{Fleet, Status};
use crate::model::fleet::grid::Choice;
use crate::model::fleet::node::Health;
use crate::palette::Palette;
use crate::window::Window;
use loaded::Loaded;

/// What is shown of a fleet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Page {
    #[default]
    Nodes,
    Findings,
    Metrics,
    Pairs,
    Plan,
    Problems,
}

/// What the view remembers.
#[derive(Default)]
pub struct State {
    /// What is in the field for the folder or file.
    pub path: String,
    /// The program that examines and judges, in place of the `perfagent` that is found.
    pub program: Option<PathBuf>,
    /// Which nodes are shown.
    pub choice: Choice,
    /// The node that is looked at, by its position in the document.
    pub selected: Option<usize>,
    /// The metric whose values are drawn.
    pub metric: Option<String>,
    gpu: Option<usize>,
    opening: Option<(PathBuf, u64)>,
    opened: u64,
    files: Computed<(PathBuf, u64), open::Looked>,
    running: Option<Child<Box<Loaded>>>,
    loaded: Option<Box<Loaded>>,
    failure: Option<String>,
    page: Page,
    chosen: Option<(Choice, Vec<usize>)>,
}

impl State {
    /// Shows a fleet that was judged already, with the documents of its nodes as far as there are any.
    pub fn set_fleet(&mut self, fleet: Fleet, documents: Vec<Health>) {
        self.take(Box::new(Loaded::of(fleet, documents)));
    }

    fn take(&mut self, loaded: Box<Loaded>) {
        self.failure = None;
        self.selected = (!loaded.fleet.nodes.is_empty()).then_some(0);
        self.metric = None;
        self.gpu = None;
        self.chosen = None;
        self.page = Page::Nodes;
        self.loaded = Some(loaded);
    }

    /// True while something is read, examined or judged.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.opening.is_some() || self.running.is_some()
    }
}

/// Shows the view.
pub(crate) fn show(ui: &mut Ui, state: &mut State, _window: &mut Window) {
    open::poll(ui.ctx(), state);
    open::take_dropped(ui, state);
    open::show(ui, state);
    ui.separator();
    if let Some(message) = &state.failure {
        let palette = Palette::of(ui.ctx().theme());
        ui.strong("The health of these nodes cannot be shown");
        ui.add(Label::new(RichText::new(format!("! {message}")).color(palette.warning)).wrap());
        return;
    }
    let Some(mut loaded) = state.loaded.take() else {
        if !state.is_busy() {
            empty(ui);
        }
        return;
    };
    headline(ui, &loaded);
    pages(ui, state, &loaded);
    match state.page {
        Page::Nodes => nodes(ui, state, &mut loaded),
        Page::Findings => tables::findings(ui, state, &mut loaded),
        Page::Metrics => tables::metrics(ui, state, &mut loaded),
        Page::Pairs => tables::pairs(ui, state, &mut loaded),
        Page::Plan => tables::plan(ui, state, &mut loaded),
        Page::Problems => tables::problems(ui, &mut loaded),
    }
    state.loaded = Some(loaded);
}

fn empty(ui: &mut Ui) {
    ui.add_space(6.0);
    ui.strong("No fleet is open");
    ui.add(
        Label::new(
            "Collect the document of every node in one folder (on each node: perfagent health --json > NODE.json, \
             with --active for the speed of its GPUs), and open that folder. One document alone opens too",
        )
        .wrap(),
    );
}

/// How the fleet is, in one line.
fn headline(ui: &mut Ui, loaded: &Loaded) {
    let palette = Palette::of(ui.ctx().theme());
    ui.horizontal_wrapped(|ui| {
        badge(ui, palette, loaded.fleet.verdict, 16.0);
        ui.label(RichText::new(&loaded.headline).size(14.0));
        if !loaded.fleet.time.is_empty() {
            ui.weak(format!("judged {}", loaded.fleet.time));
        }
    });
    for kind in &loaded.kinds {
        ui.add(Label::new(RichText::new(kind).weak()).wrap());
    }
}

/// A state as sign and word on its colour.
fn badge(ui: &mut Ui, palette: &Palette, status: Status, size: f32) {
    let back = colour(palette, status);
    let text = RichText::new(format!(" {} {} ", status.sign(), status.word()))
        .size(size)
        .strong()
        .color(Palette::text_on(back))
        .background_color(back);
    ui.label(text);
}

/// The colour of a state; always beside its sign.
fn colour(palette: &Palette, status: Status) -> egui::Color32 {
    match status {
        Status::Critical => palette.curves[1],
        Status::Unknown => palette.curves[7],
        Status::Warning => palette.curves[4],
        Status::Ok => palette.curves[2],
    }
}

fn pages(ui: &mut Ui, state: &mut State, loaded: &Loaded) {
    let fleet = &loaded.fleet;
    let slow: usize = fleet.pairs.iter().map(|pairs| pairs.slow.len()).sum();
    let names = [
        (Page::Nodes, format!("Nodes ({})", fleet.nodes.len()), true),
        (Page::Findings, format!("Findings ({})", loaded.findings.rows.len()), true),
        (Page::Metrics, format!("Metrics ({})", fleet.metrics.len()), !fleet.metrics.is_empty()),
        (Page::Pairs, format!("Slow pairs ({slow})"), !fleet.pairs.is_empty()),
        (
            Page::Plan,
            format!("Second pass ({})", fleet.plan.suspects.len()),
            !fleet.plan.suspects.is_empty(),
        ),
        (
            Page::Problems,
            format!("To be known ({})", loaded.notes.rows.len()),
            !loaded.notes.rows.is_empty(),
        ),
    ];
    ui.horizontal_wrapped(|ui| {
        for (page, name, _) in names.into_iter().filter(|(.., there)| *there) {
            ui.selectable_value(&mut state.page, page, name);
        }
    });
    ui.add_space(2.0);
}

/// The nodes on the left, the one that is looked at on the right; one below the other where it is narrow.
fn nodes(ui: &mut Ui, state: &mut State, loaded: &mut Loaded) {
    let room = ui.available_size();
    let wide = room.x >= 820.0;
    if wide {
        let width = (room.x * 0.44).clamp(380.0, 620.0);
        egui::Panel::right("node")
            .resizable(true)
            .default_size(width)
            .size_range(300.0..=900.0)
            .show(ui, |ui| node::show(ui, state, loaded));
    } else {
        let height = room.y * 0.5;
        egui::Panel::bottom("node")
            .resizable(true)
            .default_size(height)
            .size_range(120.0..=900.0)
            .show(ui, |ui| node::show(ui, state, loaded));
    }
    egui::CentralPanel::default()
        .frame(egui::Frame::new().inner_margin(egui::Margin { right: 6, ..egui::Margin::ZERO }))
        .show(ui, |ui| map::show(ui, state, loaded));
}
