//! Traces of other tools to recordings.
//!
//! [`import`] takes files and folders, tells each file's format by its content, and writes one recording in
//! which each trace is a process (rank); an export of Nsight Systems may hold several. A format is a module, a variant of
//! [`Format`], and its recognition in [`Format`]'s `binary` or `detect`.
//!
//! Constraints that shaped this crate:
//!
//! * Memory is that of the events which are kept, about 70 bytes each, one trace at a time; never that of
//!   the text, of which only the piece around the current event is held.
//! * Times go from decimal text to integer nanoseconds without floating point.
//! * Damage is never silent and never fatal while something can be read: what could not be read is counted
//!   by kind, with the byte of the first place ([`Warning`]), in the answer and in the recording.
//! * A recording appears under its name when it is complete, or not at all.
//!
//! Measured with `/usr/bin/time perfagent import big.json -f -o run.perfdb` (release build, two virtual cores of an Intel
//! Xeon, median of 3, 2026-11-26): 475 MB of text and 1.8 million events a second, 48 MB resident at most, 1.3 s of both
//! processors. `big.json` holds the events of a real trace, of an MI300X, eight times: 499 MB, 1,912,280 events, of which
//! 527,040 are kept. Most of the time is spent in reading JSON.

mod account;
mod ahead;
mod copy_kind;
mod decimal;
mod depth;
mod error;
mod format;
mod hosts;
mod import;
mod inputs;
mod json_error;
mod kineto;
mod lines;
mod memory_timeline;
mod moment;
mod nccl;
mod nccl_example;
mod nccl_inspector;
mod nccl_tests;
mod nsys;
mod nsys_csv;
mod nvidia_smi;
mod output;
mod snapshot;
mod source;
mod summary;
mod texts;
mod trace;
mod value;
mod warning;
mod window;
mod xplane;

pub use error::ImportError;
pub use format::Format;
pub use import::{ImportOptions, import, read, recognise};
pub use summary::{Imported, ImportedFile};
pub use warning::Warning;
