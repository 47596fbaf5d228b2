//! What is said while a suite runs: bars on a terminal, else a line when a case begins and ends.

use std::io::{IsTerminal as _, stderr};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::printer::Printer;

/// On standard error; the answer is none of it.
pub(crate) struct Progress {
    quiet: bool,
    bars: Option<Bars>,
    total: usize,
}

struct Bars {
    all: MultiProgress,
    suite: ProgressBar,
    case: ProgressBar,
}

impl Progress {
    /// For `total` cases, of which `done` are done.
    pub(crate) fn new(quiet: bool, total: usize, done: usize) -> Self {
        let bars = (!quiet && stderr().is_terminal()).then(|| Bars::new(total, done));
        Self { quiet, bars, total }
    }

    /// Says something that stays.
    pub(crate) fn say(&self, text: &str, printer: &mut Printer) {
        match &self.bars {
            // Where it cannot be shown there is nobody left to tell.
            Some(bars) => drop(bars.all.println(format!("perfagent: {text}"))),
            None if !self.quiet => printer.note(text),
            None => {}
        }
    }

    /// A case begins, the `number`th.
    pub(super) fn begin(&self, name: &str, number: usize, printer: &mut Printer) {
        match &self.bars {
            Some(bars) => {
                bars.suite.set_position(number as u64 - 1);
                bars.case.reset();
                bars.case.set_message(name.to_owned());
            }
            None => self.say(&format!("{number}/{}  {name}", self.total), printer),
        }
    }

    /// A case is under way.
    pub(super) fn tick(&self, name: &str, step: Option<&str>, elapsed: Duration, limit: Duration) {
        let Some(bars) = &self.bars else { return };
        let share = elapsed.as_secs_f64() / limit.as_secs_f64();
        bars.case.set_position((share * 1000.0) as u64);
        bars.case.set_message(format!("{name}  {}", step.unwrap_or("starting")));
    }

    /// Of `cases` cases that were planned nothing remains to be tried.
    pub(super) fn leave(&mut self, cases: usize) {
        self.total -= cases;
        if let Some(bars) = &self.bars {
            bars.suite.set_length(self.total as u64);
        }
    }

    /// A case has ended, the `number`th.
    pub(super) fn end(&self, text: &str, number: usize, printer: &mut Printer) {
        if let Some(bars) = &self.bars {
            bars.suite.set_position(number as u64);
        }
        self.say(text, printer);
    }

    /// Leaves the terminal as it was.
    pub(crate) fn finish(&self) {
        if let Some(bars) = &self.bars {
            bars.case.finish_and_clear();
            bars.suite.finish_and_clear();
        }
    }
}

impl Bars {
    fn new(total: usize, done: usize) -> Self {
        let all = MultiProgress::new();
        let suite = all.add(ProgressBar::new(total as u64).with_position(done as u64));
        let case = all.add(ProgressBar::new(1000));
        // The templates are constants; if they were wrong the default style would do.
        for (bar, template) in [
            (&suite, "{bar:24} {pos}/{len} cases  {elapsed}"),
            (&case, "{bar:24} {elapsed} of its time limit  {wide_msg}"),
        ] {
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
        }
        Self { all, suite, case }
    }
}
