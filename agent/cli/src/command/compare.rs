//! `perfagent compare`: whether one set of runs is slower than another.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::ensure;
use perfagent_regress::compare::{Comparison, Overall, Settings, Weight};

use crate::comparison::{self, Run};
use crate::exit::Exit;
use crate::input::{self, Input};
use crate::page::Form;
use crate::printer::Printer;

/// Say whether one set of runs is slower than another
///
/// Each recording (or trace of another tool, as `perfagent import` takes it) is one run. Both sides need several: only
/// differences between runs of the same side tell what chance does. Exit code 1: something became worse; 3 with --strict: a
/// headline metric is open; 4: the runs come from environments that must not be compared.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "perfagent compare [OPTIONS] <BASE.perfdb>... -- <NEW.perfdb>...",
    after_help = "Example:
  perfagent compare main-*.perfdb -- branch-*.perfdb
  perfagent compare main-*.perfdb -- branch-*.perfdb --markdown >> \"$GITHUB_STEP_SUMMARY\""
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    /// The runs to compare with
    #[arg(value_name = "BASE.perfdb", required = true)]
    base: Vec<PathBuf>,
    /// The runs to judge; `--` may stand for it
    #[arg(long, value_name = "NEW.perfdb", required = true, num_args = 1..)]
    new: Vec<PathBuf>,
    /// Answer as JSON (perfagent.compare/1)
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Answer as a Markdown page
    #[arg(long)]
    markdown: bool,
    /// Changes up to this are too small to matter, in percent
    #[arg(long, value_name = "PCT", allow_negative_numbers = true, default_value_t = Settings::default().threshold_pct)]
    threshold: f64,
    /// Exit with 3 when a headline metric is inconclusive
    #[arg(long)]
    strict: bool,
    /// Compare even runs from different environments
    #[arg(long)]
    force: bool,
}

/// The words of a command line with `--new` in place of the `--` of `compare`, after which options may
/// follow here.
pub(crate) fn with_separator(
    words: impl Iterator<Item = OsString>,
) -> impl Iterator<Item = OsString> {
    let mut looking = false;
    words.enumerate().map(move |(position, word)| {
        looking |= position == 1 && word == "compare";
        if looking && word == "--" {
            looking = false;
            return "--new".into();
        }
        word
    })
}

/// Prints the comparison.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    ensure!(
        args.threshold.is_finite() && args.threshold > 0.0,
        "--threshold {}: is not a percentage above 0; give the smallest change that matters, such as 2",
        args.threshold
    );
    let settings = Settings { threshold_pct: args.threshold, ..Settings::default() };
    // Opened before the first is read, so that a wrong name in a long list is told at once.
    let (base, new) = (input::open_all(&args.base)?, input::open_all(&args.new)?);
    // One recording in memory at a time.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let read = |inputs: &[Input]| {
        let runs = inputs.iter().map(|input| Ok(Run::of(input.name(), &input.load(threads)?)));
        runs.collect::<anyhow::Result<Vec<_>>>()
    };
    let answer = comparison::compare(read(&base)?, read(&new)?, args.force, &settings)?;
    if args.json {
        printer.json(&answer)?;
    } else {
        let form = if args.markdown { Form::Markdown } else { Form::Text };
        comparison::page(&answer).print(form, printer)?;
    }
    let comparison = &answer.comparison;
    if comparison.verdict == Overall::Incomparable {
        printer.note(refusal(comparison));
    }
    Ok(exit(comparison.verdict, args.strict))
}

fn exit(verdict: Overall, strict: bool) -> Exit {
    match verdict {
        Overall::Regression => Exit::No,
        Overall::Incomparable => Exit::Incomparable,
        Overall::Inconclusive if strict => Exit::Inconclusive,
        Overall::Inconclusive | Overall::Improvement | Overall::Equivalent => Exit::Success,
    }
}

fn refusal(comparison: &Comparison) -> String {
    let decisive = comparison.environment.differences.iter();
    let listed: Vec<_> = decisive
        .filter(|difference| difference.weight == Weight::Decisive)
        .map(|found| {
            format!("{} {} / {}", found.fact, found.base.join(" and "), found.new.join(" and "))
        })
        .collect();
    format!(
        "{} / {}: the environments differ ({}); record both sides on the same machine, or compare anyway with --force",
        comparison.base.join(", "),
        comparison.new.join(", "),
        listed.join("; ")
    )
}

#[cfg(test)]
mod tests {
    use super::with_separator;

    fn separated(line: &str) -> String {
        let words = with_separator(line.split(' ').map(Into::into));
        words.map(|word| word.into_string().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn only_the_first_separator_of_compare_is_one() {
        assert_eq!(
            separated("perfagent compare a -- b --json -- c"),
            "perfagent compare a --new b --json -- c"
        );
        let record = "perfagent record -- compare -- x";
        assert_eq!(separated(record), record);
    }
}
