//! Recordings in other formats, read back and checked.
#![expect(clippy::print_stdout, reason = "a test says what it has tried, and what it has skipped")]

mod bed;
mod chrome;
mod generated;
mod perfetto;
mod round_trip;
mod rows;
mod several;
mod speedscope;
