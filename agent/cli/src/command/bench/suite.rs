//! `perfagent bench run SUITE`: every case of a suite, recorded.

use std::path::PathBuf;

use anyhow::ensure;
use serde::Serialize;

use super::{PERFAGENT_BENCH, Run, Source};
use crate::exit::Exit;
use crate::page::Form;
use crate::printer::Printer;
use crate::suite::{
    CaseResult, Counts, Finished, Machine, Progress, Session, Suite, page, parse_words,
};

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    suite: SuiteFacts<'a>,
    folder: String,
    counts: Counts,
    /// Lines of `results.jsonl`, in the order of the suite.
    cases: &'a [CaseResult],
}

#[derive(Serialize)]
struct SuiteFacts<'a> {
    name: &'a str,
    about: &'a str,
    hash: &'a str,
}

/// Runs it, or goes on with it.
pub(super) fn run(run: &Run, source: &Source<'_>, printer: &mut Printer) -> anyhow::Result<Exit> {
    let options = run.suite;
    ensure!(!run.force, "--force is for the recording of a model; of a suite --fresh starts over");
    let mut overrides = parse_words(&run.options)?;
    if let Some(device) = run.device {
        overrides.insert("device".to_owned(), device.name().into());
    }
    let machine = Machine::this();
    let suite = match source {
        Source::Builtin(builtin) => builtin.read(machine.surroundings(), &overrides)?,
        Source::File(path) => Suite::read(path, machine.surroundings(), &overrides)?,
    };
    if options.print {
        match source {
            Source::Builtin(builtin) => printer.answer(builtin.text)?,
            Source::File(path) => printer.answer(std::fs::read_to_string(path)?)?,
        }
        return Ok(Exit::Success);
    }
    let program = PERFAGENT_BENCH.find()?;
    // Benchmarks that train on the source tree leave a folder of such a name out of their text.
    let default = || PathBuf::from(format!("{}.perfdb-results", suite.name));
    let folder = run.output.clone().unwrap_or_else(default);
    let mut notes = Vec::new();
    let mut session =
        Session::open(suite, machine, folder, (options.fresh, options.retry), &mut notes)?;
    let kept = session.kept();
    let (total, _) = session.suite().count();
    let mut progress = Progress::new(options.quiet, total, kept);
    if kept > 0 {
        notes.push(format!("{}: keeps what is done: {}", session.folder().display(), cases(kept)));
    }
    for note in &notes {
        progress.say(note, printer);
    }
    let finished = session.run(&program, &mut progress, printer);
    progress.finish();
    if let Finished::Stopped(signal) = finished? {
        printer.note(format!(
            "stopped with {} done; the same command goes on from there: {}",
            cases(session.kept()),
            again()
        ));
        return Ok(Exit::Convention(128_u8.saturating_add(signal as u8)));
    }
    let results = session.results();
    if options.json {
        let suite = session.suite();
        printer.json(&Document {
            schema: "perfagent.bench-suite-results/1",
            suite: SuiteFacts { name: &suite.name, about: &suite.about, hash: &suite.hash },
            folder: session.folder().display().to_string(),
            counts: Counts::of(&results),
            cases: &results,
        })?;
    } else {
        let form = if options.markdown { Form::Markdown } else { Form::Text };
        page(&session, &results).print(form, printer)?;
    }
    let failed = results.iter().any(|result| session.is_failure(result));
    Ok(if failed { Exit::No } else { Exit::Success })
}

/// The command line to go on with: without what would start over.
fn again() -> String {
    let words = std::env::args_os().filter(|word| word != "--fresh");
    let words: Vec<_> = words.map(|word| word.display().to_string()).collect();
    words.join(" ")
}

fn cases(count: usize) -> String {
    format!("{count} case{}", if count == 1 { "" } else { "s" })
}
