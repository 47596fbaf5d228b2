//! `perfagent bench`: train real models, one or a whole suite of cases, recorded.

mod list;
mod model;
mod suite;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::bail;

use super::record;
use crate::exit::Exit;
use crate::lookup::Sibling;
use crate::printer::Printer;
use crate::suite::Builtin;

/// The program that links libtorch.
pub(crate) const PERFAGENT_BENCH: Sibling = Sibling {
    name: "perfagent-bench",
    variable: "PERFAGENT_BENCH",
    remedy: "`cargo xtask demo` builds it",
};

/// Train real models as benchmarks, and record them
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  perfagent bench run ci\n  perfagent bench run gpt --device cpu -o gpt.perfdb -- --preset nano --nproc 2"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the models, presets and suites
    #[command(after_help = "Example:\n  perfagent bench list")]
    List {
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    Run(Run),
}

/// Run a suite of benchmarks, or train one model, and record it
///
/// A suite runs its cases one after the other into a folder: a recording, a log and a line of results.jsonl each. Run again
/// in that folder, it goes on where it was interrupted. Exit code 0 when no case failed, 1 when one did, 130 after Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent bench run ci
  perfagent bench run precision --print > mine.toml
  perfagent bench run ./mine.toml -o results --markdown -- --steps 50
  perfagent bench run gpt -o gpt.perfdb -- --preset nano --steps 50")]
pub(crate) struct Run {
    /// A suite, a suite's file (NAME.toml), or a model
    #[arg(value_name = "SUITE|MODEL")]
    name: String,
    /// Where to compute
    #[arg(long, value_enum)]
    device: Option<Device>,
    /// Where to write the recording; of a suite, the folder of its results [default: SUITE.perfdb-results]
    #[arg(short, long, value_name = "RUN.perfdb|FOLDER")]
    output: Option<PathBuf>,
    /// Replace a recording that exists
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    suite: SuiteOptions,
    /// Further options of `perfagent-bench MODEL`; of a suite, for every case
    #[arg(last = true, value_name = "OPTIONS")]
    options: Vec<OsString>,
}

/// Options of suites alone.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
#[command(next_help_heading = "Of suites")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
struct SuiteOptions {
    /// Write the suite's TOML, to be copied and edited, and run nothing
    #[arg(long, conflicts_with_all = ["json", "markdown", "fresh", "retry", "quiet"])]
    print: bool,
    /// Start over: forget the results in the folder
    #[arg(long, conflicts_with = "retry")]
    fresh: bool,
    /// Run cases again that did not come out ok
    #[arg(long)]
    retry: bool,
    /// Answer with one JSON document
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Answer as Markdown, for a pull request
    #[arg(long)]
    markdown: bool,
    /// No progress on standard error
    #[arg(long)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Device {
    /// The processor
    Cpu,
    /// An NVIDIA GPU
    Cuda,
}

impl Device {
    const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }
}

/// Lists, runs a suite, or trains under the recorder.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    match &args.action {
        Action::List { json } => list::run(*json, printer),
        Action::Run(run) => {
            if let Some(source) = run.source() {
                return suite::run(run, &source, printer);
            }
            run.suite.refuse(&run.name)?;
            record::run(&run.as_record(PERFAGENT_BENCH.find()?)?, printer)
        }
    }
}

/// Where a suite comes from.
enum Source<'a> {
    Builtin(&'static Builtin),
    File(&'a Path),
}

impl Run {
    /// The suite that is meant, if it is none of the models.
    fn source(&self) -> Option<Source<'_>> {
        let path = Path::new(&self.name);
        let is_file = self.name.contains('/') || path.extension().is_some_and(|end| end == "toml");
        if is_file {
            return Some(Source::File(path));
        }
        Builtin::find(&self.name).map(Source::Builtin)
    }
}

impl SuiteOptions {
    /// Refuses what a model does not have.
    fn refuse(self, model: &str) -> anyhow::Result<()> {
        let given = [
            (self.print, "--print"),
            (self.fresh, "--fresh"),
            (self.retry, "--retry"),
            (self.json, "--json"),
            (self.markdown, "--markdown"),
            (self.quiet, "--quiet"),
        ];
        if let Some((_, option)) = given.iter().find(|(given, _)| *given) {
            bail!(
                "{model}: is a model, and {option} is for suites; `perfagent bench list` shows both"
            );
        }
        Ok(())
    }
}
