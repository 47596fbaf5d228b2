//! What the predictor promises, on jobs made by hand, at random, and published.

mod calibration;
mod claims;
mod facts;
mod fuzz;
mod jobs;
mod lines;
mod memory;
mod plan;
mod properties;
mod published;
mod refusals;
mod schedules;
