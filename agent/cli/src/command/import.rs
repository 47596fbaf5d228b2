//! `perfagent import`: make a recording of another tool's traces.

use std::path::PathBuf;

use perfagent_import::{ImportOptions, Imported, import};

use crate::exit::Exit;
use crate::printer::Printer;
use crate::unit;

/// Make a recording of other tools' traces and logs
///
/// Takes PyTorch Kineto traces, also of AMD GPUs; Nsight Systems reports, exported with `nsys export --type sqlite` or
/// printed with `nsys stats --format csv` (`cuda_gpu_trace`, `cuda_api_trace`); logs and documents of nccl-tests and
/// rccl-tests; dumps of NCCL's profiler plugins (Inspector and the example); and what nvidia-smi --query-gpu logs as CSV,
/// each also as .gz. The format is told by the content. Several traces become one recording with a rank each. What is
/// damaged is read as far as possible, with a warning.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent import rank0.json.gz rank1.json.gz -o run.perfdb
  perfagent import traces/ -o run.perfdb && perfagent report run.perfdb
  perfagent import all_reduce_perf.log gpu.csv -o run.perfdb")]
pub(crate) struct Args {
    /// The traces, or directories of traces
    #[arg(value_name = "FILE|DIR", required = true)]
    inputs: Vec<PathBuf>,
    /// Where to write the recording
    #[arg(short, long, value_name = "RUN.perfdb")]
    output: PathBuf,
    /// Replace an earlier recording of that name
    #[arg(short, long)]
    force: bool,
    /// Print what was imported as JSON (perfagent.import/1)
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(serde::Serialize)]
struct Document<'a> {
    schema: &'static str,
    #[serde(flatten)]
    imported: &'a Imported,
}

/// Runs the command.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let options = ImportOptions {
        inputs: args.inputs.clone(),
        output: args.output.clone(),
        force: args.force,
    };
    let imported = import(&options)?;
    for warning in &imported.warnings {
        printer.note(format!("warning: {warning}"));
    }
    printer.note(sentence(&imported));
    if args.json {
        printer.json(&Document { schema: "perfagent.import/1", imported: &imported })?;
    }
    Ok(Exit::Success)
}

/// The import in one sentence.
fn sentence(imported: &Imported) -> String {
    let traces = match imported.files.len() {
        1 => "1 trace".to_owned(),
        count => format!("{count} traces"),
    };
    let left_out: u64 = imported.files.iter().flat_map(|file| file.left_out.values()).sum();
    let left_out = match left_out {
        0 => String::new(),
        count => format!(
            " ({} more of kinds that a recording has no place for)",
            unit::count(count as i64)
        ),
    };
    format!(
        "{}: {} events of {traces}{left_out}",
        imported.path.display(),
        unit::count(imported.event_count() as i64)
    )
}
