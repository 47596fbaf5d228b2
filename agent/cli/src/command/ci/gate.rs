//! `perfagent ci gate`: two builds, in turns on this machine, and whether the new one is slower.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use perfagent_regress::compare::{Overall, Settings};

use crate::exit::Exit;
use crate::gate::{Document, Finished, Plan, Request, Session, junit, openmetrics, page};
use crate::output;
use crate::page::Form;
use crate::printer::Printer;
use crate::suite::Machine;

/// Runs a side of the second look at most, for each of the first.
const CONFIRM_FACTOR: usize = 3;

/// Run benchmarks of two builds in turns on this machine, and say whether the new one is slower
///
/// Each run is recorded. Both sides of a case are compared; a case in which something became worse is run again, and fails only
/// if these fresh runs, without the first ones, say the same. A case that fails on the new side only is a regression, too.
/// Exit code 0, 1 for a regression, 2 when no case runs on either side, 3 with --strict when something is open, 4 when
/// environments must not be compared, 130 after Ctrl-C. The same command goes on where it was interrupted.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent ci gate --base ../base --new . -- ./bench.sh
  perfagent ci gate --base ../base --new . --case 'train=python train.py' --case 'serve=python serve.py --source {}'
  perfagent ci gate --base ../base --new . --suite ci --markdown
  perfagent ci gate --base 'python old.py' --new 'python new.py' --runs 8

In a command {} stands for the side's folder; a command without it is run in that folder. Of a suite, each side's own
perfagent-bench is run, and what follows -- are its options. The folder of results holds gate.json, gate.md, junit.xml,
metrics.txt (OpenMetrics) and all recordings: runs/CASE/base-NN.perfdb and new-NN.perfdb.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Args {
    /// What to compare with: a folder with a build or a checkout, a perfagent-bench, or a command
    #[arg(long, value_name = "FOLDER|COMMAND")]
    base: String,
    /// What to judge, given alike
    #[arg(long, value_name = "FOLDER|COMMAND")]
    new: String,
    /// A suite, or a suite's file (NAME.toml) [default: ci, when no command is given]
    #[arg(long, value_name = "SUITE")]
    suite: Option<String>,
    /// A benchmark and its line for the shell; may be given several times
    #[arg(long = "case", value_name = "NAME=COMMAND")]
    cases: Vec<String>,
    /// Runs a side; an even number leaves nothing of a steady drift, fewer than 4 would tell nothing
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(4..=100))]
    runs: u32,
    /// Runs a side before those, which fill caches and do not count
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=10))]
    warm_up: u32,
    /// Fresh runs a side of a case that alarmed, at most; as many as --runs at least [default: 3 times --runs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(4..=300))]
    confirm: Option<u32>,
    /// Changes up to this are too small to matter, in percent
    #[arg(long, value_name = "PCT", allow_negative_numbers = true, default_value_t = Settings::default().threshold_pct)]
    threshold: f64,
    /// End a run after S seconds [default: 600; of a suite, what it says]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=604_800))]
    time_limit: Option<u64>,
    /// Exit with 3 when something is inconclusive
    #[arg(long)]
    strict: bool,
    /// Compare even runs from different environments
    #[arg(long)]
    force: bool,
    /// The folder of results
    #[arg(short, long, value_name = "FOLDER", default_value = "gate.perfdb-results")]
    output: PathBuf,
    /// Start over: forget the runs in the folder
    #[arg(long)]
    fresh: bool,
    /// Answer as JSON (perfagent.ci-gate/1)
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Answer as Markdown, for a pull request
    #[arg(long)]
    markdown: bool,
    /// No progress on standard error
    #[arg(long)]
    quiet: bool,
    /// A benchmark's command; of a suite, options of `perfagent-bench` for every case
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Runs it, or goes on with it.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    ensure!(
        args.threshold.is_finite() && args.threshold > 0.0,
        "--threshold {}: is not a percentage above 0; give the smallest change that matters, such as 2",
        args.threshold
    );
    let settings = Settings { threshold_pct: args.threshold, ..Settings::default() };
    let plan = Plan::of(&args.request()?, Machine::this())?;
    let mut notes = Vec::new();
    let mut session = Session::open(plan, args.output.clone(), args.fresh, &mut notes)?;
    let say = |text: String, printer: &mut Printer| {
        if !args.quiet {
            printer.note(text);
        }
    };
    for note in notes {
        say(note, printer);
    }
    let outcomes = match session.run(&settings, args.force, say, printer)? {
        Finished::All(outcomes) => outcomes,
        Finished::Stopped(signal) => {
            let done = session.done();
            printer.note(format!(
                "stopped with {done} runs done; the same command goes on from there"
            ));
            return Ok(Exit::Convention(128_u8.saturating_add(signal as u8)));
        }
    };
    let document = Document::of(session.plan(), session.folder(), &outcomes, &settings);
    let answer = page(&document);
    let file = |name: &str| output::begin(&session.folder().join(name), "-o");
    file("gate.json")?.finish_json(&document)?;
    file("gate.md")?.finish_text(&answer.render(Form::Markdown))?;
    file("junit.xml")?.finish_text(&junit(&document)?)?;
    file("metrics.txt")?.finish_text(&openmetrics(&document))?;
    if document.is_void() {
        let told = document.cases.iter().find_map(|case| case.failures.first());
        bail!(
            "{}: no case runs on either side: {}; mend that and start over with --fresh",
            session.folder().display(),
            told.map_or_else(
                || "there is none".to_owned(),
                |failed| { format!("{} (see {})", failed.sentence(), failed.log) }
            )
        );
    }
    if args.json {
        printer.json(&document)?;
    } else {
        answer.print(if args.markdown { Form::Markdown } else { Form::Text }, printer)?;
    }
    Ok(match document.verdict {
        Overall::Regression => Exit::No,
        Overall::Incomparable => Exit::Incomparable,
        Overall::Inconclusive if args.strict => Exit::Inconclusive,
        Overall::Inconclusive | Overall::Improvement | Overall::Equivalent => Exit::Success,
    })
}

impl Args {
    fn request(&self) -> anyhow::Result<Request> {
        let words = self.command.iter().map(|word| word.to_str().map(str::to_owned));
        let words: Option<Vec<String>> = words.collect();
        let runs = self.runs as usize;
        Ok(Request {
            base: self.base.clone(),
            new: self.new.clone(),
            suite: self.suite.clone(),
            cases: self.cases.clone(),
            words: words.context(
                "the command has a word that is not UTF-8; put it into a script and give that",
            )?,
            time_limit_s: self.time_limit,
            runs,
            warm_up: self.warm_up as usize,
            confirm: self.confirm.map_or(CONFIRM_FACTOR * runs, |runs| runs as usize),
        })
    }
}
