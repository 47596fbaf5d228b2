//! `perfagent history`: results over time, and whether the newest fit in with them.

mod add;
mod check;
mod export;
mod import;
mod list;
mod show;

use perfagent_history::{Added, Run};
use serde_json::json;

use crate::exit::Exit;
use crate::history::short;
use crate::printer::Printer;

/// Keep results over time in one file, and judge the newest against their own history
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent history add --store history.db results.json
  perfagent history check --store history.db")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Add(add::Args),
    Check(check::Args),
    List(list::Args),
    Show(show::Args),
    Export(export::Args),
    Import(import::Args),
}

/// Does it.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    match &args.action {
        Action::Add(args) => add::run(args, printer),
        Action::Check(args) => check::run(args, printer),
        Action::List(args) => list::run(args, printer),
        Action::Show(args) => show::run(args, printer),
        Action::Export(args) => export::run(args, printer),
        Action::Import(args) => import::run(args, printer),
    }
}

/// Tells what became of runs.
fn tell(runs: &[Run], added: &[Added], json: bool, printer: &mut Printer) -> anyhow::Result<()> {
    if json {
        let rows = runs.iter().zip(added).map(|(run, added)| {
            let (id, is_new) = match *added {
                Added::New(id) => (id, true),
                Added::Known(id) => (id, false),
            };
            json!({
                "id": id, "new": is_new, "source": run.source, "commit": run.commit, "branch": run.branch,
                "suite": run.suite, "machine": run.machine, "metrics": run.measurements.len(),
            })
        });
        return printer.json(
            &json!({ "schema": "perfagent.history-add/1", "runs": rows.collect::<Vec<_>>() }),
        );
    }
    for (run, added) in runs.iter().zip(added) {
        let place =
            format!("{} on {}, {} on {}", short(&run.commit), run.branch, run.suite, run.machine);
        let source = &run.source;
        let metrics = run.measurements.len();
        match added {
            Added::New(id) => {
                let word = if metrics == 1 { "metric" } else { "metrics" };
                printer.line(format!("run {id}: {metrics} {word} of {source} ({place})"))?;
            }
            Added::Known(id) => {
                printer.line(format!("run {id} has the same figures as {source} ({place}): not added again; give --time if it is another run"))?;
            }
        }
    }
    Ok(())
}
