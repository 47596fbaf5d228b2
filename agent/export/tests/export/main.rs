//! Recordings in other formats, read back and checked.

mod bed;
mod chrome;
mod generated;

mod round_trip;
mod rows;
mod several;
mod speedscope;
