//! The text of a benchmark, line by line, with whatever else went to the same terminal.
//!
//! A row is printed in pieces: what is measured, then, after each measurement, its figures. Messages of NCCL come between
//! them, without a line of their own. So the words of a row are collected until it is whole.

use std::io::Read;

use super::layout::{Layout, Reading};
use super::operation;
use super::prefix::{without_label, without_messages};
use super::run::{RankLine, Run};
use crate::lines::Lines;
use crate::warning::{Problem, Problems};
use crate::window::Window;

/// Reads all runs of a log.
pub(super) fn read<R: Read>(window: &mut Window<R>, problems: &mut Problems) -> Vec<Run> {
    let mut log = Log::new(problems);
    let mut lines = Lines::new(window);
    while let Some(line) = lines.next() {
        if !line.ended {
            log.is_cut = true;
        }
        log.line(&line.text, line.offset);
    }
    log.end_row();
    log.end_run(0);
    lines.finish(log.problems);
    log.runs
}

/// What has been read so far.
struct Log<'a> {
    problems: &'a mut Problems,
    runs: Vec<Run>,
    run: Run,
    /// The program that was named last: in the command that starts a run.
    program: Option<String>,
    labels: String,
    layout: Option<Layout>,
    /// Names of machines.
    hosts: Vec<String>,
    /// The row that is not whole yet, and where it begins.
    row: Vec<String>,
    row_offset: u64,
    /// The text ends within the current line.
    is_cut: bool,
}

impl<'a> Log<'a> {
    fn new(problems: &'a mut Problems) -> Self {
        Self {
            problems,
            runs: Vec::new(),
            run: Run::default(),
            program: None,
            labels: String::new(),
            layout: None,
            hosts: Vec::new(),
            row: Vec::new(),
            row_offset: 0,
            is_cut: false,
        }
    }

    fn line(&mut self, line: &str, offset: u64) {
        let text = without_messages(without_label(line), &self.hosts).trim();
        if text.starts_with('#') {
            self.end_row();
            self.comment(text, offset);
        } else if !text.is_empty() && !self.words(text, offset) {
            self.other(text);
        }
    }

    /// A line of the benchmark that is no row.
    fn comment(&mut self, text: &str, offset: u64) {
        if let Some(layout) = Layout::of_heading(text, &self.labels) {
            if !self.run.measurements.is_empty() {
                self.end_run(offset);
            }
            self.run.of_cpu = layout.is_of_cpu();
            self.layout = Some(layout);
        } else if let Some(rank) = rank_line(text) {
            if !self.run.measurements.is_empty() {
                self.end_run(offset);
            }
            if !self.hosts.contains(&rank.host) {
                self.hosts.push(rank.host.clone());
            }
            if !self.run.ranks.contains(&rank) {
                self.run.ranks.push(rank);
            }
        } else if let Some(figure) = text.strip_prefix("# Avg bus bandwidth") {
            let figure = figure.trim_start_matches([' ', ':']).split(' ').next();
            self.run.average_gbps = figure.and_then(|figure| figure.parse().ok());
        } else if text.contains("out-of-place") || text.contains("in-place") {
            text.clone_into(&mut self.labels);
        } else {
            let begins =
                ["nccl-tests version", "rccl-tests", "Collective test starting", "nThread "];
            if begins.iter().any(|begin| text[1..].trim_start().starts_with(begin)) {
                if self.layout.is_some() || !self.run.ranks.is_empty() {
                    self.end_run(offset);
                }
                self.run.threads = number_behind(text, "nThread ").unwrap_or(self.run.threads);
                self.run.gpus = number_behind(text, "nGpus ").unwrap_or(self.run.gpus);
            }
            self.other(text);
        }
    }

    /// Any other text: it may name the program.
    fn other(&mut self, text: &str) {
        if let Some(program) = operation::program(text) {
            self.program = Some(program.to_owned());
            if self.run.measurements.is_empty() || self.run.program.is_none() {
                self.run.program = self.program.clone();
            }
        }
    }

    /// Takes the words of a line in if they are of a row; false if not.
    fn words(&mut self, text: &str, offset: u64) -> bool {
        let Some(layout) = &self.layout else { return false };
        let words: Vec<&str> = text.split_whitespace().collect();
        let allowed_from = |start: usize| {
            let allowed = words.iter().enumerate();
            allowed.take_while(|(at, word)| layout.allows(start + at, word)).count()
        };
        let (begins, goes_on) = (allowed_from(0), allowed_from(self.row.len()));
        let taken = if begins >= 3 {
            self.end_row();
            self.row_offset = offset;
            begins
        } else if !self.row.is_empty() && goes_on == words.len() {
            goes_on
        } else {
            return false;
        };
        self.row.extend(words[..taken].iter().map(|word| (*word).to_owned()));
        let reading = self.layout.as_ref().map(|layout| layout.read(&self.row, false));
        if let Some(reading) = reading.filter(|reading| *reading != Reading::Begun) {
            self.finish_row(reading);
        }
        true
    }

    /// No more words of a row follow.
    fn end_row(&mut self) {
        if let Some(layout) = self.layout.as_ref().filter(|_| !self.row.is_empty()) {
            let reading = layout.read(&self.row, true);
            self.finish_row(reading);
        }
    }

    fn finish_row(&mut self, reading: Reading) {
        self.row.clear();
        let offset = self.row_offset;
        match reading {
            // Its last figure may lack digits.
            _ if self.is_cut => {
                self.problems.add(Problem::Row, offset, || "the text ends within it".to_owned());
            }
            Reading::Whole(measurements) => {
                if self.run.measurements.is_empty() {
                    self.run.first = offset;
                }
                self.run.measurements.extend(measurements);
            }
            Reading::Not(why) => self.problems.add(Problem::Row, offset, || why),
            Reading::Begun => {}
        }
    }

    /// A further run begins at `offset`.
    fn end_run(&mut self, offset: u64) {
        self.layout = None;
        let next = Run { offset, program: self.program.take(), ..Run::default() };
        let run = std::mem::replace(&mut self.run, next);
        if !run.measurements.is_empty() || !run.ranks.is_empty() {
            self.runs.push(run);
        }
    }
}

/// `#  Rank  0 Group  0 Pid  71 on  node1 device  0 [0000:1b:00] NVIDIA H100`; earlier versions name no group.
pub(super) fn rank_line(text: &str) -> Option<RankLine> {
    let (facts, name) = text.split_once(']').unwrap_or((text, ""));
    let (facts, _) = facts.split_once('[').unwrap_or((facts, ""));
    let mut words = facts.trim_start_matches('#').split_whitespace();
    let mut line = RankLine { group: -1, device: -1, ..RankLine::default() };
    if words.next()? != "Rank" {
        return None;
    }
    line.rank = words.next()?.parse().ok()?;
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word {
            "Group" => line.group = value.parse().ok()?,
            "Pid" => line.pid = value.parse().ok()?,
            "on" => value.clone_into(&mut line.host),
            "device" => line.device = value.parse().ok()?,
            _ => {}
        }
    }
    name.trim().clone_into(&mut line.device_name);
    (!line.host.is_empty()).then_some(line)
}

fn number_behind(text: &str, name: &str) -> Option<i64> {
    let (_, rest) = text.split_once(name)?;
    rest.split_whitespace().next()?.parse().ok()
}
