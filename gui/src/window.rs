//! What views ask of the window that they are in: files to open, views to show, words to the user.

use std::path::PathBuf;

use crate::pane::Pane;

/// Wishes of the views, fulfilled after the frame.
#[derive(Default)]
pub struct Window {
    /// Files to open together in place of the open ones.
    pub(crate) wanted_files: Option<Vec<PathBuf>>,
    /// A view to bring to the front.
    pub(crate) wanted_pane: Option<Pane>,
    /// Events of this name to mark in the timeline.
    pub(crate) wanted_name: Option<String>,
    /// The files that are open.
    pub(crate) open_files: Vec<PathBuf>,
}

impl Window {
    /// Opens files together, in place of what is open.
    pub fn open(&mut self, paths: Vec<PathBuf>) {
        self.wanted_files = Some(paths);
    }

    /// Brings a view to the front.
    pub const fn show(&mut self, pane: Pane) {
        self.wanted_pane = Some(pane);
    }

    /// Marks all events of a name in the timeline of what is open, and goes to the first.
    pub fn show_name(&mut self, name: &str) {
        self.wanted_name = Some(name.to_owned());
    }

    /// The files that are open.
    #[must_use]
    pub fn open_files(&self) -> &[PathBuf] {
        &self.open_files
    }
}
