//! The table of what ran: by name, category, launching operator or NVTX range, of all ranks or of each,
//! with the distribution of the durations of the chosen row.

mod cells;
mod controls;
mod durations;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, OnceLock};

use egui::{Panel, ScrollArea, Ui};

use self::cells::{FIRST_ORDER, HEADINGS, Table, WIDTH};
use crate::computed::Computed;
use crate::model::histogram::Histogram;
use crate::model::names::NameId;
use crate::model::operations::percentiles::{Percentiles, percentiles};
use crate::model::operations::rows::{Group, Row, Wanted, rows};
use crate::model::track::TrackKind;
use crate::model::whose::Process;
use crate::pane::Pane;
use crate::session::Session;
use crate::view::grid::{self, Grid};

/// With less room than this the durations stand below the table, points.
const BESIDE: f32 = 760.0;

/// What tells one row from another when the rows are others.
type Key = (String, TrackKind, String, Option<Process>);

/// What the view remembers.
#[derive(Default)]
pub struct State {
    /// Which rows are wanted.
    pub wanted: Wanted,
    /// Of all ranks, worked out once by the first rows that need them.
    percentiles: Arc<OnceLock<Percentiles>>,
    rows: Computed<Wanted, Arc<Vec<Row>>>,
    grid: grid::State,
    shown: u64,
    /// What ran at all, in order.
    kinds: Option<Vec<TrackKind>>,
    selected: Option<Key>,
    hide_durations: bool,
    durations: Computed<(Vec<NameId>, TrackKind, Option<Process>), Histogram>,
}

/// What a row leads to.
enum Act {
    /// Its events are marked, and the next one is selected.
    Mark(NameId),
    /// The same in front of the user.
    Show(NameId),
    /// The timeline, where its events are marked already.
    Front,
    /// The names of a category of a kind.
    Open(String, TrackKind),
}

impl State {
    /// The recording has grown: rows are made anew, as their names have other numbers, and what was chosen stays.
    pub(crate) fn outdate(&mut self) {
        let (rows, durations) = (Computed::default(), Computed::default());
        let (percentiles, kinds) = (Arc::default(), None);
        *self = Self { percentiles, rows, kinds, durations, ..std::mem::take(self) };
    }
}

/// Shows the view.
pub(crate) fn show(ui: &mut Ui, session: &mut Session) {
    let mut state = std::mem::take(&mut session.table);
    let act = content(ui, session, &mut state);
    if let Some(Act::Open(category, kind)) = &act {
        state.wanted.group = Group::Name;
        state.wanted.kind = Some(*kind);
        state.wanted.filter.clone_from(category);
    }
    session.table = state;
    match act {
        Some(Act::Mark(name)) => session.look_for(name),
        Some(Act::Show(name)) => {
            let name = session.document.names.text(name).to_owned();
            session.show_name(&name);
        }
        Some(Act::Front) => session.open(Pane::Timeline),
        Some(Act::Open(..)) | None => {}
    }
}

fn content(ui: &mut Ui, session: &Session, state: &mut State) -> Option<Act> {
    let document = &session.document;
    if state.kinds.is_none() {
        let kinds: std::collections::BTreeSet<TrackKind> =
            document.operations.iter().map(|row| row.kind).collect();
        // What took the time, not what is around it.
        let order = [TrackKind::Kernels, TrackKind::Operators, TrackKind::Ranges];
        let first = order.into_iter().find(|kind| kinds.contains(kind));
        state.wanted.kind = state.wanted.kind.or(first);
        state.kinds = Some(kinds.into_iter().collect());
        state.grid.order = state.grid.order.or(Some(FIRST_ORDER));
    }
    let (for_rows, wanted) = (Arc::clone(document), state.wanted.clone());
    let known = Arc::clone(&state.percentiles);
    let found = state.rows.get(&state.wanted, ui.ctx(), move || {
        let known = (wanted.group == Group::Name && !wanted.by_rank)
            .then(|| known.get_or_init(|| percentiles(&for_rows)));
        Arc::new(rows(&for_rows, &wanted, known))
    });
    let found = found.map_or_else(Arc::default, Arc::clone);
    let coming = state.rows.stale();
    controls::show(ui, session, state, &found);
    if found.is_empty() {
        empty(ui, state, coming);
        return None;
    }
    let version = version(&found);
    if state.shown != version {
        state.shown = version;
        state.grid.selected = state
            .selected
            .as_ref()
            .and_then(|selected| found.iter().position(|row| key(row) == *selected));
    }
    let mut act = None;
    let chosen = state.grid.selected.and_then(|row| found.get(row)).cloned();
    if let Some(row) = chosen.filter(|_| !state.hide_durations) {
        let panel = if ui.available_width() >= BESIDE {
            Panel::right("durations").default_size(330.0).size_range(220.0..=600.0)
        } else {
            Panel::bottom("durations").default_size(190.0).size_range(120.0..=400.0)
        };
        let durations = &mut state.durations;
        panel.resizable(true).show(ui, |ui| {
            act = durations::show(ui, document, durations, &row);
        });
    }
    ScrollArea::horizontal().auto_shrink(false).show(ui, |ui| {
        ui.set_min_width(WIDTH.max(ui.available_width()));
        let table = Table(&found);
        let touched =
            Grid::new("operations", &HEADINGS).version(version).show(ui, &mut state.grid, &table);
        let row = touched.double_clicked.or(touched.clicked).and_then(|at| found.get(at));
        if let Some(row) = row {
            state.selected = Some(key(row));
            let twice = touched.double_clicked.is_some();
            act = match (row.names.as_slice(), twice) {
                ([name], false) if state.wanted.group != Group::Category => Some(Act::Mark(*name)),
                ([_], true) if state.wanted.group != Group::Category => Some(Act::Front),
                (_, true) => Some(Act::Open(row.category.clone(), row.kind)),
                _ => None,
            };
        }
    });
    act
}

fn key(row: &Row) -> Key {
    (row.label.clone(), row.kind, row.category.clone(), row.process)
}

/// A number that changes with the rows: they are made anew whenever they are others.
fn version(rows: &Arc<Vec<Row>>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (Arc::as_ptr(rows) as usize, rows.len()).hash(&mut hasher);
    if let Some(row) = rows.first() {
        (&row.label, row.count, row.total_ns, row.percentiles_ns).hash(&mut hasher);
    }
    hasher.finish()
}

fn empty(ui: &mut Ui, state: &mut State, coming: bool) {
    ui.add_space(6.0);
    if coming {
        ui.weak("Rows are being put together");
    } else if state.wanted.filter.trim().is_empty() {
        let (what, remedy) = match state.wanted.group {
            Group::Operator => (
                "No operators are recorded",
                "Open a trace of PyTorch's profiler, or record under torch.autograd.profiler.emit_nvtx()",
            ),
            Group::Range => (
                "No NVTX ranges are recorded",
                "Mark parts of the program with torch.cuda.nvtx.range() or another NVTX binding",
            ),
            Group::Name | Group::Category => {
                ("Nothing of this kind ran", "Choose another kind or grouping above")
            }
        };
        ui.strong(what);
        ui.label(remedy);
    } else {
        ui.strong("No name and no category contains this text");
        if ui.button("Clear the filter").clicked() {
            state.wanted.filter.clear();
        }
    }
}
