//! The window: which page it shows, and the parts of the main page. Lays out and passes on; what
//! happens is in [`crate::session`].

use std::path::PathBuf;
use std::sync::Arc;

use egui::{CentralPanel, Frame, Panel, Ui};

use crate::command::{self, Command};
use crate::job::{Job, Outcome};
use crate::model::document::Document;
use crate::palette;
use crate::session::Session;
use crate::view::{curves, details, help, pages, table, timeline, top_bar};

/// What the window shows.
enum Page {
    Welcome,
    Loading(Job),
    Failed(String),
    Open(Box<Session>),
}

/// The window.
pub struct App {
    page: Page,
    path: String,
    help: bool,
}

impl App {
    /// A window that opens `paths` (all as one document), or asks for a file when there are none.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>, ctx: &egui::Context) -> Self {
        palette::apply(ctx);
        let page =
            if paths.is_empty() { Page::Welcome } else { Page::Loading(Job::start(paths, ctx)) };
        Self { page, path: String::new(), help: false }
    }

    /// A window that shows a document.
    #[must_use]
    pub fn with_document(document: Document, ctx: &egui::Context) -> Self {
        palette::apply(ctx);
        let page = Page::Open(Box::new(Session::new(Arc::new(document))));
        Self { page, path: String::new(), help: false }
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

    /// Looks whether loading has come to an end.
    pub fn poll(&mut self) {
        if let Page::Loading(job) = &self.page {
            match job.poll() {
                Outcome::Running => {}
                Outcome::Done(document) => {
                    self.page = Page::Open(Box::new(Session::new(Arc::from(document))));
                }
                Outcome::Failed(message) => self.page = Page::Failed(message),
            }
        }
    }

    /// Shows the window's content.
    pub fn content(&mut self, ui: &mut Ui) {
        self.poll();
        let dropped: Vec<PathBuf> = ui.input(|input| {
            input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect()
        });
        let mut open = (!dropped.is_empty()).then_some(dropped);
        let mut cancelled = false;
        match &mut self.page {
            Page::Welcome => open = pages::welcome(ui, &mut self.path).or(open),
            Page::Loading(job) => cancelled = pages::loading(ui, job),
            Page::Failed(message) => open = pages::failed(ui, message, &mut self.path).or(open),
            Page::Open(session) => main_page(ui, session, &mut self.help),
        }
        help::show(ui, &mut self.help);
        if let Some(paths) = open {
            self.page = Page::Loading(Job::start(paths, ui.ctx()));
        } else if cancelled {
            self.page = Page::Welcome;
        }
    }
}

fn main_page(ui: &mut Ui, session: &mut Session, help: &mut bool) {
    for command in command::pressed(ui.ctx()) {
        match command {
            Command::Help => *help = !*help,
            Command::Clear if *help => *help = false,
            other => session.run(other),
        }
    }
    let pointer_before = session.pointer_time.take();
    session.pointer_time = ui.ctx().pointer_hover_pos().and(pointer_before);
    session.pointer_seen = false;
    Panel::top("top").show(ui, |ui| {
        *help |= top_bar::show(ui, session);
    });
    Panel::right("right").default_size(300.0).size_range(180.0..=640.0).show(ui, |ui| {
        details::show(ui, session);
    });
    if !session.table.hidden {
        Panel::bottom("table").resizable(true).default_size(230.0).size_range(80.0..=700.0).show(
            ui,
            |ui| {
                table::show(ui, session);
            },
        );
    }
    if curves::any(session) {
        let height = curves::PLOT_HEIGHT * 2.0;
        let frame = Frame::new().fill(ui.visuals().panel_fill);
        Panel::bottom("curves")
            .frame(frame)
            .resizable(true)
            .default_size(height)
            .min_size(60.0)
            .show(ui, |ui| {
                curves::show(ui, session);
            });
    }
    let frame = Frame::new().fill(ui.visuals().panel_fill);
    CentralPanel::default().frame(frame).show(ui, |ui| {
        if session.document.tracks.is_empty() {
            ui.centered_and_justified(|ui| ui.label("This recording holds no events to draw"));
        } else {
            timeline::show(ui, session);
        }
    });
    if !session.pointer_seen {
        session.pointer_time = None;
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
}
