//! Measurements: repeated, interleaved, medians and ratios, never a single absolute time.

mod advisor;
mod agent;
mod changepoints;
mod environment;
mod figure;
mod gui;
mod images;
mod import;
mod itself;
mod own;
mod own_gpu;
mod own_table;
mod record_overhead;
mod training;
mod tune;

use anyhow::Result;

pub(crate) use itself::Itself;
pub(crate) use training::Training;

/// What can be measured
#[derive(clap::Subcommand)]
pub(crate) enum Bench {
    /// What `perfagent record` costs a training step
    RecordOverhead(record_overhead::RecordOverhead),
    /// What a record costs on its way from CUPTI to the recording, on a stand-in for a GPU
    Agent(agent::Agent),
    /// What a large recording costs in the window
    Gui(gui::Gui),
    /// How fast traces become reports, against Holistic Trace Analysis, and what memory that takes
    Import(import::Import),
    /// How good predictions of jobs are that the fit has not seen, and how many a second are made
    Advisor(advisor::Advisor),
    /// How a training step of the benchmark compares with one in PyTorch
    Training(Training),
    /// How well change points agree with people, beside the detectors of asv and otava
    Changepoints(changepoints::Changepoints),
    /// What the project's own programs cost, held against the runs that are kept in data/history
    Itself(Itself),
    /// How near `perfagent tune` comes to the best of an exhaustive search
    Tune(tune::Tune),
}

impl Bench {
    /// Runs the measurement and prints it.
    pub(crate) fn run(&self) -> Result<()> {
        match self {
            Self::RecordOverhead(overhead) => overhead.run(),
            Self::Agent(agent) => agent.run(),
            Self::Gui(gui) => gui.run(),
            Self::Import(import) => import.run(),
            Self::Advisor(advisor) => advisor.run(),
            Self::Training(training) => training.run(),
            Self::Changepoints(changepoints) => changepoints.run(),
            Self::Itself(itself) => itself.run(),
            Self::Tune(tune) => tune.run(),
        }
    }
}
