//! How often something took how long, a small histogram a row, all on one axis of time that goes by powers.

use std::fmt::Write as _;

use super::scale::{Axis, Measure};
use super::shape::{Anchor, Mark, Px, line, mark, width, words};
use super::{Figures, WIDTH};
use crate::markup::Markup;
use crate::page::shortened;
use crate::unit;

/// Rows of histograms.
#[derive(Debug)]
pub(crate) struct Histograms {
    /// Top to bottom.
    pub(crate) rows: Vec<Histogram>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// What it is of.
    pub(crate) label: String,
    /// From, until and how many; times in ns, in order.
    pub(crate) buckets: Vec<(i64, i64, i64)>,
    /// What is marked, with what it is called.
    pub(crate) marked: Vec<(i64, &'static str)>,
}

/// Longest label, in characters.
pub(crate) const LABEL: usize = 40;
const ROW: f64 = 30.0;
const TOP: f64 = 6.0;
const BOTTOM: f64 = 24.0;
/// What any number of runs is as high as at least.
const LEAST: f64 = 1.5;

/// No time at all has its place at the shortest that can be told.
fn placed(time: i64) -> f64 {
    time.max(1) as f64
}

impl Histograms {
    pub(super) fn height(&self) -> f64 {
        TOP + self.rows.len() as f64 * ROW + BOTTOM
    }

    pub(super) fn draw(&self, markup: &mut Markup) {
        let labels: Vec<_> = self.rows.iter().map(|row| shortened(&row.label, LABEL)).collect();
        let longest = labels.iter().map(|label| width(label)).fold(0.0, f64::max);
        let (left, right) = (longest.min(WIDTH * 0.4) + 8.0, WIDTH - 24.0);
        let edges = self.rows.iter().flat_map(|row| row.buckets.iter().flat_map(|b| [b.0, b.1]));
        let axis = Axis::log(Measure::Duration, edges.map(placed));
        let x = |time: i64| left + axis.at(placed(time)) * (right - left);
        let bottom = TOP + self.rows.len() as f64 * ROW;
        for (value, text) in axis.ticks(8) {
            let x = left + axis.at(value) * (right - left);
            line(markup, (x, TOP), (x, bottom + 3.0), "grid");
            words(markup, (x, bottom + 17.0), Anchor::Middle, "tick", text);
        }
        for (number, (row, label)) in self.rows.iter().zip(&labels).enumerate() {
            let base = TOP + (number + 1) as f64 * ROW;
            line(markup, (left, base), (right, base), "axis");
            words(markup, (left - 8.0, base - 6.0), Anchor::End, "", label);
            let bars = row.bars(&x, base);
            if !bars.is_empty() {
                markup.empty("path", &[("class", &"k4"), ("d", &bars)]);
            }
            for (position, (time, name)) in row.marked.iter().enumerate() {
                let shape = [Mark::Diamond, Mark::Down][position % 2];
                let class = ["k0", "k3"][position % 2];
                let hint = format!("{}, {name}: {}", row.label, unit::duration(*time));
                mark(markup, shape, (x(*time), base - 3.0), 4.0, class, &hint);
            }
        }
    }

    pub(super) fn figures(&self) -> Figures {
        let rows = self.rows.iter().flat_map(|row| {
            row.buckets.iter().map(|(from, until, count)| {
                vec![
                    shortened(&row.label, LABEL),
                    from.to_string(),
                    until.to_string(),
                    count.to_string(),
                ]
            })
        });
        let headings = ["", "from, ns", "until, ns", "runs"];
        Figures { headings: headings.map(str::to_owned).to_vec(), rows: rows.collect() }
    }
}

impl Histogram {
    /// Bars whose areas are as the counts, the highest as high as the row.
    fn bars(&self, x: &dyn Fn(i64) -> f64, base: f64) -> String {
        let bars: Vec<(f64, f64, f64)> = self
            .buckets
            .iter()
            .map(|&(from, until, count)| {
                let (from, until) = (x(from), x(until));
                // What is narrower than it can be drawn must not tower above all others.
                let until = until.max(from + 1.0);
                (from, until, count.max(0) as f64 / (until - from))
            })
            .collect();
        let most = bars.iter().map(|bar| bar.2).fold(0.0, f64::max);
        let mut path = String::new();
        for (from, until, density) in bars.into_iter().filter(|bar| bar.2 > 0.0) {
            let height = (density / most * (ROW - 5.0)).max(LEAST);
            let (from, until, top, base) = (Px(from), Px(until), Px(base - height), Px(base));
            // Writing to a String cannot fail.
            let _ = write!(path, "M{from} {base}V{top}H{until}V{base}Z");
        }
        path
    }
}
