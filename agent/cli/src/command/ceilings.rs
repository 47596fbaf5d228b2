//! `perfagent ceilings`: what this device can do at most.

use std::path::PathBuf;

use perfagent_health::{host_name, now};
use perfagent_kernels::{Ceilings, Device, measure};

use crate::exit::Exit;
use crate::page::Form;
use crate::printer::Printer;
use crate::{ceilings, output};

/// Measure what this device can do at most: memory bandwidth, copies, launch latency
///
/// Takes a few seconds and the whole memory bandwidth meanwhile; on a busy machine the best repetition is closer to the
/// truth than the median.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  perfagent ceilings --device cpu -o ceilings.json")]
pub(crate) struct Args {
    /// cpu, cuda or cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: Device,
    /// Write the answer to this file as well, as JSON (perfagent.ceilings/1)
    #[arg(short, long, value_name = "ceilings.json")]
    output: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
struct Document<'a> {
    schema: &'static str,
    host: String,
    time: String,
    #[serde(flatten)]
    ceilings: &'a Ceilings,
}

/// Measures and prints.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    // A place that cannot be written to is told before the measurement, not after.
    let file = args.output.as_deref().map(|path| output::begin(path, "-o")).transpose()?;
    let ceilings = measure(args.device)?;
    let document = Document {
        schema: "perfagent.ceilings/1",
        host: host_name(),
        time: now().rfc3339(),
        ceilings: &ceilings,
    };
    if let Some(file) = file {
        file.finish_json(&document)?;
    }
    if args.json {
        printer.json(&document)?;
    } else {
        ceilings::page(&ceilings).print(Form::Text, printer)?;
    }
    Ok(Exit::Success)
}
