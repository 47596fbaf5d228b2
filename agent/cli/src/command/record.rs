//! `perfagent record`: run a program and write down what it did.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use perfagent_collect::{RecordOptions, Recorded, Summary};
use perfagent_exporter::tracker::Destination;

use crate::exit::Exit;
use crate::output_name;
use crate::printer::Printer;
use crate::{run_figures, suite};

/// Run a program and record what it and its children do
///
/// Exits with the program's own code, 128 + signal when it was killed, 2 when it could not be recorded.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent record -o run.perfdb -- python train.py
  perfagent record -o step.perfdb --capture-range step --api -- python train.py
  perfagent record -o run.perfdb -- torchrun --nproc-per-node 8 train.py
  perfagent record --push mlflow=http://tracking:5000 --push tensorboard=tb -- python train.py
  srun --ntasks-per-node 1 perfagent record -o 'run-%h.perfdb' -- torchrun --nproc-per-node 8 … train.py
  mpirun perfagent record -o 'run-%q{OMPI_COMM_WORLD_RANK}.perfdb' -- python train.py

One recorder records everything that its command starts on its own machine: one a node is enough, one a rank works,
too. `perfagent report` takes all files of a run together.")]
pub(crate) struct Args {
    /// Where to write the recording: %h stands for the host name, %p for the recorder's process number, %q{VAR} for the
    /// environment variable VAR, %% for a percent sign [default: PROGRAM-TIME.perfdb here, with the rank in a job]
    #[arg(short, long, value_name = "RUN.perfdb")]
    output: Option<PathBuf>,
    /// Replace an earlier recording of that name
    #[arg(short, long)]
    force: bool,
    /// Keep nothing of the first S seconds
    #[arg(long, value_name = "S", value_parser = seconds)]
    delay: Option<Duration>,
    /// Keep only S seconds; the program goes on to its end
    #[arg(long, value_name = "S", value_parser = seconds)]
    duration: Option<Duration>,
    /// Record only while an NVTX range NAME is open (NAME@DOMAIN: of that domain), or, for cudaProfilerApi, between
    /// cudaProfilerStart and cudaProfilerStop
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    capture_range: Option<String>,
    /// Record calls of the CUDA API too, with what each launched; costs launch-bound programs most
    #[arg(long)]
    api: bool,
    /// CUDA graphs: every kernel of each launch, one record a launch, or every kernel and a word when there are very many
    #[arg(long, value_name = "HOW", default_value = "auto", value_parser = ["node", "graph", "auto"])]
    cuda_graphs: String,
    /// What a program that is killed loses at most of its GPU operations, in ms [default: 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(10..=60_000))]
    flush_ms: Option<u64>,
    /// Samples a second of processor, memory and GPUs
    #[arg(long, value_name = "N", default_value = "20", value_parser = rate)]
    sample_hz: f64,
    /// Print what was recorded as JSON after the program has ended
    #[arg(long)]
    json: bool,
    /// Hand the figures of the run to a tracker of experiments when it has ended: mlflow=http://HOST:PORT, mlflow=DIR,
    /// tensorboard=DIR or wandb=DIR; several times for several. What fails there is told and changes nothing else
    #[arg(long, value_name = "TRACKER=PLACE", value_parser = Destination::parse)]
    push: Vec<Destination>,
    /// End the command when this process, which started the recorder, has ended
    #[arg(long, value_name = "PID", hide = true)]
    ends_with: Option<u32>,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// What `--json` prints.
#[derive(serde::Serialize)]
struct Document<'a> {
    schema: &'static str,
    exit_code: u8,
    duration_ns: i64,
    #[serde(flatten)]
    summary: &'a Summary,
}

/// Runs the command.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let output = match &args.output {
        Some(output) => output_name::expand(output)?,
        None => perfagent_collect::default_output(&args.command),
    };
    if args.capture_range.is_some() && args.cuda_graphs == "graph" {
        anyhow::bail!(
            "--cuda-graphs graph: CUPTI must record whole graphs from the beginning, not only in a --capture-range; leave \
             one of the two out"
        );
    }
    if let Some(parent) = args.ends_with {
        suite::end_with(parent).context("a thread that watches the parent cannot be started")?;
    }
    let options = RecordOptions {
        force: args.force,
        sample_hz: args.sample_hz,
        delay: args.delay.unwrap_or_default(),
        duration: args.duration,
        flush_ms: args.flush_ms,
        api: args.api,
        capture_range: args.capture_range.clone(),
        cuda_graphs: args.cuda_graphs.clone(),
        ..RecordOptions::new(output, args.command.clone())
    };
    let recorded = perfagent_collect::record(&options)?;
    for warning in &recorded.summary.warnings {
        printer.note(format!("warning: {warning}"));
    }
    printer.note(sentence(&recorded));
    if args.json {
        printer.json(&Document {
            schema: "perfagent.record/1",
            exit_code: recorded.exit.code(),
            duration_ns: recorded.ran.nanos(),
            summary: &recorded.summary,
        })?;
    }
    push(&args.push, &recorded.summary.path, printer);
    Ok(Exit::Target(recorded.exit.code()))
}

/// The recording is safe, and the program's exit code is what the caller waits for: no tracker may change either.
fn push(destinations: &[Destination], recording: &Path, printer: &mut Printer) {
    if destinations.is_empty() {
        return;
    }
    let figures = match run_figures::read(recording) {
        Ok(figures) => figures,
        Err(error) => return printer.note(format!("nothing is pushed: {error:#}")),
    };
    for destination in destinations {
        match destination.push(&figures) {
            Ok(place) => printer.note(format!("pushed to {destination}: {place}")),
            Err(error) => printer.note(format!("not pushed to {destination}: {error}")),
        }
    }
}

/// The run in one sentence.
fn sentence(recorded: &Recorded) -> String {
    format!("{} in {}", contents(&recorded.summary), recorded.ran)
}

/// What a recording holds, in one sentence.
pub(super) fn contents(summary: &Summary) -> String {
    let lost = match summary.lost() {
        0 => "nothing lost".to_owned(),
        lost => {
            let causes: Vec<_> =
                summary.losses.iter().map(|(cause, count)| format!("{cause} {count}")).collect();
            format!("{lost} LOST ({})", causes.join(", "))
        }
    };
    let processes = match summary.processes.len() {
        1 => "1 process".to_owned(),
        count => format!("{count} processes"),
    };
    format!("{}: {} events of {processes}, {lost}", shown(&summary.path), summary.event_count())
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn seconds(text: &str) -> anyhow::Result<Duration> {
    let seconds: f64 = text.parse().context("give seconds, for example 2.5")?;
    Duration::try_from_secs_f64(seconds).context("give a number of seconds that is not negative")
}

fn rate(text: &str) -> anyhow::Result<f64> {
    let rate: f64 = text.parse().context("give samples a second, for example 20")?;
    anyhow::ensure!((0.1..=1000.0).contains(&rate), "give between 0.1 and 1000 samples a second");
    Ok(rate)
}

#[cfg(test)]
mod tests {
    use super::{rate, seconds};

    #[test]
    fn times_and_rates_are_checked() {
        assert_eq!(seconds("2.5").unwrap().as_millis(), 2500);
        for text in ["-1", "NaN", "inf", "1e300", "two"] {
            assert!(seconds(text).is_err(), "{text}");
        }
        assert!(rate("20").is_ok() && rate("0").is_err() && rate("NaN").is_err());
    }
}
