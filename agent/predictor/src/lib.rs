//! Step time and memory of a training job, predicted with intervals.

mod collective;
mod constants;
pub mod fit;
mod framework;
mod gpu;
mod job;
mod network;
mod prediction;
mod setup;
mod shape;
mod time;

pub use framework::Framework;
pub use gpu::{Generation, Gpu};
pub use job::{Cluster, Job, Measured, Model, Run};
pub use prediction::{Breakdown, Interval, Prediction, SCHEMA};
