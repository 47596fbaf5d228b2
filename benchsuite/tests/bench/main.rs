//! The program as its users run it: losses that must agree however the work is split, and one clear
//! line for everything that can be asked wrongly.

mod bad_input;
mod checkpoint;
mod data;
mod fixtures;
mod images;
mod inference;
mod losses;
mod matrix;
mod precision;
mod run;
