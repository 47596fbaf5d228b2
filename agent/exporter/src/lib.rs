//! What perfagent tells other systems: live metrics for Prometheus, events for collectors of logs, summaries of runs for
//! trackers of experiments.
//!
//! **Live metrics.** Threads find things out and put them into [`state::Shared`]; a scrape is answered from there and asks nobody.
//! Everything that can hang, crash or grow is a child process with a deadline: NVML ([`sample`]), the examination of the node
//! ([`examination`]), the figures of a recording ([`recordings`]). What is not known any more is not told any more, and that it is
//! not known is a metric of its own. `metric` turns the state into metrics and `exposition` these into text, both pure; `server`
//! and [`Textfile`] are the two ways out, and [`log`] tells what changed.
//!
//! **Summaries of runs** ([`tracker`]) for `TensorBoard`, `MLflow` and Weights & Biases.

mod child;
pub mod examination;
mod exposition;
pub mod kernel_log;
pub mod log;
mod metric;
mod moment;
pub mod recordings;
pub mod sample;
mod server;
pub mod state;
mod textfile;
pub mod tracker;
mod xids;

pub use metric::Style;
pub use moment::Moment;
pub use server::{Bound, Server};
pub use textfile::{Textfile, TextfileError};
pub use xids::{Witness, XidCount, Xids};
