//! `perfagent doctor`: what can be recorded on this machine, and the remedy for what can not.

use std::path::Path;

use perfagent_collect::{Diagnosis, Status, examine};

use crate::exit::Exit;
use crate::printer::Printer;

/// Say what can be recorded on this machine, and how to mend what can not
///
/// Exits with 0 when programs can be recorded here, even if only without a GPU, and with 1 when they can not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  perfagent doctor --json")]
pub(crate) struct Args {
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
struct Document<'a> {
    schema: &'static str,
    #[serde(flatten)]
    diagnosis: &'a Diagnosis,
}

/// Runs the command.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let diagnosis = examine(Path::new("."));
    if args.json {
        printer.json(&Document { schema: "perfagent.doctor/1", diagnosis: &diagnosis })?;
    } else {
        let width = diagnosis.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
        for check in &diagnosis.checks {
            let status = match check.status {
                Status::Ok => "ok",
                Status::Missing => "missing",
                Status::Warning => "warning",
            };
            printer.line(format!("{status:<8} {:<width$}  {}", check.name, check.detail))?;
            if let Some(remedy) = &check.remedy {
                printer.line(format!("{:<8} {:<width$}  -> {remedy}", "", ""))?;
            }
        }
        let verdict = if diagnosis.can_record { "can" } else { "can NOT" };
        printer.line(format!("Programs {verdict} be recorded here."))?;
    }
    Ok(if diagnosis.can_record { Exit::Success } else { Exit::No })
}
