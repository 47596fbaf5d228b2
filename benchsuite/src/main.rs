//! `perfagent-bench`: real training runs and inference with tch, marked for a profiler. The only program of the
//! project that links libtorch. One process is one rank; with `--nproc` a launcher starts them.
//!
//! Exit codes: 0 success, 1 the run failed, 2 what was asked for cannot be done.

mod ceilings;
mod checkpoint;
mod data;
mod device;
mod engine;
mod failure;
mod inference;
mod interrupt;
mod launch;
mod launcher;
mod ledger;
mod list;
mod marks;
mod memory;
mod mesh;
mod model;
mod optimizer;
mod options;
mod outcome;
mod parallel;
mod parameters;
mod peak;
mod place;
mod progress;
mod rendezvous;
mod scaler;
mod shape;
mod shim;
mod stage;
mod train;
mod trainer;
mod world;

use std::io::Write;
use std::process::ExitCode;

use crate::failure::{Failure, Result};
use crate::options::{Cli, Command, DeviceChoice, Job, ModelArgs, ServingJob, Unread};
use crate::place::Place;
use crate::shape::{Architecture, Family};
use crate::train::Ended;

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(Unread::Words(error)) if error.use_stderr() => return complain(None, &usage(&error)),
        Err(Unread::Words(help)) => return answer(&help.render().to_string()),
        Err(Unread::Refused(failure)) => return complain(None, &failure),
    };
    let language = Family::Language;
    let place = match Place::of_this_process() {
        Ok(place) => place,
        Err(failure) => return complain(None, &failure),
    };
    let result = match cli.command {
        Command::List { json } => return answer(&list::render(json)),
        Command::Ceilings(args) => ceilings::run(&args, place.clone()).map(|text| answer(&text)),
        Command::Inference(args) => ServingJob::new(*args)
            .and_then(|job| inference::run(&job, place.as_ref()))
            .map(|text| answer(&text)),
        Command::Other(words) => Err(unknown_model(words.first().map_or("", String::as_str))),
        Command::Gpt(args) => train_model(language(Architecture::Gpt), *args, place.clone()),
        Command::Llama(args) => train_model(language(Architecture::Llama), *args, place.clone()),
        Command::Moe(args) => train_model(language(Architecture::Moe), *args, place.clone()),
        Command::Resnet50(args) => train_model(Family::Images, *args, place.clone()),
    };
    match result {
        Ok(done) => done,
        Err(failure) => {
            let place = place.filter(|place| place.size > 1);
            if matches!(failure, Failure::Peer(_)) && place.as_ref().is_some_and(|p| p.launched) {
                // The launcher sees which rank died and why; it ends this process meanwhile.
                launch::pause(launch::HOLD_BACK);
            }
            complain(place.map(|place| place.rank), &failure)
        }
    }
}

/// Trains as one rank, or starts the ranks.
fn train_model(family: Family, args: ModelArgs, place: Option<Place>) -> Result<ExitCode> {
    let asked = args.nproc;
    // A batch script under Slurm is itself "task 0 of 1": it may well start ranks of its own.
    let place = place.filter(|place| place.size > 1 || asked.is_none_or(|ranks| ranks == 1));
    let job = Job::new(family, args)?;
    if asked == Some(0) {
        return Err(Failure::input("--nproc 0: at least one rank is needed"));
    }
    if let (Some(asked), Some(place)) = (asked, &place)
        && asked != place.size
    {
        return Err(Failure::input(format!(
            "--nproc {asked} contradicts the {} ranks that this process was started among: leave --nproc out",
            place.size
        )));
    }
    let ranks = place.as_ref().map_or(asked.unwrap_or(job.tp * job.pp), |place| place.size);
    job.position(0, ranks)?;
    outcome::check_writable(&job)?;
    if place.as_ref().is_none_or(|place| place.rank == 0 && !place.launched)
        && let Some(checkpoints) = checkpoint::Checkpoints::new(&job, 0)
    {
        checkpoints.check()?;
    }
    let local_ranks = place.as_ref().map_or(ranks, |place| place.local_size);
    if place.as_ref().is_none_or(|place| !place.launched) {
        if !device::may_be_cuda(job.device, ranks) {
            memory::check(&job, ranks, local_ranks)?;
        }
        if ranks > 1 && place.is_none() {
            // What all ranks would complain of is one message and not one a rank: too few GPUs, a bad folder.
            if job.device == DeviceChoice::Cuda {
                device::choose(job.device, &Place::last_of(ranks))?;
            }
            data::Data::open(&job)?.feed(&job, ranks, tch::Device::Cpu)?;
            return launch::run(ranks, job.checkpoint.is_some(), &[]).map(ExitCode::from);
        }
    } else {
        launch::end_with_launcher();
    }
    Ok(match train::run(&job, place.unwrap_or_else(Place::alone))? {
        Ended::Done(summary) => summary.map_or(ExitCode::SUCCESS, |text| answer(&text)),
        Ended::Interrupted => ExitCode::from(interrupt::EXIT_CODE),
    })
}

fn unknown_model(name: &str) -> Failure {
    Failure::input(format!(
        "unknown model '{name}': known are gpt, llama, moe and resnet50 (see perfagent-bench list)"
    ))
}

/// Clap's explanation, cut down to the line that says what is wrong.
fn usage(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let line: Vec<_> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    let line = line.join(" ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    if line.is_empty() || line.starts_with("Usage") || text.starts_with("Real training") {
        return Failure::input("what to do is missing: try perfagent-bench gpt, or --help");
    }
    Failure::input(format!("{line}; see --help"))
}

/// Writes the answer; a reader that has gone away is no error.
fn answer(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            complain(None, &Failure::run(format!("standard output cannot be written: {error}")))
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Says what went wrong, in one line.
fn complain(rank: Option<usize>, failure: &Failure) -> ExitCode {
    let rank = rank.map_or_else(String::new, |rank| format!("rank {rank}: "));
    progress::line(&format!("perfagent-bench: {rank}{failure}"));
    failure.exit_code()
}
