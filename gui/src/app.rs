//! The window: which page it shows, where its views are, and what they ask for. Lays out and passes on;
//! what happens is in [`crate::session`].

use std::path::PathBuf;
use std::sync::Arc;

use egui::{CentralPanel, Frame, Panel, Ui};
use egui_tiles::Tree;
use serde::{Deserialize, Serialize};

use crate::budget::Budget;
use crate::command::{self, Command};
use crate::dock::Dock;
use crate::job::{Job, Outcome, Wanted};
use crate::model::alignment::Alignment;
use crate::model::document::Document;
use crate::open_file::Dialog;
use crate::palette;
use crate::pane::Pane;
use crate::recent::Recent;
use crate::session::Session;
use crate::view::finder::{self, Found};
use crate::view::pages::Asked;
use crate::view::{compare, export, fleet, help, live, notice, pages, panes, portion, top_bar};
use crate::window::Window;

/// Under which name the arrangement is stored; another one when its form changes.
const STORED: &str = "perfagent-window-1";

/// What the window shows.
enum Page {
    Welcome,
    Loading(Job),
    Failed(String),
    Open(Box<Session>),
}

/// What is remembered from one start to the next.
#[derive(Serialize, Deserialize)]
struct Stored {
    tree: Tree<Pane>,
    recent: Recent,
    #[serde(default)]
    budget: Budget,
}

/// The window.
pub struct App {
    page: Page,
    /// Where views are.
    pub dock: Dock,
    /// What the comparison remembers.
    pub compare: compare::State,
    /// What the fleet's health remembers.
    pub fleet: fleet::State,
    /// What recording remembers.
    pub live: live::State,
    window: Window,
    recent: Recent,
    budget: Budget,
    path: String,
    help: bool,
    finder: finder::State,
    dialog: Option<Dialog>,
    /// The views are shown although nothing is open.
    without_document: bool,
}

impl App {
    /// A window that opens `paths` (all as one document), or asks for a file when there are none.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>, ctx: &egui::Context) -> Self {
        let mut app = Self::on(Page::Welcome, ctx);
        app.open(paths, ctx);
        app
    }

    /// Opens files together; nothing happens when there are none.
    pub fn open(&mut self, paths: Vec<PathBuf>, ctx: &egui::Context) {
        if !paths.is_empty() {
            self.load(Wanted::all(paths), ctx);
        }
    }

    /// The same window, in which recordings take no more memory than this, where that is said.
    #[must_use]
    pub fn within(mut self, budget: Option<Budget>) -> Self {
        self.budget = budget.unwrap_or(self.budget);
        self
    }

    /// A window that waits for a document.
    #[must_use]
    pub fn with_job(job: Job, ctx: &egui::Context) -> Self {
        Self::on(Page::Loading(job), ctx)
    }

    /// A window that shows a document.
    #[must_use]
    pub fn with_document(document: Document, ctx: &egui::Context) -> Self {
        let files = document.sources.iter().map(|source| source.path.clone()).collect();
        let mut app = Self::on(Page::Open(Box::new(Session::new(Arc::new(document)))), ctx);
        app.window.open_files = files;
        app
    }

    fn on(page: Page, ctx: &egui::Context) -> Self {
        palette::apply(ctx);
        Self {
            page,
            dock: Dock::default(),
            compare: compare::State::default(),
            fleet: fleet::State::default(),
            live: live::State::default(),
            window: Window::default(),
            recent: Recent::default(),
            budget: Budget::default(),
            path: String::new(),
            help: false,
            finder: finder::State::default(),
            dialog: None,
            without_document: false,
        }
    }

    /// The same window, arranged as it was left. What was stored in another form is forgotten.
    #[must_use]
    pub fn restored(mut self, storage: Option<&dyn eframe::Storage>) -> Self {
        if let Some(stored) = storage.and_then(|all| eframe::get_value::<Stored>(all, STORED)) {
            self.dock = Dock::restored(stored.tree);
            self.budget = stored.budget;
            let opened = std::mem::replace(&mut self.recent, stored.recent);
            for entry in opened.entries() {
                self.recent.add(entry);
            }
        }
        self
    }

    /// Shows this view first, when one is asked for.
    pub fn open_first(&mut self, pane: Option<Pane>) {
        if let Some(pane) = pane {
            self.show_pane(pane);
        }
    }

    /// What the user is looking at, while a document is open.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        match &self.page {
            Page::Open(session) => Some(session),
            _ => None,
        }
    }

    /// The same, to be changed.
    #[must_use]
    pub fn session_mut(&mut self) -> Option<&mut Session> {
        match &mut self.page {
            Page::Open(session) => Some(session),
            _ => None,
        }
    }

    /// The line that says why nothing is open, when loading failed.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        match &self.page {
            Page::Failed(message) => Some(message),
            _ => None,
        }
    }

    fn load(&mut self, wanted: Wanted, ctx: &egui::Context) {
        self.window.open_files.clone_from(&wanted.paths);
        let wanted = Wanted { most_events: Some(self.budget.events()), ..wanted };
        self.page = Page::Loading(Job::start(wanted, ctx));
    }

    /// What is open, to be loaded again.
    fn again(&self) -> Wanted {
        let document = self.session().map(|session| &session.document);
        let portion = document.and_then(|document| document.portion.clone()).unwrap_or_default();
        Wanted {
            paths: self.window.open_files.clone(),
            alignment: document.map_or_else(Alignment::default, |document| document.alignment),
            most_events: None,
            part: portion.number,
            counted: portion.counted,
        }
    }

    /// Looks whether loading has come to an end.
    pub fn poll(&mut self) {
        if let Page::Loading(job) = &self.page {
            match job.poll() {
                Outcome::Running => {}
                Outcome::Done(document) => {
                    self.recent.add(&self.window.open_files);
                    self.page = Page::Open(Box::new(Session::new(Arc::from(document))));
                }
                Outcome::Failed(message) => self.page = Page::Failed(message),
            }
        }
    }

    /// Takes in what has come of a recording that is being made.
    fn grow(&mut self) {
        let open = self.session().map(|session| Arc::clone(&session.document));
        let Some(growth) = self.live.poll(open.as_ref()) else { return };
        let session = match std::mem::replace(&mut self.page, Page::Welcome) {
            Page::Open(session) if growth.continues => {
                session.with_document(&growth.document, self.live.follow)
            }
            _ => Session::new(growth.document),
        };
        if growth.complete {
            self.recent.add(&growth.files);
        }
        self.window.open_files = growth.files;
        self.page = Page::Open(Box::new(session));
        // Giving back what was shown before takes long when it is large.
        let _ = std::thread::Builder::new().name("giving back".into()).spawn(move || drop(open));
    }

    /// Shows the window's content.
    pub fn content(&mut self, ui: &mut Ui) {
        self.poll();
        self.grow();
        let ctx = ui.ctx().clone();
        if !self.finder.open {
            for command in command::pressed(&ctx) {
                self.run(command, &ctx);
            }
        }
        match finder::show(&ctx, &mut self.finder) {
            Some(Found::Command(command)) => self.run(command, &ctx),
            Some(Found::Pane(pane)) => self.show_pane(pane),
            None => {}
        }
        let asked = match &mut self.page {
            Page::Loading(job) => pages::loading(ui, job),
            Page::Welcome if !self.without_document => {
                pages::welcome(ui, &mut self.path, &self.recent)
            }
            Page::Failed(message) if !self.without_document => {
                pages::failed(ui, message, &mut self.path, &self.recent)
            }
            _ => {
                self.views(ui);
                None
            }
        };
        if let Some(asked) = asked {
            self.answer(asked, &ctx);
        }
        help::show(ui, &mut self.help);
        export::show(&ctx);
        notice::show(&ctx);
        self.wishes(&ctx);
    }

    fn views(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        let session = match &mut self.page {
            Page::Open(session) => Some(&mut **session),
            _ => None,
        };
        let mut asked = Vec::new();
        let mut contents = panes::Contents {
            session,
            window: &mut self.window,
            compare: &mut self.compare,
            fleet: &mut self.fleet,
            live: &mut self.live,
            headed: self.dock.untabbed(),
            closed: None,
            asked: &mut asked,
        };
        let bar = top_bar::Bar { dock: &self.dock, recent: &self.recent, budget: self.budget };
        Panel::top("top").show(ui, |ui| top_bar::show(ui, &mut contents, &bar));
        portion::show(ui, &mut contents, self.budget);
        if let Some(session) = &mut contents.session {
            session.begin_frame(&ctx);
        }
        let frame = Frame::new().fill(ui.visuals().panel_fill);
        CentralPanel::default().frame(frame).show(ui, |ui| self.dock.show(ui, &mut contents));
        let closed = contents.closed;
        if let Some(session) = &mut contents.session {
            session.end_frame();
        }
        if let Some(pane) = closed {
            self.dock.close(pane);
        }
        for asked in asked {
            self.answer(asked, &ctx);
        }
    }

    fn answer(&mut self, asked: Asked, ctx: &egui::Context) {
        match asked {
            Asked::Open(paths) => self.window.open(paths),
            Asked::Align(alignment) => self.load(Wanted { alignment, ..self.again() }, ctx),
            Asked::Part(part) => self.load(Wanted { part, ..self.again() }, ctx),
            Asked::Memory(budget) => {
                self.budget = budget;
                // What is open in parts may fit now.
                if self.session().is_some_and(|session| session.document.portion.is_some()) {
                    self.load(Wanted { part: 0, ..self.again() }, ctx);
                }
            }
            Asked::Cancel => self.page = Page::Welcome,
            Asked::Run(command) => self.run(command, ctx),
            Asked::Show(pane) => self.show_pane(pane),
            Asked::Toggle(pane) => self.dock.toggle(pane),
            Asked::Reset => self.dock.reset(),
            Asked::ForgetRecent => self.recent.clear(),
        }
    }

    /// Does what a key or a menu asks for.
    fn run(&mut self, command: Command, ctx: &egui::Context) {
        match command {
            Command::Help => self.help = !self.help,
            Command::Clear if self.help => self.help = false,
            Command::OpenFile => self.dialog = Some(Dialog::open(ctx)),
            Command::Finder => self.finder.toggle(),
            Command::Reopen => self.dock.reopen(),
            Command::ToggleTable => self.dock.toggle(Pane::Operations),
            Command::Search => {
                if let Page::Open(session) = &mut self.page {
                    session.run(command);
                    session.open(Pane::Timeline);
                }
            }
            other => {
                if let Page::Open(session) = &mut self.page {
                    session.run(other);
                }
            }
        }
    }

    fn show_pane(&mut self, pane: Pane) {
        self.without_document |= !pane.needs_document();
        self.dock.open(pane);
    }

    /// Does what views, the desktop's dialog or dropped files have asked for in this frame.
    fn wishes(&mut self, ctx: &egui::Context) {
        if let Some(chosen) = self.dialog.as_ref().and_then(Dialog::poll) {
            self.dialog = None;
            if !chosen.is_empty() {
                self.window.open(chosen);
            }
        }
        let dropped: Vec<PathBuf> = ctx.input(|input| {
            input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect()
        });
        if !dropped.is_empty() {
            self.window.open(dropped);
        }
        if let Some(name) = self.window.wanted_name.take()
            && !self.session_mut().is_some_and(|session| session.show_name(&name))
        {
            let text = "Nothing of this name is open: show both sides in the timeline first";
            notice::warn(ctx, text);
        }
        let of_session = self.session_mut().and_then(|session| session.wanted_pane.take());
        if let Some(pane) = self.window.wanted_pane.take().or(of_session) {
            self.show_pane(pane);
            ctx.request_repaint();
        }
        if let Some(paths) = self.window.wanted_files.take() {
            self.load(Wanted::all(paths), ctx);
            ctx.request_repaint();
        }
    }
}

impl eframe::App for App {
    /// Also runs while the window is hidden: loading must come to its end there too.
    fn logic(&mut self, _ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.poll();
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.content(ui);
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        let (tree, recent) = (self.dock.tree().clone(), self.recent.clone());
        let stored = Stored { tree, recent, budget: self.budget };
        eframe::set_value(storage, STORED, &stored);
    }
}
