//! The commands, one file each.
//!
//! A command's file holds a clap `Args` struct with an
//! `#[command(after_help = "Example:\n  perfagent …")]`, and
//! `pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit>`:
//!
//! * the answer goes to [`Printer::line`] and its siblings, remarks to [`Printer::note`]; nothing else prints;
//! * whatever goes wrong is returned: `main` prints it as one line and exits with 2, so the error's text
//!   must name the file, the place and the remedy (those of the libraries do);
//! * other outcomes are an [`Exit`], which names what the code means.

mod active_answer;
mod advise;
pub(crate) mod bench;
mod ceilings;
mod changepoints;
mod ci;
mod compare;
mod doctor;
mod explain;
mod export;
mod exporter;
mod gui;
mod health;
mod history;
mod import;
mod nvml_answer;
mod nvml_sample;
pub(crate) mod predict;
mod record;
mod recover;
mod report;
mod run_figures;
mod schema;
mod sql;
mod tune;

pub(crate) use compare::with_separator;

use crate::exit::Exit;
use crate::printer::Printer;

/// What perfagent can be asked to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Record(record::Args),
    Recover(recover::Args),
    Import(import::Args),
    Export(export::Args),
    Doctor(doctor::Args),
    Report(report::Args),
    Advise(advise::Args),
    Predict(predict::Args),
    Explain(explain::Args),
    Tune(tune::Args),
    Compare(compare::Args),
    Changepoints(changepoints::Args),
    Ci(ci::Args),
    History(history::Args),
    Sql(sql::Args),
    Schema(schema::Args),
    Gui(gui::Args),
    Bench(bench::Args),
    Ceilings(ceilings::Args),
    Health(health::Args),
    Exporter(exporter::Args),
    NvmlAnswer(nvml_answer::Args),
    ActiveAnswer(active_answer::Args),
    NvmlSample(nvml_sample::Args),
    RunFigures(run_figures::Args),
}

/// Does it.
pub(crate) fn run(command: &Command, printer: &mut Printer) -> anyhow::Result<Exit> {
    match command {
        Command::Record(args) => record::run(args, printer),
        Command::Recover(args) => recover::run(args, printer),
        Command::Import(args) => import::run(args, printer),
        Command::Export(args) => export::run(args, printer),
        Command::Doctor(args) => doctor::run(args, printer),
        Command::Report(args) => report::run(args, printer),
        Command::Advise(args) => advise::run(args, printer),
        Command::Explain(args) => explain::run(args, printer),
        Command::Predict(args) => predict::run(args, printer),
        Command::Tune(args) => tune::run(args, printer),
        Command::Compare(args) => compare::run(args, printer),
        Command::Changepoints(args) => changepoints::run(args, printer),
        Command::Ci(args) => ci::run(args, printer),
        Command::History(args) => history::run(args, printer),
        Command::Sql(args) => sql::run(args, printer),
        Command::Schema(args) => schema::run(args, printer),
        Command::Gui(args) => gui::run(args, printer),
        Command::Bench(args) => bench::run(args, printer),
        Command::Ceilings(args) => ceilings::run(args, printer),
        Command::Health(args) => health::run(args, printer),
        Command::Exporter(args) => exporter::run(args, printer),
        Command::NvmlAnswer(args) => nvml_answer::run(args),
        Command::ActiveAnswer(args) => active_answer::run(args),
        Command::NvmlSample(args) => Ok(nvml_sample::run(args)),
        Command::RunFigures(args) => run_figures::run(args, printer),
    }
}
