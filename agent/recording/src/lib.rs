//! The recording: what perfagent writes down about a run, and nothing about how it was obtained.
//!
//! One recording is one SQLite file (extension `.perfdb`) with plain tables that anybody can query;
//! they are described in `SCHEMA.md`, which is generated from the row types in [`table`].
//!
//! Constraints that shaped this crate:
//!
//! * It knows nobody: no spool, no CUPTI, no terminal. Everything that writes or reads a run depends on it.
//! * Times are integer nanoseconds ([`Timestamp`], [`Span`]), sizes are bytes, ids are newtypes.
//! * Writing is append-only in time order, without secondary indexes, so that a recorder keeps up with
//!   millions of rows a second; what belongs together is committed together ([`Writer::commit`]).
//! * Reading never trusts the file: a missing, cut, foreign or newer file is an [`OpenError`] that says
//!   what is wrong and what to do.
//!
//! ```
//! use perfagent_recording::{Reader, Recording, Timestamp, Writer, table};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("run.perfdb");
//! let mut writer = Writer::create(&path)?;
//! writer.append(&table::Host { name: "node-1".into(), ..Default::default() })?;
//! writer.finish()?;
//! let recording = Recording::load(&Reader::open(&path)?, &mut |_progress| {})?;
//! assert_eq!(recording.hosts[0].name, "node-1");
//! # Ok(()) }
//! ```

mod columns;
mod database;
mod density;
mod error;
mod id;
mod kept;
mod load;
mod packed;
mod pages;
mod reader;
mod recording;
mod schema;
mod strings;
pub mod table;
mod time;
mod waiting;
mod writer;

pub use columns::Columns;
pub use density::Density;
pub use error::{OpenError, WriteError};
pub use id::{CounterId, DeviceId, HostId, ProcessId, StreamId, StringId, ThreadId};
pub use kept::Kept;
pub use packed::{Bits, Event, Rows};
pub use reader::{QueryResult, Reader, Value};
pub use recording::{Progress, Recording};
pub use schema::{APPLICATION_ID, SCHEMA_VERSION, markdown, tables};
pub use strings::Strings;
pub use time::{Span, Timestamp};
pub use writer::Writer;
