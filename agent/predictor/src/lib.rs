//! Step time and memory of a training job, predicted with intervals.

mod job;
mod prediction;

pub use job::{Cluster, Job, Measured, Model, Run};
pub use prediction::{Breakdown, Interval, Prediction, SCHEMA};
