//! `perfagent bench`: train a real model, recorded.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use clap::Parser as _;

use super::record;
use crate::exit::Exit;
use crate::lookup::Sibling;
use crate::printer::Printer;

const PERFAGENT_BENCH: Sibling = Sibling {
    name: "perfagent-bench",
    variable: "PERFAGENT_BENCH",
    remedy: "`cargo xtask demo` builds it",
};

/// Train a real model as a benchmark, and record it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  perfagent bench run gpt --device cpu -o gpt.perfdb -- --preset nano --nproc 2"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the models and presets
    #[command(after_help = "Example:\n  perfagent bench list")]
    List {
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    Run(Run),
}

/// Train a model and record it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  perfagent bench run gpt -o gpt.perfdb -- --preset nano --steps 50"
)]
struct Run {
    /// The model
    #[arg(value_name = "MODEL")]
    model: String,
    /// Where to compute
    #[arg(long, value_enum)]
    device: Option<Device>,
    /// Where to write the recording
    #[arg(short, long, value_name = "RUN.perfdb")]
    output: Option<PathBuf>,
    /// Replace a recording that exists
    #[arg(short, long)]
    force: bool,
    /// Further options of `perfagent-bench MODEL`
    #[arg(last = true, value_name = "OPTIONS")]
    options: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Device {
    /// The processor
    Cpu,
    /// An NVIDIA GPU
    Cuda,
}

/// Lists, or trains under the recorder.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let program = PERFAGENT_BENCH.find()?;
    match &args.action {
        Action::List { json } => {
            printer.flush()?;
            let options = json.then_some("--json");
            let failure = Command::new(&program).arg("list").args(options).exec();
            anyhow::bail!("{}: cannot be started: {failure}; build it again", program.display())
        }
        Action::Run(run) => record::run(&run.as_record(program)?, printer),
    }
}

/// Arguments of `perfagent record`, to be parsed by themselves.
#[derive(Debug, clap::Parser)]
struct RecordArguments {
    #[command(flatten)]
    args: record::Args,
}

impl Run {
    /// The same as `perfagent record [-o OUTPUT] [-f] -- PROGRAM MODEL [--device DEVICE] [OPTIONS]`, with
    /// every default of `record`.
    fn as_record(&self, program: PathBuf) -> Result<record::Args, clap::Error> {
        let mut words: Vec<OsString> = vec!["record".into()];
        if let Some(output) = &self.output {
            words.extend(["-o".into(), output.into()]);
        }
        if self.force {
            words.push("-f".into());
        }
        words.extend(["--".into(), program.into(), OsString::from(&self.model)]);
        if let Some(device) = self.device {
            let device = match device {
                Device::Cpu => "cpu",
                Device::Cuda => "cuda",
            };
            words.extend(["--device".into(), device.into()]);
        }
        words.extend(self.options.iter().cloned());
        Ok(RecordArguments::try_parse_from(words)?.args)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{Device, RecordArguments, Run};

    #[test]
    fn run_is_a_record_of_the_benchmark() {
        let run = Run {
            model: "gpt".into(),
            device: Some(Device::Cpu),
            output: Some("a b.perfdb".into()),
            force: true,
            options: vec!["--steps".into(), "3".into()],
        };
        let words = [
            "record",
            "-o",
            "a b.perfdb",
            "-f",
            "--",
            "/x/perfagent-bench",
            "gpt",
            "--device",
            "cpu",
            "--steps",
            "3",
        ];
        let same = RecordArguments::try_parse_from(words).unwrap().args;
        let recorded = run.as_record("/x/perfagent-bench".into()).unwrap();
        assert_eq!(format!("{recorded:?}"), format!("{same:?}"));
    }
}
