//! `perfagent sql`: ask a recording anything.

use std::path::PathBuf;

use anyhow::ensure;
use perfagent_recording::Reader;

use crate::exit::Exit;
use crate::printer::Printer;
use crate::rows::{Format, Rows};

/// Query a recording with SQL
///
/// The recording is opened read-only. Its tables are described by `perfagent schema`; `.tables` and
/// `.schema` in the place of a query list them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent sql run.perfdb \"SELECT process_id, count(*), max(end_ns - start_ns) FROM operators GROUP BY 1\"
  perfagent sql run.perfdb .tables --format csv")]
pub(crate) struct Args {
    /// The recording
    #[arg(value_name = "RUN.perfdb")]
    recording: PathBuf,
    /// One SQL statement
    #[arg(value_name = "SQL")]
    sql: String,
    /// How to write the rows
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Answers the query.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let reader = Reader::open(&args.recording)?;
    ensure!(
        !args.sql.trim().trim_end_matches(';').is_empty(),
        "the SQL statement is empty; `perfagent sql {} .tables` lists the tables",
        args.recording.display()
    );
    let mut rows = Rows::new(args.format, printer);
    reader.query(&args.sql, &mut rows)?;
    rows.end()?;
    Ok(Exit::Success)
}
