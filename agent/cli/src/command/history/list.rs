//! `perfagent history list`: the runs of a history.

use perfagent_history::{Store, StoredRun};
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::history::{Wanted, runs_page};
use crate::page::Form;
use crate::printer::Printer;

/// List the runs of a history
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent history list --store history.db --branch main")]
pub(super) struct Args {
    #[command(flatten)]
    wanted: Wanted,
    /// Answer as JSON (perfagent.history-list/1)
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let runs = Store::open(&args.wanted.store)?.runs(&args.wanted.selection())?;
    if args.json {
        let rows: Vec<Value> = runs.iter().map(row).collect();
        printer.json(&json!({ "schema": "perfagent.history-list/1", "runs": rows }))?;
    } else {
        runs_page(&args.wanted.store.display().to_string(), &runs).print(Form::Text, printer)?;
    }
    Ok(Exit::Success)
}

/// A run without its measurements.
pub(super) fn row(stored: &StoredRun) -> Value {
    let run = &stored.run;
    json!({
        "id": stored.id, "commit": run.commit, "branch": run.branch, "suite": run.suite, "machine": run.machine,
        "time": run.time.rfc3339(), "time_is_told": run.time_is_told, "added": stored.added.rfc3339(),
        "metrics": stored.metrics, "source": run.source, "environment": run.environment,
    })
}
