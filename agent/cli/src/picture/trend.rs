//! One value a run, with the levels between changes.

use super::frame::{Frame, LEFT, Taken};
use super::scale::{Axis, Measure};
use super::shape::{Anchor, Mark, area, line, mark, outline, path, width, words};
use super::{Figures, WIDTH};
use crate::markup::Markup;
use crate::unit;

/// A series of results.
#[derive(Debug)]
pub(crate) struct Trend {
    /// The oldest first; each finite.
    pub(crate) values: Vec<f64>,
    /// What each run is called, when that is known.
    pub(crate) names: Option<Vec<String>>,
    /// First value, one past the last, and median of each level, in order.
    pub(crate) levels: Vec<(usize, usize, f64)>,
    /// What is written at the beginning of each level; of the first, nothing.
    pub(crate) changes: Vec<String>,
    /// What is said of the newest value, if anything.
    pub(crate) newest: Option<String>,
}

pub(super) const HEIGHT: f64 = 320.0;
const TOP: f64 = 56.0;
/// More values than this are drawn as ranges.
const EACH: usize = 400;
/// Ranges at most.
const PLACES: usize = 240;
/// How far beyond the usual values the field reaches, in their spread: what lies further stands at its edge.
const REACH: f64 = 0.35;
/// Share of the values that is not usual, at each end.
const UNUSUAL: f64 = 0.02;
/// Differences of values beyond have no place among the numbers.
const MOST: f64 = 1e300;

impl Trend {
    /// From where to where the field goes. One bad run must not squeeze all others into a line.
    fn range(&self) -> (f64, f64) {
        let mut sorted: Vec<f64> =
            self.values.iter().map(|value| value.clamp(-MOST, MOST)).collect();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        let at = |share: f64| sorted.get((share * last as f64).round() as usize).copied();
        let (low, high) = (at(UNUSUAL).unwrap_or(0.0), at(1.0 - UNUSUAL).unwrap_or(0.0));
        let medians = || self.levels.iter().map(|level| level.2.clamp(-MOST, MOST));
        let (low, high) = (medians().fold(low, f64::min), medians().fold(high, f64::max));
        let spread = (high - low).max(high.abs().max(low.abs()) * 1e-3);
        let (bottom, top) = (at(0.0).unwrap_or(low), at(1.0).unwrap_or(high));
        let room = 0.08 * spread;
        (bottom.max(low - REACH * spread) - room, top.min(high + REACH * spread) + room)
    }

    pub(super) fn draw(&self, markup: &mut Markup) {
        let (low, high) = self.range();
        let last = self.values.len().saturating_sub(1).max(1) as f64;
        let frame = Frame::new(
            Axis::linear(Measure::Number, -0.5, last + 0.5),
            Axis::linear(Measure::Plain, low, high),
            TOP,
            HEIGHT,
            24.0,
        );
        frame.draw(markup, "run", "value");
        if self.values.len() > EACH {
            self.draw_ranges(markup, &frame);
        } else {
            self.draw_each(markup, &frame, (low, high));
        }
        self.draw_levels(markup, &frame);
        self.draw_newest(markup, &frame);
    }

    fn name(&self, index: usize) -> String {
        let value =
            self.values.get(index).map_or_else(String::new, |value| unit::significant(*value));
        match self.names.as_ref().and_then(|names| names.get(index)) {
            Some(name) => format!("run {index} ({name}): {value}"),
            None => format!("run {index}: {value}"),
        }
    }

    fn draw_each(&self, markup: &mut Markup, frame: &Frame, (low, high): (f64, f64)) {
        for (index, value) in self.values.iter().enumerate() {
            let place = frame.at(index as f64, *value);
            let (shape, class) = match value {
                value if *value > high => (Mark::Triangle, "o3"),
                value if *value < low => (Mark::Down, "o3"),
                _ => (Mark::Circle, "k0"),
            };
            let radius = if shape == Mark::Circle { 2.6 } else { 5.5 };
            mark(markup, shape, place, radius, class, &self.name(index));
        }
    }

    /// As many runs as share a place: the first of them, how many, the least and the greatest value.
    fn ranges(&self) -> Vec<(usize, usize, f64, f64)> {
        let together = self.values.len().div_ceil(PLACES).max(1);
        let range = |(place, values): (usize, &[f64])| {
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            (place * together, values.len(), least, most)
        };
        self.values.chunks(together).enumerate().map(range).collect()
    }

    fn draw_ranges(&self, markup: &mut Markup, frame: &Frame) {
        let ranges = self.ranges();
        let middle = |first: usize, count: usize| first as f64 + (count as f64 - 1.0) / 2.0;
        let there = ranges.iter().map(|of| frame.at(middle(of.0, of.1), of.3));
        let back = ranges.iter().rev().map(|of| frame.at(middle(of.0, of.1), of.2));
        let mut around = outline(there.chain(back));
        around.push('Z');
        markup.empty("path", &[("class", &"area"), ("d", &around)]);
    }

    fn draw_levels(&self, markup: &mut Markup, frame: &Frame) {
        let mut taken = Taken::default();
        for (number, (start, end, median)) in self.levels.iter().enumerate() {
            let (from, to) = (*start as f64 - 0.5, *end as f64 - 0.5);
            path(markup, "l1", [frame.at(from, *median), frame.at(to, *median)].into_iter());
            if number == 0 {
                continue;
            }
            let (x, _) = frame.at(from, *median);
            line(markup, (x, frame.bottom), (x, TOP), "mark");
            let text = self.changes.get(number).map_or("", String::as_str);
            let half = width(text) / 2.0;
            let middle = x.clamp(LEFT + half, WIDTH - half);
            // In two rows, for changes that follow each other closely.
            let rows = [TOP - 6.0, TOP - 20.0];
            let free = rows.into_iter().find(|y| taken.take((middle - half, *y), 2.0 * half));
            if let Some(y) = free {
                words(markup, (middle, y), Anchor::Middle, "on", text);
            }
        }
        let mut x = LEFT + 90.0;
        for (class, text) in [("area", "runs"), ("l1", "median of a level"), ("mark", "change")] {
            match class {
                "area" if self.values.len() > EACH => {
                    area(markup, (x, 3.0), (24.0, 12.0), class, "");
                }
                "area" => mark(markup, Mark::Circle, (x + 12.0, 9.0), 2.6, "k0", ""),
                _ => line(markup, (x, 9.0), (x + 24.0, 9.0), class),
            }
            words(markup, (x + 30.0, 13.0), Anchor::Start, "", text);
            x += 30.0 + width(text) + 18.0;
        }
    }

    fn draw_newest(&self, markup: &mut Markup, frame: &Frame) {
        let (Some(text), Some(value)) = (&self.newest, self.values.last()) else { return };
        let place = frame.at(self.values.len() as f64 - 1.0, *value);
        mark(markup, Mark::Diamond, place, 5.0, "k3", &self.name(self.values.len() - 1));
        let x = (place.0 - 10.0 - width(text)).max(LEFT);
        words(markup, (x, place.1 + 4.0), Anchor::Start, "on", text);
    }

    pub(super) fn figures(&self) -> Figures {
        if self.values.len() > EACH { self.figures_of_ranges() } else { self.figures_of_each() }
    }

    fn figures_of_ranges(&self) -> Figures {
        let row = |(first, count, least, most): (usize, usize, f64, f64)| {
            let names = format!("{first} to {}", first + count - 1);
            vec![names, count.to_string(), least.to_string(), most.to_string()]
        };
        Figures {
            headings: ["runs", "how many", "least", "most"].map(str::to_owned).to_vec(),
            rows: self.ranges().into_iter().map(row).collect(),
        }
    }

    fn figures_of_each(&self) -> Figures {
        let mut headings = vec!["run".to_owned()];
        headings.extend(self.names.is_some().then(|| "name".to_owned()));
        headings.extend(["value", "median of its level"].map(str::to_owned));
        let row = |(index, value): (usize, &f64)| {
            let level = self.levels.iter().find(|level| (level.0..level.1).contains(&index));
            let mut row = vec![index.to_string()];
            row.extend(
                self.names.as_ref().map(|names| names.get(index).cloned().unwrap_or_default()),
            );
            row.push(value.to_string());
            row.push(level.map_or_else(String::new, |level| level.2.to_string()));
            row
        };
        Figures { headings, rows: self.values.iter().enumerate().map(row).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::Trend;
    use crate::markup::Markup;

    fn trend(values: Vec<f64>) -> Trend {
        let levels = vec![(0, values.len(), values.first().copied().unwrap_or(0.0))];
        let changes = vec![String::new()];
        Trend { values, names: None, levels, changes, newest: None }
    }

    #[test]
    fn one_bad_run_does_not_squeeze_the_others() {
        let mut values: Vec<f64> = (0..100).map(|at| 100.0 + f64::from(at % 7)).collect();
        values[40] = 1e9;
        values[50] = -1e9;
        let (low, high) = trend(values).range();
        assert!(low > 80.0 && high < 120.0, "{low} {high}");
    }

    #[test]
    fn every_series_is_drawn() {
        for values in [
            vec![],
            vec![0.0],
            vec![5.0; 3],
            vec![-1e300, 1e300, 1e-300],
            vec![f64::MAX, f64::MIN],
            (0..10_000).map(f64::from).collect(),
        ] {
            let mut markup = Markup::default();
            trend(values.clone()).draw(&mut markup);
            let drawn = markup.finish();
            assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{values:?}: {drawn}");
            assert!(drawn.len() < 200_000, "{}", drawn.len());
        }
    }
}
