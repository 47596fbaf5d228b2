//! What the predictor promises, on jobs made by hand, at random, and published.

mod benchmark;
mod benchmark_gpu;
mod calibration;
mod claims;
mod data_stalls;
mod facts;
mod fuzz;
mod images;
mod jobs;
mod lines;
mod memory;
mod odd_ceilings;
mod plan;
mod properties;
mod published;
mod published_images;
mod refusals;
mod schedules;
mod switches;
