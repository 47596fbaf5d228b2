//! `perfagent tune`: try configurations, a few of many, and find the best.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use perfagent_advisor::tune::{Parameter, Settings};

use super::predict;
use crate::exit::Exit;
use crate::page::Form;
use crate::printer::Printer;
use crate::suite::Machine;
use crate::tune::{Finished, Plan, Request, Session, document, page, read_job};
use crate::unit;

/// Try configurations of a training command, and find the fastest
///
/// The command holds placeholders: {micro_batch}, {accumulate}, {precision}, {zero}, {tp}, {pp}, {recompute}, {offload}, {nproc}
/// and {threads} have values of their own, others are given with --vary. Each trial is recorded; what is learned from it
/// decides the next. A trial that runs out of memory, fails or takes too long is written down, and rules out what takes as
/// much. The same command in the same folder goes on where it was. Exit code 0, 1 when nothing could be measured, 130 after
/// Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent tune --budget 12 -- perfagent-bench gpt --preset nano --steps 12 --micro-batch {micro_batch} --threads {threads}
  perfagent tune --vary bucket=25,50,100 --vary compile=0,1 -- python train.py --bucket {bucket} --compile {compile} --out {json}
  perfagent tune --global-batch 64 --tokens-per-step 64*2048 -- \\
    torchrun --nproc-per-node {nproc} train.py --batch {micro_batch} --accumulate {accumulate}

What is measured: the number tokens_per_s (or the one of --metric) in the JSON file that the command writes to {json}; else
the steps that it marks, times --tokens-per-step. perfagent-bench is asked for its result by itself.")]
#[expect(clippy::doc_markdown, reason = "help is plain text: no backticks")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Args {
    /// Where trials are kept: a recording, a log and a line of tune.jsonl each [default: PROGRAM.perfdb-tune]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Trials at most, those that the folder has already among them
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    budget: u32,
    /// Values of a placeholder; the first is where the search begins
    #[arg(long, value_name = "NAME=V1,V2,…", value_parser = Parameter::parse)]
    vary: Vec<Parameter>,
    /// Keep this many sequences a step: {accumulate} follows from {micro_batch} and the ranks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    global_batch: Option<u64>,
    /// The number in the file {json} that is measured, as a JSON pointer [default: tokens_per_s, else samples_per_s]
    #[arg(long, value_name = "POINTER")]
    metric: Option<String>,
    /// Less of the metric is better
    #[arg(long, requires = "metric")]
    minimise: bool,
    /// Measure by the steps of the recording, each with so many tokens: a product of placeholders and numbers
    #[arg(long, value_name = "EXPR")]
    tokens_per_step: Option<String>,
    /// Leave out what can be better by no more than this, percent
    #[arg(long, value_name = "PCT", default_value_t = 2.0)]
    tolerance: f64,
    /// End a trial after S seconds
    #[arg(long, value_name = "S", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    trial_timeout: u64,
    /// The job that the command trains, one line as `perfagent predict` takes it: what is expected before anything has run is
    /// predicted from it. Of perfagent-bench and of Megatron-LM the command line says it
    #[arg(long, value_name = "JOB.json")]
    job: Option<PathBuf>,
    /// What was measured of the device: an answer of `perfagent ceilings`. Of processors nothing is predicted without
    #[arg(long, value_name = "ceilings.json")]
    ceilings: Option<PathBuf>,
    /// Decides between configurations that promise the same
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Start over: forget the trials in the folder
    #[arg(long)]
    fresh: bool,
    /// Answer with one JSON document (perfagent.tune/1)
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Answer as Markdown
    #[arg(long)]
    markdown: bool,
    /// No progress on standard error
    #[arg(long)]
    quiet: bool,
    /// The command with placeholders, and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Searches, or goes on with it.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    ensure!(
        (0.0..=100.0).contains(&args.tolerance),
        "--tolerance {}: give a percentage between 0 and 100",
        args.tolerance
    );
    let command: Vec<String> = args
        .command
        .iter()
        .map(|word| word.to_str().map(str::to_owned))
        .collect::<Option<_>>()
        .context(
            "the command has a word that is not UTF-8; placeholders cannot be looked for in it",
        )?;
    let program = command.first().cloned().unwrap_or_default();
    let settings = Settings {
        budget: args.budget as usize,
        tolerance: args.tolerance / 100.0,
        seed: args.seed,
        minimise: args.minimise,
    };
    let request = Request {
        command,
        vary: args.vary.clone(),
        global_batch: args.global_batch,
        metric: args.metric.clone(),
        minimise: args.minimise,
        tokens_per_step: args.tokens_per_step.clone(),
        job: args.job.as_deref().map(read_job).transpose()?,
        settings,
    };
    let plan = Plan::of(&request, Machine::this())?;
    let folder = args.dir.clone().unwrap_or_else(|| default_folder(&program));
    let mut notes = Vec::new();
    let predictor = predict::measured(predict::predictor(None)?, args.ceilings.as_deref())?;
    let mut session = Session::open(plan, settings, predictor, folder, args.fresh, &mut notes)?;
    let kept = session.entries().len();
    if kept > 0 {
        notes.push(format!("{}: keeps what is done: {}", session.folder().display(), trials(kept)));
    }
    if !args.quiet {
        for note in notes {
            printer.note(note);
        }
    }
    let limit = Duration::from_secs(args.trial_timeout);
    let stopped = match session.run(limit, args.quiet, printer)? {
        Finished::Over(stopped) => stopped,
        Finished::Stopped(signal) => {
            printer.note(format!(
                "stopped with {} done; the same command goes on from there",
                trials(session.entries().len())
            ));
            return Ok(Exit::Convention(128_u8.saturating_add(signal as u8)));
        }
    };
    let account = session.account();
    if args.json {
        printer.json(&document(&session, &account, &stopped))?;
    } else {
        let form = if args.markdown { Form::Markdown } else { Form::Text };
        page(&session, &account, &stopped).print(form, printer)?;
    }
    if account.best.is_some() {
        return Ok(Exit::Success);
    }
    let last = session.entries().last().and_then(|entry| entry.trial.outcome.reason());
    printer.note(anyhow!(
        "no trial could be measured: {}; see the logs in {}",
        last.unwrap_or("none was run"),
        session.folder().display()
    ));
    Ok(Exit::No)
}

/// In the working folder, named after the program. Benchmarks that train on the source tree leave out what has `.perfdb` in
/// its name.
fn default_folder(program: &str) -> PathBuf {
    let name = PathBuf::from(program);
    let name = name.file_name().map_or_else(|| "command".into(), |name| name.to_string_lossy());
    PathBuf::from(format!("{name}.perfdb-tune"))
}

fn trials(count: usize) -> String {
    match count {
        1 => "1 trial".to_owned(),
        count => format!("{} trials", unit::count(count as i64)),
    }
}
