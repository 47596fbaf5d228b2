//! `perfagent compare`: whether one set of runs is slower than another.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::ensure;
use perfagent_regress::compare::{Comparison, Overall, Settings, Weight};

use crate::comparison;
use crate::exit::Exit;
use crate::output;
use crate::page::Form;
use crate::printer::Printer;

/// What GitHub takes of a job's summary, in bytes, and of a comment, in characters.
const SUMMARY: usize = 1 << 20;
const COMMENT: usize = 65_536;

/// Say whether one set of runs is slower than another
///
/// Each name is one run: a recording, a trace of another tool as `perfagent import` takes it, what `perfagent-bench --json` has
/// written, or a folder with the recordings of all nodes of one run. A folder of `perfagent bench run` is one run of each of its
/// cases, which are compared case by case. Both sides need several runs: only differences between runs of the same side tell what
/// chance does. Exit code 1: something became worse; 3 with --strict: a headline metric is open; 4: the runs come from
/// environments that must not be compared.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "perfagent compare [OPTIONS] <BASE.perfdb>... -- <NEW.perfdb>...",
    after_help = "Example:
  perfagent compare main-*.perfdb -- branch-*.perfdb
  perfagent compare main-*/ -- branch-*/ --html compare.html
  perfagent compare main-*.perfdb -- branch-*.perfdb --markdown >> \"$GITHUB_STEP_SUMMARY\"
  perfagent compare main-*.perfdb -- branch-*.perfdb --github --junit compare.xml --comment comment.md"
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
    /// Answer as a Markdown page, of at most the 1 MiB that a summary of GitHub may have
    #[arg(long)]
    markdown: bool,
    /// Answer with GitHub's workflow commands, which become annotations
    #[arg(long, conflicts_with_all = ["json", "markdown"])]
    github: bool,
    /// Write the Markdown page for a comment too: at most 65,536 bytes, after a hidden line by which it is found again
    #[arg(long, value_name = "FILE.md")]
    comment: Option<PathBuf>,
    /// A name in that hidden line, for several comparisons of one pull request
    #[arg(long, value_name = "NAME", requires = "comment")]
    marker: Option<String>,
    /// Write a JUnit document too: a test case a metric, of which a regression is a failure
    #[arg(long, value_name = "FILE.xml")]
    junit: Option<PathBuf>,
    /// Write a page for a browser with pictures too, in one file that needs nothing else
    #[arg(long, value_name = "FILE.html")]
    html: Option<PathBuf>,
    /// Changes up to this are too small to matter, in percent
    #[arg(long, value_name = "PCT", allow_negative_numbers = true, default_value_t = Settings::default().threshold_pct)]
    threshold: f64,
    /// How many of the metrics that are called changed may be so by chance, in percent
    #[arg(long, value_name = "PCT", allow_negative_numbers = true, default_value_t = Settings::default().false_discovery_rate * 100.0)]
    false_discoveries: f64,
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
    ensure!(
        args.false_discoveries > 0.0 && args.false_discoveries < 50.0,
        "--false-discoveries {}: is not a percentage above 0 and below 50; give the rate of wrong alarms that is acceptable, such as 5",
        args.false_discoveries
    );
    let settings = Settings {
        threshold_pct: args.threshold,
        false_discovery_rate: args.false_discoveries / 100.0,
        ..Settings::default()
    };
    let marker = comparison::marker(args.marker.as_deref())?;
    // Opened before the first is read, so that a wrong name in a long list is told at once; and the files to write before hours
    // of reading.
    let (base, new) = (comparison::open(&args.base)?, comparison::open(&args.new)?);
    let file = |path: &Option<PathBuf>, option| {
        path.as_ref().map(|path| output::begin(path, option)).transpose()
    };
    let (comment, junit) = (file(&args.comment, "--comment")?, file(&args.junit, "--junit")?);
    let html = file(&args.html, "--html")?;
    let (base, new) = (comparison::read(&base)?, comparison::read(&new)?);
    let answer = comparison::compare(base, new, args.force, &settings)?;
    let page = comparison::page(&answer);
    if args.json {
        printer.json(&answer)?;
    } else if args.github {
        for line in comparison::annotations(&answer.comparison) {
            printer.line(line)?;
        }
    } else if args.markdown {
        printer.answer(page.markdown_within(SUMMARY))?;
    } else {
        page.print(Form::Text, printer)?;
    }
    if let Some(file) = comment {
        let text = page.markdown_within(COMMENT - marker.len());
        file.finish_text(&format!("{marker}{text}"))?;
    }
    if let Some(file) = junit {
        file.finish_text(&comparison::junit(&answer.comparison)?)?;
    }
    if let Some(file) = html {
        file.finish_text(&page.render(Form::Html))?;
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
