//! Times one after the other, such as those of steps, with their median and those that stand out.

use std::collections::{BTreeMap, HashSet};

use super::frame::{Frame, LEFT, Taken};
use super::scale::{Axis, Measure};
use super::shape::{
    Anchor, FILLS, LINES, MARKS, Mark, area, line, mark, outline, path, width, words,
};
use super::{Figures, WIDTH};
use crate::markup::Markup;
use crate::unit;

/// Times of steps on one or several ranks.
#[derive(Debug)]
pub(crate) struct Series {
    /// One a rank.
    pub(crate) tracks: Vec<Track>,
    /// The median of all, ns.
    pub(crate) median: i64,
    /// Times outside of these stand out, ns.
    pub(crate) usual: (i64, i64),
}

/// The steps of one rank.
#[derive(Debug)]
pub(crate) struct Track {
    /// What the rank is called.
    pub(crate) label: String,
    /// Number and length (ns) of each step.
    pub(crate) steps: Vec<(i64, i64)>,
}

pub(super) const HEIGHT: f64 = 290.0;
const TOP: f64 = 40.0;
/// Steps are put together where there are more numbers than this.
const PLACES: i128 = 240;
/// Steps with their own mark and label.
const MARKED: usize = 40;
const LABELLED: usize = 5;

/// Steps that are drawn at one place.
struct Bucket {
    first: i64,
    last: i64,
    least: i64,
    median: i64,
    most: i64,
    count: usize,
}

impl Series {
    fn steps(&self) -> impl Iterator<Item = (&str, i64, i64)> {
        let tracks = self.tracks.iter();
        tracks.flat_map(|track| {
            track.steps.iter().map(|(number, time)| (track.label.as_str(), *number, *time))
        })
    }

    fn buckets(&self) -> Vec<Bucket> {
        let numbers = || self.steps().map(|(_, number, _)| number);
        let (Some(first), Some(last)) = (numbers().min(), numbers().max()) else {
            return Vec::new();
        };
        let stride = ((i128::from(last) - i128::from(first) + 1) / PLACES + 1).max(1);
        let mut places: BTreeMap<i128, Vec<(i64, i64)>> = BTreeMap::new();
        for (_, number, time) in self.steps() {
            let place = (i128::from(number) - i128::from(first)) / stride;
            places.entry(place).or_default().push((time, number));
        }
        let bucket = |mut steps: Vec<(i64, i64)>| {
            steps.sort_unstable();
            let numbers = || steps.iter().map(|(_, number)| *number);
            Some(Bucket {
                first: numbers().min()?,
                last: numbers().max()?,
                least: steps.first()?.0,
                median: steps.get((steps.len() - 1) / 2)?.0,
                most: steps.last()?.0,
                count: steps.len(),
            })
        };
        places.into_values().filter_map(bucket).collect()
    }

    /// Whether there are too many steps to show each of them.
    fn is_range(&self) -> bool {
        self.tracks.len() > MARKS.len()
            || self.buckets().iter().any(|bucket| bucket.first != bucket.last)
    }

    /// The greatest time that has a place of its own: a first step of fifty times the others would flatten these.
    fn cap(&self) -> i64 {
        let most = self.steps().map(|(_, _, time)| time).max().unwrap_or(0);
        let usual = self.median.saturating_mul(3);
        if self.median > 0 && most > self.median.saturating_mul(4) { usual } else { most }
    }

    pub(super) fn draw(&self, markup: &mut Markup) {
        let buckets = self.buckets();
        let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else { return };
        let (low, high) =
            (buckets.iter().map(|bucket| bucket.least).min().unwrap_or(0), self.cap());
        let room = ((high - low) as f64 * 0.15).max(self.median as f64 * 0.05);
        let floor = (low as f64 - room).max(0.0);
        let beside = if last.last > first.first { 0.0 } else { 0.5 };
        let frame = Frame::new(
            Axis::linear(Measure::Number, first.first as f64 - beside, last.last as f64 + beside),
            Axis::linear(Measure::Duration, floor, high as f64 + room),
            TOP,
            HEIGHT,
            130.0,
        );
        frame.draw(markup, "step", "time of a step");
        let middle = |bucket: &Bucket| f64::midpoint(bucket.first as f64, bucket.last as f64);
        let is_range = self.is_range();
        if is_range {
            draw_range(markup, &frame, &buckets, middle);
        }
        if !is_range {
            for (number, track) in self.tracks.iter().enumerate() {
                draw_track(markup, &frame, number, track);
            }
        }
        let (_, y) = frame.at(0.0, self.median as f64);
        line(markup, (LEFT, y), (frame.right, y), "mark");
        let text = format!("median {}", unit::duration(self.median));
        words(markup, (frame.right + 6.0, y + 4.0), Anchor::Start, "", text);
        self.draw_outliers(markup, &frame, high as f64 + room);
        self.draw_legend(markup, is_range);
    }

    /// The steps that stand out, farthest from the median first; where steps share a place, one of each number.
    fn outliers(&self) -> Vec<(&str, i64, i64)> {
        let (low, high) = self.usual;
        let mut outliers: Vec<_> =
            self.steps().filter(|(_, _, time)| *time < low || *time > high).collect();
        outliers.sort_by_key(|(_, number, time)| {
            (std::cmp::Reverse(time.abs_diff(self.median)), *number)
        });
        if self.is_range() {
            // What all ranks share needs one mark, which leaves the others to what only one of them had.
            let mut seen = HashSet::new();
            outliers.retain(|(_, number, _)| seen.insert(*number));
        }
        outliers
    }

    fn draw_outliers(&self, markup: &mut Markup, frame: &Frame, top: f64) {
        let mut taken = Taken::default();
        for (position, (label, number, time)) in
            self.outliers().into_iter().take(MARKED).enumerate()
        {
            let of = if self.tracks.len() > 1 { format!("{label}, ") } else { String::new() };
            let text = format!("{of}step {number}: {}", unit::duration(time));
            let is_beyond = time as f64 > top;
            let place = frame.at(number as f64, time as f64);
            let shape = if is_beyond { Mark::Triangle } else { Mark::Diamond };
            mark(markup, shape, place, 5.5, "o3", &text);
            let length = width(&text);
            let is_left = place.0 + 8.0 + length > WIDTH - 130.0;
            let x = if is_left { (place.0 - 8.0 - length).max(0.0) } else { place.0 + 8.0 };
            if position < LABELLED && taken.take((x, place.1 + 4.0), length) {
                words(markup, (x, place.1 + 4.0), Anchor::Start, "on", &text);
            }
        }
    }

    fn draw_legend(&self, markup: &mut Markup, is_range: bool) {
        let mut x = 150.0;
        let mut entry = |markup: &mut Markup, text: &str, draw: &dyn Fn(&mut Markup, f64)| {
            draw(markup, x);
            words(markup, (x + 30.0, 13.0), Anchor::Start, "", text);
            x += 30.0 + width(text) + 16.0;
        };
        if is_range {
            entry(markup, "median of the steps at a place", &|markup, x| {
                line(markup, (x, 9.0), (x + 24.0, 9.0), "l0");
            });
            entry(markup, "least to most", &|markup, x| {
                area(markup, (x, 3.0), (24.0, 12.0), "area", "");
            });
        } else {
            for (number, track) in self.tracks.iter().enumerate() {
                let (stroke, fill, shape) = style(number);
                entry(markup, &track.label, &|markup, x| {
                    line(markup, (x, 9.0), (x + 24.0, 9.0), stroke);
                    mark(markup, shape, (x + 12.0, 9.0), 3.0, fill, "");
                });
            }
        }
        if !self.outliers().is_empty() {
            entry(markup, "stands out", &|markup, x| {
                mark(markup, Mark::Diamond, (x + 12.0, 9.0), 5.5, "o3", "");
            });
        }
    }

    pub(super) fn figures(&self) -> Figures {
        if self.is_range() { self.figures_of_places() } else { self.figures_of_steps() }
    }

    fn figures_of_steps(&self) -> Figures {
        let steps = self.steps();
        let rows = steps
            .map(|(label, step, time)| vec![label.to_owned(), step.to_string(), time.to_string()]);
        let headings = ["", "step", "time, ns"].map(str::to_owned).to_vec();
        Figures { headings, rows: rows.collect() }
    }

    fn figures_of_places(&self) -> Figures {
        let row = |bucket: &Bucket| {
            let name = if bucket.first == bucket.last {
                bucket.first.to_string()
            } else {
                format!("{} to {}", bucket.first, bucket.last)
            };
            let count = bucket.count as i64;
            let times = [count, bucket.least, bucket.median, bucket.most];
            [name].into_iter().chain(times.map(|time| time.to_string())).collect()
        };
        let headings = ["steps numbered", "how many", "least, ns", "median, ns", "most, ns"];
        Figures {
            headings: headings.map(str::to_owned).to_vec(),
            rows: self.buckets().iter().map(row).collect(),
        }
    }
}

/// The range from the least to the greatest time at each place.
fn draw_range(
    markup: &mut Markup,
    frame: &Frame,
    buckets: &[Bucket],
    middle: impl Fn(&Bucket) -> f64,
) {
    let place = |bucket: &Bucket, time: i64| frame.at(middle(bucket), time as f64);
    let there = buckets.iter().map(|bucket| place(bucket, bucket.most));
    let back = buckets.iter().rev().map(|bucket| place(bucket, bucket.least));
    let mut outline = outline(there.chain(back));
    outline.push('Z');
    markup.empty("path", &[("class", &"area"), ("d", &outline)]);
    path(markup, "l0", buckets.iter().map(|bucket| place(bucket, bucket.median)));
}

/// The steps of one rank.
fn draw_track(markup: &mut Markup, frame: &Frame, number: usize, track: &Track) {
    let (line, fill, shape) = style(number);
    let places = || track.steps.iter().map(|(step, time)| frame.at(*step as f64, *time as f64));
    path(markup, line, places());
    for ((step, time), place) in track.steps.iter().zip(places()) {
        let hint = format!("{}, step {step}: {}", track.label, unit::duration(*time));
        mark(markup, shape, place, 3.0, fill, &hint);
    }
}

/// Line, fill and mark of a rank.
fn style(number: usize) -> (&'static str, &'static str, Mark) {
    let number = number % MARKS.len();
    (LINES[number], FILLS[number], MARKS[number])
}
