//! The columns of a table, as its heading names them, and its rows.
//!
//! A row is the size, the count and the type, then the reduction and the root as far as the benchmark prints them (columns
//! may stay blank), then the measurements: out of place and in place, or only in place when a trace is replayed.

use super::run::Measurement;
use crate::decimal::nanos_of_micros;

/// The columns of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    has_reduction: bool,
    has_root: bool,
    /// For each block of measurements whether it is in place.
    blocks: Vec<bool>,
    /// Columns of a block, and where in it wrong elements are counted.
    width: usize,
    wrong: Option<usize>,
    /// Rows end with a date and a time of day.
    has_timestamp: bool,
    /// The heading of the time: `time` or `cputime`.
    time: String,
}

/// What words make of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reading {
    /// All of its measurements.
    Whole(Vec<Measurement>),
    /// As far as it goes it is one.
    Begun,
    /// It is none; says why.
    Not(String),
}

impl Layout {
    /// The columns that a heading names: `#  size  count  type  redop  root  time  algbw  busbw  #wrong …`. `labels` is the
    /// line above it.
    pub(super) fn of_heading(line: &str, labels: &str) -> Option<Self> {
        let words: Vec<&str> = line.strip_prefix('#')?.split_whitespace().collect();
        let ["size", "count", "type", rest @ ..] = words.as_slice() else { return None };
        let is_time = |word: &&str| matches!(*word, "time" | "cputime");
        let first = rest.iter().position(is_time)?;
        let (middle, mut columns) = rest.split_at(first);
        let has_timestamp = columns.last() == Some(&"timestamp");
        if has_timestamp {
            columns = &columns[..columns.len() - 1];
        }
        let count = columns.iter().filter(|word| is_time(word)).count();
        let width = columns.len() / count.max(1);
        let block = &columns[..width];
        let is_regular = count <= 2
            && block.len() >= 3
            && block[1..3] == ["algbw", "busbw"]
            && columns.chunks(width).all(|columns| columns == block);
        if !is_regular {
            return None;
        }
        let blocks = match count {
            1 => vec![labels.contains("in-place") && !labels.contains("out-of-place")],
            _ => vec![false, true],
        };
        Some(Self {
            has_reduction: middle.contains(&"redop"),
            has_root: middle.contains(&"root"),
            blocks,
            width,
            // Before 2022 `error` was the greatest deviation, which counts nothing.
            wrong: block.iter().position(|word| matches!(*word, "#wrong" | "wrong")),
            has_timestamp,
            time: columns[0].to_owned(),
        })
    }

    /// Whether times are those of the calls on the processor.
    pub(super) fn is_of_cpu(&self) -> bool {
        self.time == "cputime"
    }

    /// Whether `word` may stand at `position` of a row of which `words` are known.
    pub(super) fn allows(&self, position: usize, word: &str) -> bool {
        let is_figure = || word.parse::<f64>().is_ok() || word == "N/A" || self.is_clock(word);
        match position {
            0 | 1 => word.parse::<i64>().is_ok_and(|number| number >= 0),
            2 => is_word(word),
            3 => is_figure() || (self.has_reduction || self.has_root) && is_word(word),
            _ => is_figure(),
        }
    }

    /// Part of a date or a time of day.
    fn is_clock(&self, word: &str) -> bool {
        self.has_timestamp
            && word.contains([':', '-'])
            && word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'-'))
    }

    /// Reads a row. `ended` says that no more words of it follow.
    pub(super) fn read(&self, words: &[String], ended: bool) -> Reading {
        let [bytes, elements, dtype, rest @ ..] = words else {
            return begun_or(ended, "it has no size, count and type");
        };
        let (Ok(bytes), Ok(elements)) = (bytes.parse(), elements.parse()) else {
            return Reading::Not("its size or count is no number".to_owned());
        };
        let rest = match rest {
            [rest @ .., date, time] if self.is_clock(date) && self.is_clock(time) => rest,
            rest => rest,
        };
        let has_reduction = self.has_reduction && rest.first().is_some_and(|word| is_word(word));
        // Where there is no reduction in its column, the column of the root is blank, too.
        let has_root = self.has_root && (has_reduction || !self.has_reduction);
        let middle = usize::from(has_reduction) + usize::from(has_root);
        let (middle, figures) = rest.split_at(middle.min(rest.len()));
        let blocks = match figures.len() {
            count if count == self.blocks.len() * self.width => self.blocks.as_slice(),
            // A replayed trace is measured in place only.
            count if ended && count == self.width => &self.blocks[self.blocks.len() - 1..],
            count if count > self.blocks.len() * self.width => {
                return Reading::Not(format!("it has {} words", words.len()));
            }
            _ => return begun_or(ended, &format!("it has {} words", words.len())),
        };
        let root = middle.get(usize::from(has_reduction)).and_then(|word| word.parse().ok());
        let reduction = middle.first().filter(|word| has_reduction && *word != "none");
        let mut measurements = Vec::with_capacity(2);
        for (block, &in_place) in figures.chunks(self.width).zip(blocks) {
            let Some(measured) = self.block(block) else {
                return Reading::Not(format!("`{}` is no time with bandwidths", block.join(" ")));
            };
            measurements.push(Measurement {
                bytes,
                elements,
                dtype: dtype.clone(),
                reduction: reduction.cloned().unwrap_or_default(),
                root: root.filter(|&root| root >= 0),
                in_place,
                ..measured
            });
        }
        Reading::Whole(measurements)
    }

    fn block(&self, words: &[String]) -> Option<Measurement> {
        let bandwidth = |word: &String| {
            word.parse().ok().filter(|value: &f64| value.is_finite() && *value >= 0.0)
        };
        let [time, algbw, busbw, ..] = words else { return None };
        Some(Measurement {
            time_ns: nanos_of_micros(time).map(|time| time.value).filter(|&time| time >= 0)?,
            algbw_gbps: bandwidth(algbw)?,
            busbw_gbps: bandwidth(busbw)?,
            wrong: self.wrong.and_then(|place| count(words.get(place)?)),
            ..Measurement::default()
        })
    }
}

fn begun_or(ended: bool, why: &str) -> Reading {
    if ended { Reading::Not(why.to_owned()) } else { Reading::Begun }
}

/// A word of a table that is no number: a type or a reduction.
fn is_word(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_lowercase())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A count, which the benchmark prints as a floating-point number: `12`, `1e+06`; `None` for `N/A`.
pub(super) fn count(word: &str) -> Option<i64> {
    let value: f64 = word.parse().ok()?;
    (0.0..=9_007_199_254_740_992.0).contains(&value).then_some(value.round() as i64)
}
