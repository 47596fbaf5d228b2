//! `perfagent ceilings`: what this device can do at most.

use std::path::PathBuf;

use perfagent_health::{host_name, now};
use perfagent_kernels::{Ceilings, Comparison, Datasheets, Device, Effort, measure};

use crate::ceilings::torch;
use crate::exit::Exit;
use crate::page::Form;
use crate::printer::Printer;
use crate::{ceilings, output};

/// Measure what this device can do at most: memory bandwidth, matrix products, collectives; of a GPU copies and launches too
///
/// Takes the whole device meanwhile: some minutes of a processor, up to a quarter of an hour of a GPU, under a minute of
/// either with --quick. Products and collectives of a processor are libtorch's, measured by perfagent-bench. On a busy machine the best repetition is closer to the truth than the median.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  perfagent ceilings --device cpu -o ceilings.json\n  perfagent ceilings --device cuda:0 --quick"
)]
pub(crate) struct Args {
    /// cpu, cuda or cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: Device,
    /// Take less than a minute: sparse grids, medians to 3 % instead of 1 %
    #[arg(long)]
    quick: bool,
    /// Hold the figures against the datasheets of this file [default: those of data/gpus.toml, which perfagent carries]
    #[arg(long, value_name = "gpus.toml")]
    datasheets: Option<PathBuf>,
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
    /// `None` of a device that no datasheet is known of.
    datasheet: Option<&'a Comparison>,
}

/// Measures and prints.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let datasheets = Datasheets::load(args.datasheets.as_deref())?;
    // A place that cannot be written to is told before the measurement, not after.
    let file = args.output.as_deref().map(|path| output::begin(path, "-o")).transpose()?;
    let effort = if args.quick { Effort::Quick } else { Effort::Full };
    let mut ceilings = measure(args.device, effort)?;
    if let Some(cpu) = &mut ceilings.cpu {
        cpu.set_torch(torch::measure(effort));
    }
    let comparison = Comparison::of(&ceilings, &datasheets);
    let document = Document {
        schema: "perfagent.ceilings/1",
        host: host_name(),
        time: now().rfc3339(),
        ceilings: &ceilings,
        datasheet: comparison.as_ref(),
    };
    if let Some(file) = file {
        file.finish_json(&document)?;
    }
    if args.json {
        printer.json(&document)?;
    } else {
        ceilings::page(&ceilings, comparison.as_ref()).print(Form::Text, printer)?;
    }
    Ok(Exit::Success)
}
