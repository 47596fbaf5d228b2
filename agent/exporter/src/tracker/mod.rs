//! Summaries of runs for trackers of experiments.
//!
//! `TensorBoard` and `MLflow`'s folders are written as files in their own formats, `MLflow`'s server is told over its REST interface;
//! for Weights & Biases there is a file of lines for its own client to log, as the format of its offline runs is documented
//! nowhere.

mod destination;
mod mlflow_folder;
mod mlflow_server;
mod place;
mod record_file;
mod tensorboard;
mod wandb;

pub use destination::{Destination, PushError};
