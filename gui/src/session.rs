//! What the user is looking at in an open document: the view, the selection, the search. Changed only
//! through its methods, so that every way to a change (key, mouse, table) has the same effect.

mod growth;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::command::Command;
use crate::computed::Computed;
use crate::model::aggregate::{Aggregate, aggregate};
use crate::model::document::{Document, EventRef};
use crate::model::flow::{Flow, flow};
use crate::model::names::NameId;
use crate::model::search::Matches;
use crate::model::series::Quantity;
use crate::model::viewport::Viewport;
use crate::pane::Pane;
use crate::view::{advisor, communication, memory, overview, roofline, table};

/// Views that can be gone back to.
const HISTORY: usize = 100;

/// Part of the view that a key press moves by.
const PAN_STEP: f64 = 0.15;

/// Part of the view that is left after a key press zooms in.
const ZOOM_STEP: f64 = 0.7;

/// Documents of up to so many events are searched within a frame; larger ones on a thread.
const SEARCHED_AT_ONCE: u64 = 1_000_000;

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    /// Names with this text in them.
    Text(String),
    /// One name.
    Name(NameId),
}

impl Wanted {
    fn matches(&self, document: &Document) -> Arc<Matches> {
        Arc::new(match self {
            Self::Text(text) => Matches::of_text(document, text),
            Self::Name(name) => Matches::of_name(document, *name),
        })
    }
}

/// Events that are looked for together: by the search field or by a row of the table.
#[derive(Default)]
pub struct Search {
    /// What is in the search field.
    pub text: String,
    /// The row of the table that was clicked.
    pub name: Option<NameId>,
    /// The matching events.
    pub matches: Arc<Matches>,
    /// The field should get the keyboard in the next frame.
    pub wants_focus: bool,
    /// A search that has not ended yet, and whether to go to the first match then.
    coming: Option<(Wanted, bool)>,
}

/// What the user is looking at.
pub struct Session {
    /// The open recordings.
    pub document: Arc<Document>,
    /// The stretch of time on the screen.
    pub view: Viewport,
    /// The event that was clicked.
    pub selected: Option<EventRef>,
    /// The marked stretch of time.
    pub range: Option<Viewport>,
    /// What happened in it.
    pub aggregate: Computed<Viewport, Aggregate>,
    /// Where a drag that marks a stretch began, ns, and whether it zooms at its end.
    pub dragging: Option<(i64, bool)>,
    /// Ranks whose rows are hidden.
    pub folded: BTreeSet<usize>,
    /// What is looked for.
    pub search: Search,
    searching: Computed<Wanted, Arc<Matches>>,
    /// What the table of operations remembers.
    pub table: table::State,
    /// What the lower plot shows.
    pub lower_quantity: Quantity,
    /// Curves that are not drawn, by label.
    pub hidden_curves: BTreeSet<String>,
    /// The time under the pointer.
    pub pointer_time: Option<i64>,
    /// The pointer was over the axis of time in this frame.
    pub pointer_seen: bool,
    /// Bring the selected event's row into sight in the next frame.
    pub reveal: bool,
    /// How the selected event hangs together with others.
    pub flow: Computed<EventRef, Flow>,
    /// Rows that stay in sight above the others, by track.
    pub pinned: BTreeSet<usize>,
    /// Rows that are not shown, by track.
    pub hidden_tracks: BTreeSet<usize>,
    /// A view that something in this frame leads to; the window brings it to the front.
    pub wanted_pane: Option<Pane>,
    /// What the overview remembers.
    pub overview: overview::State,
    /// What the roofline remembers.
    pub roofline: roofline::State,
    /// What the memory view remembers.
    pub memory: memory::State,
    /// What the communication view remembers.
    pub communication: communication::State,
    /// What the advisor remembers.
    pub advisor: advisor::State,
    past: Vec<Viewport>,
    future: Vec<Viewport>,
}

impl Session {
    /// Looks at the whole of a document.
    #[must_use]
    pub fn new(document: Arc<Document>) -> Self {
        let lower_quantity = document
            .series
            .iter()
            .map(|series| series.quantity)
            .filter(|&quantity| quantity != Quantity::Memory)
            .min()
            .unwrap_or(Quantity::Utilisation);
        Self {
            view: everything(&document),
            document,
            selected: None,
            range: None,
            aggregate: Computed::default(),
            dragging: None,
            folded: BTreeSet::new(),
            search: Search::default(),
            searching: Computed::default(),
            table: table::State::default(),
            lower_quantity,
            hidden_curves: BTreeSet::new(),
            pointer_time: None,
            pointer_seen: false,
            reveal: false,
            flow: Computed::default(),
            pinned: BTreeSet::new(),
            hidden_tracks: BTreeSet::new(),
            wanted_pane: None,
            overview: overview::State::default(),
            roofline: roofline::State::default(),
            memory: memory::State::default(),
            communication: communication::State::default(),
            advisor: advisor::State::default(),
            past: Vec::new(),
            future: Vec::new(),
        }
    }

    /// Does what a key asks for. What is the window's own matter ([`Command::of_window`]) does nothing here.
    pub fn run(&mut self, command: Command) {
        let whole = self.document.whole();
        match command {
            Command::ZoomIn => self.view = self.view.zoomed(ZOOM_STEP, self.focus(), whole),
            Command::ZoomOut => self.view = self.view.zoomed(1.0 / ZOOM_STEP, self.focus(), whole),
            Command::PanLeft => self.view = self.view.panned(-PAN_STEP, whole),
            Command::PanRight => self.view = self.view.panned(PAN_STEP, whole),
            Command::Fit => self.fit(),
            Command::ShowAll => self.go_to(everything(&self.document)),
            Command::Back => {
                if let Some(view) = self.past.pop() {
                    self.future.push(self.view);
                    self.view = view;
                }
            }
            Command::Forward => {
                if let Some(view) = self.future.pop() {
                    self.past.push(self.view);
                    self.view = view;
                }
            }
            Command::NextInRow => self.step_in_row(1),
            Command::PreviousInRow => self.step_in_row(-1),
            Command::Search => self.search.wants_focus = true,
            Command::NextMatch => {
                let next = self.search.matches.next(&self.document, self.selected);
                self.jump(next);
            }
            Command::PreviousMatch => {
                let previous = self.search.matches.previous(&self.document, self.selected);
                self.jump(previous);
            }
            Command::Clear => {
                self.selected = None;
                self.range = None;
                self.dragging = None;
                self.search = Search::default();
            }
            Command::ToggleFolds => {
                let all = 0..self.document.groups.len();
                self.folded = if self.folded.is_empty() { all.collect() } else { BTreeSet::new() };
            }
            Command::ToCause => {
                let cause = self.known_flow().and_then(Flow::cause);
                self.jump(cause);
            }
            Command::ToEffect => {
                let effect = self.known_flow().and_then(Flow::effect);
                self.jump(effect);
            }
            Command::Pin => {
                if let Some(&track) =
                    self.selected.and_then(|at| self.document.lane_tracks.get(at.lane))
                    && !self.pinned.remove(&track)
                {
                    self.pinned.insert(track);
                }
            }
            _ => {}
        }
    }

    /// How the selected event hangs together with others, as soon as a worker has found out.
    pub fn flow(&mut self, ctx: &egui::Context) -> Option<&Flow> {
        let at = self.selected?;
        let document = Arc::clone(&self.document);
        self.flow.get(&at, ctx, move || flow(&document, at));
        self.known_flow()
    }

    /// The same, when it is there already.
    #[must_use]
    pub fn known_flow(&self) -> Option<&Flow> {
        self.flow.value_of(&self.selected?)
    }

    /// Shows a stretch and remembers the one before for [`Command::Back`].
    pub fn go_to(&mut self, view: Viewport) {
        if view != self.view {
            self.past.push(self.view);
            if self.past.len() > HISTORY {
                self.past.remove(0);
            }
            self.future.clear();
            self.view = view;
        }
    }

    /// The pointer is where it was, until a view of this frame says otherwise.
    pub(crate) fn begin_frame(&mut self, ctx: &egui::Context) {
        let before = self.pointer_time.take();
        self.pointer_time = ctx.pointer_hover_pos().and(before);
        self.pointer_seen = false;
        self.poll_search(ctx);
    }

    /// The pointer is nowhere in time when no view has seen it.
    pub(crate) const fn end_frame(&mut self) {
        if !self.pointer_seen {
            self.pointer_time = None;
        }
    }

    /// Brings a view to the front.
    pub const fn open(&mut self, pane: Pane) {
        self.wanted_pane = Some(pane);
    }

    /// Shows a stretch of a recording's time in the timeline, marked.
    pub fn show_in_timeline(&mut self, start_ns: i64, end_ns: i64) {
        let start = self.document.on_axis(start_ns);
        let stretch = Viewport::new(start, start.saturating_add(end_ns.saturating_sub(start_ns)));
        self.mark(stretch);
        self.go_to(stretch.with_margin(0.5));
        self.open(Pane::Timeline);
    }

    /// Marks all events of a name in the timeline and goes to the first, or to the next when they are
    /// marked already. False when nothing has this name.
    pub fn show_name(&mut self, name: &str) -> bool {
        let Some(id) = self.document.names.find(name) else { return false };
        self.open(Pane::Timeline);
        self.look_for(id);
        true
    }

    /// Selects an event, or none.
    pub fn select(&mut self, event: Option<EventRef>) {
        self.selected = event;
    }

    /// Selects an event and shows it with some room around it.
    pub fn zoom_to(&mut self, at: EventRef) {
        self.selected = Some(at);
        if let Some(event) = self.document.event(at) {
            self.go_to(Viewport::new(event.start, event.end).with_margin(0.5));
        }
    }

    /// Selects an event and moves the view to it where it is not in sight.
    pub fn go_to_event(&mut self, at: EventRef) {
        self.jump(Some(at));
    }

    /// Marks a stretch of time, to be summed up.
    pub const fn mark(&mut self, range: Viewport) {
        self.range = Some(range);
    }

    /// What happened in the marked stretch, as soon as a worker has added it up.
    pub fn aggregate(&mut self, ctx: &egui::Context) -> Option<&Aggregate> {
        let range = self.range?;
        let document = Arc::clone(&self.document);
        self.aggregate.get(&range, ctx, move || aggregate(&document, range));
        self.aggregate.value_of(&range)
    }

    /// Looks for events whose name contains the text of the search field.
    pub fn search_changed(&mut self) {
        self.search.name = None;
        self.look_up(Wanted::Text(self.search.text.clone()), false);
    }

    /// Marks all events of a name; when they are marked already, goes to the next one.
    pub fn look_for(&mut self, name: NameId) {
        if self.search.name == Some(name) {
            self.run(Command::NextMatch);
        } else {
            self.search = Search { name: Some(name), ..Search::default() };
            self.look_up(Wanted::Name(name), true);
        }
    }

    fn look_up(&mut self, wanted: Wanted, go_there: bool) {
        if self.document.summary.events > SEARCHED_AT_ONCE {
            self.search.coming = Some((wanted, go_there));
            return;
        }
        self.search.coming = None;
        self.search.matches = wanted.matches(&self.document);
        if go_there {
            self.run(Command::NextMatch);
        }
    }

    /// Looks whether a search has come to an end.
    fn poll_search(&mut self, ctx: &egui::Context) {
        let Some((wanted, go_there)) = self.search.coming.clone() else { return };
        let (document, what) = (Arc::clone(&self.document), wanted.clone());
        self.searching.get(&wanted, ctx, move || what.matches(&document));
        if let Some(matches) = self.searching.value_of(&wanted) {
            self.search.matches = Arc::clone(matches);
            self.search.coming = None;
            if go_there {
                self.run(Command::NextMatch);
            }
        }
    }

    /// True while a search is under way.
    #[must_use]
    pub const fn is_searching(&self) -> bool {
        self.search.coming.is_some()
    }

    /// Moves the view so that an event is in the middle, without changing the zoom unless the event
    /// would be too small or too large to be seen, and unfolds its rank.
    fn jump(&mut self, at: Option<EventRef>) {
        let Some((at, event)) = at.and_then(|at| Some((at, self.document.event(at)?))) else {
            return;
        };
        self.selected = Some(at);
        self.reveal = true;
        if let Some(track) = self.document.track_of(at) {
            self.folded.remove(&track.group);
        }
        let length = event.end - event.start;
        let seen = event.start >= self.view.start() && event.end <= self.view.end();
        let middle = event.start + length / 2;
        if length > self.view.length() / 2 || length < self.view.length() / 500 {
            self.go_to(Viewport::new(event.start, event.end).with_margin(4.0).centred(middle));
        } else if !seen {
            self.go_to(self.view.centred(middle));
        }
    }

    fn step_in_row(&mut self, by: isize) {
        let next = self.selected.and_then(|at| {
            let index = at.index.checked_add_signed(by)?;
            (index < self.document.lanes.get(at.lane)?.len()).then_some(EventRef { index, ..at })
        });
        self.jump(next);
    }

    fn fit(&mut self) {
        let marked = self.range;
        let event = self.selected.and_then(|at| self.document.event(at));
        let wanted = marked
            .or_else(|| event.map(|event| Viewport::new(event.start, event.end).with_margin(0.1)));
        match wanted {
            Some(wanted) if wanted != self.view => self.go_to(wanted),
            _ => self.go_to(everything(&self.document)),
        }
    }

    /// Where keys zoom at: the pointer, while it is in the view; else the middle.
    fn focus(&self) -> f64 {
        let share = |time: i64| (time - self.view.start()) as f64 / self.view.length() as f64;
        self.pointer_time.map(share).filter(|share| (0.0..=1.0).contains(share)).unwrap_or(0.5)
    }
}

fn everything(document: &Document) -> Viewport {
    document.whole().with_margin(0.01)
}
