//! How far a recorded process is.

/// The state of the writing process. A process that was killed leaves [`State::Running`] behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum State {
    /// The file exists; nothing is collected yet.
    Init = 1,
    /// Events are being collected.
    Running = 2,
    /// The process is ending and writes what is left.
    Flushing = 3,
    /// Everything is written; no record will follow.
    Closed = 4,
}

impl State {
    pub(crate) fn from_code(code: u32) -> Option<Self> {
        [Self::Init, Self::Running, Self::Flushing, Self::Closed]
            .into_iter()
            .find(|state| *state as u32 == code)
    }
}
