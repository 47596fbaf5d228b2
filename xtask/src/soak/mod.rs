//! What is true after minutes must be true after hours: long runs, kept out of CI. `tests/SOAK.md` says when each was last
//! run, and what came out.

mod flood;
mod fuzz;
mod kill;
mod torchrun;

use anyhow::Result;

/// What can be run for long
#[derive(clap::Subcommand)]
pub(crate) enum Soak {
    /// A steady flood: what was written and what was counted as lost must be what was produced
    Flood(flood::Flood),
    /// SIGKILL at random moments: a recording is left, and no more than one flush interval is lost
    Kill(kill::Kill),
    /// Damaged input for every reader and parser
    Fuzz(fuzz::Fuzz),
    /// A torch program of four ranks under torchrun, on processors
    Torchrun(torchrun::Torchrun),
}

impl Soak {
    /// Runs it; an error when something that was promised did not hold.
    pub(crate) fn run(&self) -> Result<()> {
        match self {
            Self::Flood(flood) => flood.run(),
            Self::Kill(kill) => kill.run(),
            Self::Fuzz(fuzz) => fuzz.run(),
            Self::Torchrun(torchrun) => torchrun.run(),
        }
    }
}
