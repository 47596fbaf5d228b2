//! The byte ring between a recorded process and the recorder.
//!
//! One file per process, written by one thread of the target and read by one recorder. Design constraints:
//!
//! - **The target may die at any instruction.** A record becomes visible only after all of its bytes are in place, and
//!   the page cache keeps the file when either process is killed.
//! - **The reader trusts nothing.** A cut, stale or damaged file gives an error or a counted corrupt record, never a
//!   crash or a large allocation. The reader maps nothing, so a file that shrinks cannot raise SIGBUS in it.
//! - **Nothing is lost in silence.** A full ring drops the newest record, counts it, and leaves a [`Record::Gap`].
//! - **No policy.** This crate knows bytes; what to collect and where to store it is decided on either side.
//!
//! Layout: a header of [`HEADER_BYTES`] bytes, then the ring. Positions are byte counters that never wrap; a position
//! modulo the capacity is the place in the ring. A record is a 16-byte frame (length, kind, marker, sequence, CRC32C)
//! and little-endian fields; it may wrap around the end of the ring at any byte.

mod error;
mod frame;
mod identity;
mod layout;
mod loss;
mod payload;
mod place;
mod reader;
mod record;
mod refusal;
mod state;
mod time;
mod wire;
mod writer;

pub use error::SpoolError;
pub use frame::{MAX_RECORD_BYTES, MAX_TEXT_BYTES};
pub use identity::ProcessIdentity;
pub use layout::{ABI_VERSION, DEFAULT_CAPACITY, HEADER_BYTES, MAX_CAPACITY, MIN_CAPACITY};
pub use loss::LossCause;
pub use payload::Payload;
pub use place::Place;
pub use reader::{ReadOutcome, RingReader};
pub use record::{NO_STREAM, Record};
pub use refusal::Refusal;
pub use state::State;
pub use time::{MonotonicNs, RealtimeNs};
pub use writer::RingWriter;
