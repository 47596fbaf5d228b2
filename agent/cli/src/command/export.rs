//! `perfagent export`: write recordings in the formats of other tools.

use std::path::PathBuf;

use perfagent_export::{Destination, ExportError, ExportOptions, Format, export};

use crate::exit::Exit;
use crate::printer::Printer;

/// Write recordings in the format of another tool
///
/// chrome is the JSON of PyTorch's profiler, for Perfetto (https://ui.perfetto.dev), chrome://tracing, TensorBoard and
/// Holistic Trace Analysis; `perfagent import` reads it back. speedscope is for https://www.speedscope.app. parquet and
/// csv are a directory with one file a table, for DuckDB, Spark, ClickHouse, pandas.
#[expect(clippy::doc_markdown, reason = "the text of --help, which is no Markdown")]
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent export run.perfdb --format chrome -o trace.json.gz
  perfagent export run.perfdb --format parquet -o run.parquet
  perfagent export node-*.perfdb --format chrome --rank 3 -o - | gzip > rank3.json.gz")]
pub(crate) struct Args {
    /// The recordings; several are taken as parts of one run
    #[arg(value_name = "RUN.perfdb", required = true)]
    recordings: Vec<PathBuf>,
    /// What to write
    #[arg(long, value_enum)]
    format: Form,
    /// Where to write it; JSON is compressed when the name ends in .gz, and `-` is standard output
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Replace an earlier export of that name
    #[arg(short, long)]
    force: bool,
    /// Export this rank alone; of a job's ranks PyTorch writes a file each
    #[arg(long, value_name = "N")]
    rank: Option<i64>,
}

/// The formats by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    Chrome,
    Parquet,
    Csv,
    Speedscope,
}

/// Runs the command.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let output = if args.output.as_os_str() == "-" {
        Destination::StandardOutput
    } else {
        Destination::Path(args.output.clone())
    };
    let format = match args.format {
        Form::Chrome => Format::Chrome,
        Form::Parquet => Format::Parquet,
        Form::Csv => Format::Csv,
        Form::Speedscope => Format::Speedscope,
    };
    let options = ExportOptions {
        inputs: args.recordings.clone(),
        format,
        output,
        force: args.force,
        rank: args.rank,
    };
    match export(&options, printer.stream()) {
        Ok(()) => Ok(Exit::Success),
        Err(ExportError::StandardOutput(error)) => Err(Printer::failed(&error)),
        Err(error) => Err(error.into()),
    }
}
