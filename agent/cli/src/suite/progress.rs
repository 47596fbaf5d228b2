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
        // Its own time goes on.
        bars.suite.tick();
        bars.case.set_position((1000.0 * step.and_then(share).unwrap_or(0.0)) as u64);
        let step = step.unwrap_or("starting");
        let (elapsed, limit) = (elapsed.as_secs(), limit.as_secs());
        bars.case.set_message(format!("{name}  {elapsed} s of at most {limit} s  {step}"));
    }

    /// There is one case more than was known.
    pub(super) fn grow(&mut self) {
        self.total += 1;
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
        for (bar, template) in
            [(&suite, "{bar:24} {pos}/{len} cases  {elapsed}"), (&case, "{bar:24} {wide_msg}")]
        {
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
        }
        Self { all, suite, case }
    }
}

/// How far a line such as `step 3/10  loss …` or `request 3/10` says that a case has come, 0..=1.
fn share(step: &str) -> Option<f64> {
    let counted = step.strip_prefix("step ").or_else(|| step.strip_prefix("request "))?;
    let (done, all) = counted.split_ascii_whitespace().next()?.split_once('/')?;
    let (done, all): (u32, u32) = (done.parse().ok()?, all.parse().ok()?);
    (done <= all && all > 0).then(|| f64::from(done) / f64::from(all))
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn steps_tell_how_far_a_case_is() {
        assert_eq!(share("step 3/12  loss 6.5  10 tokens/s"), Some(0.25));
        assert_eq!(share("request 6/12"), Some(0.5));
        for other in ["step 3", "step 3/0", "step 4/3", "step a/b", "loss 3/4"] {
            assert_eq!(share(other), None, "{other}");
        }
    }
}
