//! Step time and memory of a training job, predicted with intervals.
//!
//! A job ([`Job`], the contract's form) is filled up ([`setup`]), and two models say what a step takes:
//! `time`, products by their shapes, traffic by its bytes, launches, exchanges and the pipeline around them, and
//! `memory`, the fullest stage of the pipeline at its fullest moment, tensor by tensor. What physics leaves open are
//! some constants, each with a global value and factors of frameworks and generations of GPUs, fitted to published
//! measurements ([`fit`]; `data/calibration.toml` holds them and says how they were made), and factors of what the
//! formulas miss. Intervals come from jobs that were held out of the fit.

pub mod benchmark;
mod calibration;
mod ceilings;
pub mod claims;
mod collective;
mod constants;
mod conv;
mod effects;
pub mod fit;
mod formulas;
mod framework;
mod gpu;
mod interval;
mod job;
mod launches;
mod loader;
mod loss;
mod measured;
mod memory;
mod network;
pub mod normal;
mod partition;
pub mod pipeline;
pub mod plan;
mod prediction;
mod predictor;
mod setup;
mod shape;
mod time;

pub use calibration::{Calibration, Made, SCHEMA as CALIBRATION_SCHEMA};
pub use ceilings::{Ceilings, SCHEMA as CEILINGS_SCHEMA};
pub use collective::Group;
pub use effects::Figure;
pub use framework::Framework;
pub use gpu::{Generation, Gpu};
pub use job::{Cluster, Job, Measured, Model, Run};
pub use prediction::{Breakdown, Interval, Prediction, SCHEMA};
pub use predictor::{Anchor, Predictor};
