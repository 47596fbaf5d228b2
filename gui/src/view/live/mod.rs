//! Recording a program from the window, and looking at a recording while it is made.

mod attach;
mod record;
mod status;

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use egui::{Context, ScrollArea, Ui};

use crate::child::Child;
use crate::computed::Computed;
use crate::model::document::Document;
use crate::model::live::form::Form;
use crate::model::live::partial::Partial;
use crate::watch::{Found, News, Watch};
use crate::window::Window;
use record::Recorded;

/// What the view remembers.
pub struct State {
    /// What is to be recorded.
    pub form: Form,
    /// The program that records, in place of the `perfagent` that is found.
    pub program: Option<PathBuf>,
    /// The newest time is kept in sight.
    pub follow: bool,
    /// A recording is shown in the window while it is made.
    pub show: bool,
    path: String,
    recorder: Option<Child<Recorded>>,
    log: Vec<String>,
    /// How the last recording or watching ended: well, or not.
    outcome: Option<Result<String, String>>,
    watch: Option<Watch>,
    /// The document that the window was given last.
    given: Weak<Document>,
    /// The next state of the recording takes the place of whatever is open.
    wanted: bool,
    found: Computed<(PathBuf, u64), Vec<Found>>,
    looked: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            form: Form::default(),
            program: None,
            follow: true,
            show: true,
            path: String::new(),
            recorder: None,
            log: Vec::new(),
            outcome: None,
            watch: None,
            given: Weak::new(),
            wanted: false,
            found: Computed::default(),
            looked: 0,
        }
    }
}

/// A newer state of a recording, for the window to show.
pub(crate) struct Growth {
    /// The recording.
    pub(crate) document: Arc<Document>,
    /// The files that it is in.
    pub(crate) files: Vec<PathBuf>,
    /// The window shows an earlier state of the same recording.
    pub(crate) continues: bool,
    /// The recording is complete.
    pub(crate) complete: bool,
}

impl State {
    /// Looks at a recording that is being made: by the name that it will have, its `.partial` folder, or the file in it.
    pub fn attach(&mut self, path: &std::path::Path, ctx: &Context) {
        self.outcome = None;
        self.wanted = true;
        self.watch = Some(Watch::start(Partial::named(path), ctx));
    }

    /// The recording that is looked at.
    #[must_use]
    pub const fn watch(&self) -> Option<&Watch> {
        self.watch.as_ref()
    }

    /// How the last recording, or looking at one, has ended.
    #[must_use]
    pub const fn outcome(&self) -> Option<&Result<String, String>> {
        self.outcome.as_ref()
    }

    /// True while a program is recorded from this window.
    #[must_use]
    pub const fn is_recording(&self) -> bool {
        self.recorder.is_some()
    }

    /// Takes in what has come. `open` is the document that the window shows.
    pub(crate) fn poll(&mut self, open: Option<&Arc<Document>>) -> Option<Growth> {
        self.poll_recorder();
        let watch = self.watch.as_ref()?;
        let continues =
            open.is_some_and(|open| std::ptr::eq(Arc::as_ptr(open), self.given.as_ptr()));
        watch.set_shown(self.wanted || continues);
        let (document, complete) = match watch.poll()? {
            News::Grown(document) => (document, false),
            News::Finished(document) => (document, true),
            News::Ended(message) => {
                self.watch = None;
                self.outcome = Some(Err(message));
                return None;
            }
        };
        let partial = watch.partial().clone();
        if complete {
            self.watch = None;
            self.outcome
                .get_or_insert_with(|| Ok(format!("{} is complete", partial.output.display())));
        }
        if !(self.wanted || continues) {
            return None;
        }
        self.wanted = false;
        let document: Arc<Document> = Arc::from(document);
        self.given = Arc::downgrade(&document);
        let file = if complete { partial.output } else { partial.database() };
        Some(Growth { document, files: vec![file], continues, complete })
    }
}

/// Shows the view.
pub(crate) fn show(ui: &mut Ui, state: &mut State, window: &mut Window) {
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        record::show(ui, state);
        status::show(ui, state, window);
        ui.add_space(6.0);
        ui.separator();
        attach::show(ui, state);
    });
}
