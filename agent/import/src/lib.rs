//! Traces of other tools to recordings.
//!
//! [`import`] takes files and folders, tells each file's format by its content, and writes one recording in
//! which each trace is a process (rank). Today that is the PyTorch Kineto trace; a further format is a module
//! beside `kineto`, a variant of [`Format`], and its recognition in [`Format`]'s `detect`.
//!
//! Constraints that shaped this crate:
//!
//! * Memory is that of the events which are kept, about 70 bytes each, one trace at a time; never that of
//!   the text, of which only the piece around the current event is held. (Measured: 46 MB of resident memory
//!   at most for 499 MB of text with 527,040 events to keep, by `/usr/bin/time perfagent import big.json -o
//!   run.perfdb`, where `big.json` holds the events of a real trace of 62 MB eight times.)
//! * Times go from decimal text to integer nanoseconds without floating point.
//! * Damage is never silent and never fatal while something can be read: what could not be read is counted
//!   by kind, with the byte of the first place ([`Warning`]), in the answer and in the recording.
//! * A recording appears under its name when it is complete, or not at all.

mod decimal;
mod error;
mod format;
mod import;
mod inputs;
mod kineto;
mod output;
mod source;
mod summary;
mod texts;
mod warning;
mod window;

pub use error::ImportError;
pub use format::Format;
pub use import::{ImportOptions, import};
pub use summary::{Imported, ImportedFile};
pub use warning::Warning;
