//! The child's end of the line.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use super::line::Line;

/// Where lines go; shared by the threads of the child.
#[derive(Clone)]
pub(super) struct Teller(Arc<Mutex<Out>>);

struct Out {
    to: Box<dyn Write + Send>,
    is_read: bool,
}

impl Teller {
    pub(super) fn new(to: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Out { to: Box::new(to), is_read: true })))
    }

    /// Says it at once: the next call may be the one that hangs.
    pub(super) fn tell(&self, line: &Line) {
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !out.is_read {
            return;
        }
        let text = serde_json::to_string(line).unwrap_or_default();
        let written = writeln!(out.to, "{text}").and_then(|()| out.to.flush());
        out.is_read = written.is_ok();
    }

    /// Calls `function` after saying so.
    pub(super) fn call<T>(
        &self,
        name: &str,
        gpu: Option<u32>,
        starting: bool,
        function: impl FnOnce() -> T,
    ) -> T {
        self.tell(&Line::Calling { name: name.to_owned(), gpu, starting });
        function()
    }

    /// Whether anybody listens.
    pub(super) fn is_read(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_read
    }
}
