//! The runs of two sides, each as its difference from the median of the first.

use super::scale::{Axis, Measure};
use super::shape::{Anchor, Mark, area, line, mark, width, words};
use super::{Figures, WIDTH};
use crate::markup::Markup;
use crate::page::shortened;
use crate::unit;

/// Metrics below each other, on one scale of percent.
#[derive(Debug)]
pub(crate) struct Sides {
    /// Top to bottom.
    pub(crate) rows: Vec<SideRow>,
    /// Changes up to this do not matter.
    pub(crate) threshold_pct: f64,
    /// No run stands at the edge, however far off it is.
    pub(crate) is_whole: bool,
}

/// One metric.
#[derive(Debug)]
pub(crate) struct SideRow {
    /// Its name.
    pub(crate) label: String,
    /// The base runs in percent, and whether each is left out.
    pub(crate) base: Vec<(f64, bool)>,
    /// The new runs.
    pub(crate) new: Vec<(f64, bool)>,
    /// The interval of the change, percent.
    pub(crate) interval: Option<(f64, f64)>,
    /// What stands behind it.
    pub(crate) note: String,
}

impl SideRow {
    /// How far its runs and its interval reach to this side, percent; bad runs do not count.
    fn reach(&self, sign: f64) -> f64 {
        let good = self.base.iter().chain(&self.new).filter(|(_, is_out)| !is_out);
        let interval = self.interval.into_iter().flat_map(|(low, high)| [low, high]);
        let places = good.map(|(value, _)| *value).chain(interval);
        places.map(|value| value * sign).fold(0.0, f64::max)
    }
}

const ROW: f64 = 34.0;
const BOTTOM: f64 = 24.0;
/// Longest texts, in characters.
const LABEL: usize = 40;
const NOTE: usize = 30;
/// A metric that reaches so many times as far as the one in the middle may stand at the edge.
const FAR: f64 = 8.0;

impl Sides {
    pub(super) fn height(&self) -> f64 {
        self.rows.len() as f64 * ROW + BOTTOM
    }

    /// From where to where, percent. Bad runs and a few metrics that changed a hundredfold must not squeeze the others into one
    /// place.
    fn range(&self) -> (f64, f64) {
        let end = |sign: f64| {
            let mut ends: Vec<f64> = self.rows.iter().map(|row| row.reach(sign)).collect();
            ends.sort_by(f64::total_cmp);
            let least = 1.5 * self.threshold_pct;
            let middle = ends.get(ends.len() / 2).copied().unwrap_or(0.0).max(least);
            let most = if self.is_whole { f64::INFINITY } else { FAR * middle };
            ends.last().copied().unwrap_or(0.0).clamp(least, most) * 1.05
        };
        (-end(-1.0), end(1.0))
    }

    pub(super) fn draw(&self, markup: &mut Markup) {
        let labels: Vec<_> = self.rows.iter().map(|row| shortened(&row.label, LABEL)).collect();
        let notes: Vec<_> = self.rows.iter().map(|row| shortened(&row.note, NOTE)).collect();
        let longest = |texts: &[String]| texts.iter().map(|text| width(text)).fold(0.0, f64::max);
        let left = longest(&labels).min(WIDTH * 0.32) + 16.0;
        let right = WIDTH - longest(&notes).clamp(22.0, WIDTH * 0.28) - 16.0;
        let (low, high) = self.range();
        let axis = Axis::linear(Measure::Change, low, high);
        let bottom = self.rows.len() as f64 * ROW;
        let place = |value: f64| left + axis.at(value) * (right - left);
        let band = (place(-self.threshold_pct), place(self.threshold_pct));
        area(markup, (band.0, 0.0), (band.1 - band.0, bottom), "band", "");
        for (value, text) in axis.ticks(8) {
            let x = place(value);
            line(markup, (x, 0.0), (x, bottom + 3.0), "grid");
            words(markup, (x, bottom + 17.0), Anchor::Middle, "tick", text);
        }
        line(markup, (place(0.0), 0.0), (place(0.0), bottom), "axis");
        for (number, row) in self.rows.iter().enumerate() {
            let y = number as f64 * ROW;
            if let Some((low, high)) = row.interval {
                let (from, until) = (place(low), place(high));
                let hint = format!("{} to {}", unit::change(low), unit::change(high));
                area(markup, (from, y + 14.5), ((until - from).max(1.0), 5.0), "k4", &hint);
            }
            for (runs, dy, shape, class) in
                [(&row.base, 9.0, Mark::Circle, "k0"), (&row.new, 25.0, Mark::Square, "k5")]
            {
                for &(value, is_out) in runs {
                    let at = (place(value), y + dy);
                    let hint = format!("{}: {}", row.label, unit::change(value));
                    let is_beyond = value < low || value > high;
                    if is_beyond && !is_out {
                        mark(markup, Mark::Diamond, at, 4.0, class, &hint);
                    } else if is_out {
                        line(markup, (at.0 - 4.0, at.1 - 4.0), (at.0 + 4.0, at.1 + 4.0), "cross");
                        line(markup, (at.0 - 4.0, at.1 + 4.0), (at.0 + 4.0, at.1 - 4.0), "cross");
                    } else {
                        mark(markup, shape, at, 4.0, class, &hint);
                    }
                }
            }
            let base = y + ROW / 2.0 + 4.0;
            words(markup, (left - 12.0, base), Anchor::End, "", &labels[number]);
            words(markup, (right + 12.0, base), Anchor::Start, "", &notes[number]);
        }
    }

    pub(super) fn figures(&self) -> Figures {
        let mut rows = Vec::new();
        for row in &self.rows {
            let interval = row.interval.map_or_else(
                || unit::UNKNOWN.to_owned(),
                |(low, high)| format!("{} to {}", unit::change(low), unit::change(high)),
            );
            for (side, runs) in [("base", &row.base), ("new", &row.new)] {
                let runs: Vec<_> = runs
                    .iter()
                    .map(|&(value, is_out)| {
                        let note = if is_out { " (left out)" } else { "" };
                        format!("{}{note}", unit::change(value))
                    })
                    .collect();
                let interval = if side == "new" { interval.clone() } else { String::new() };
                rows.push(vec![
                    shortened(&row.label, 60),
                    side.to_owned(),
                    runs.join(", "),
                    interval,
                ]);
            }
        }
        let headings = ["", "side", "runs, % of the base's median", "95 % interval of the change"];
        Figures { headings: headings.map(str::to_owned).to_vec(), rows }
    }
}
