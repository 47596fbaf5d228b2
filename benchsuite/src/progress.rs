//! What is said while a run is under way: a bar on a terminal, else a line every tenth step.

use std::cell::Cell;
use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The progress of rank 0 on standard error.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    lines: bool,
    /// Steps or requests in all.
    steps: u64,
    /// Requests at the last line.
    shown: Cell<u64>,
}

/// The numbers of one step.
pub(crate) struct StepLine {
    /// 0-based.
    pub step: u64,
    /// Mean over all ranks, nats a token or image.
    pub loss: f64,
    /// Tokens or images a second over all ranks, and which.
    pub rate: (f64, &'static str),
    /// Model-flops utilisation, 0..100.
    pub mfu_pct: f64,
}

impl Progress {
    /// Says nothing when `silent`.
    pub(crate) fn new(steps: u64, silent: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = (terminal && !silent).then(|| {
            let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
            // The template is a constant; if it were wrong the default style would do.
            if let Ok(style) =
                ProgressStyle::with_template("{bar:24} {pos}/{len}  {msg}  {eta} left")
            {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, lines: !terminal && !silent, steps, shown: Cell::new(0) }
    }

    /// Shows a line of its own.
    pub(crate) fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None if self.lines => line(text),
            None => {}
        }
    }

    /// Shows a step.
    pub(crate) fn step(&self, step: &StepLine) {
        let numbers = format!(
            "loss {:.4}  {:.0} {}/s  MFU {:.1} %",
            step.loss, step.rate.0, step.rate.1, step.mfu_pct
        );
        let done = step.step + 1;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.set_message(numbers);
        } else if self.lines && (step.step == 0 || done.is_multiple_of(10) || done == self.steps) {
            line(&format!("step {done}/{}  {numbers}", self.steps));
        }
    }

    /// Shows how many requests are complete: on a terminal at once, else about ten times.
    pub(crate) fn requests(&self, done: u64) {
        let every = (self.steps / 10).max(1);
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if self.lines && (done == self.steps || done / every > self.shown.get() / every) {
            self.shown.set(done);
            line(&format!("request {done}/{}", self.steps));
        }
    }

    /// Leaves the terminal as it was.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A line on standard error, in one piece: other ranks write there too. Nobody may be reading it, and that is no reason to
/// stop training.
pub(crate) fn line(text: &str) {
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}
