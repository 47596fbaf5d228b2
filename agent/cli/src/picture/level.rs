//! A level over time, from one change to the next, with its peak.

use std::fmt::Write as _;

use super::frame::{Frame, LEFT};
use super::scale::{Axis, Measure};
use super::shape::{Anchor, Mark, Px, line, mark, width, words};
use super::{Figures, WIDTH};
use crate::markup::Markup;
use crate::unit;

/// Levels of memory: time in ns, bytes in use, bytes held.
#[derive(Debug)]
pub(crate) struct Level {
    /// In order of time.
    pub(crate) points: Vec<(i64, i64, Option<i64>)>,
    /// The first moment of the greatest level, and the level.
    pub(crate) peak: (i64, i64),
}

pub(super) const HEIGHT: f64 = 290.0;
const TOP: f64 = 40.0;

impl Level {
    /// Time since the first point, ns.
    fn since(&self, time: i64) -> i64 {
        time.saturating_sub(self.points.first().map_or(time, |point| point.0))
    }

    pub(super) fn draw(&self, markup: &mut Markup) {
        let end = self.points.last().map_or(0, |point| self.since(point.0));
        let levels = self.points.iter().flat_map(|point| [Some(point.1), point.2]).flatten();
        let most = levels.chain([self.peak.1, 1]).max().unwrap_or(1);
        let frame = Frame::new(
            Axis::linear(Measure::Duration, 0.0, end as f64),
            Axis::linear(Measure::Bytes, 0.0, most as f64 * 1.04),
            TOP,
            HEIGHT,
            24.0,
        );
        let allocated = self.steps(&frame, |point| Some(point.1));
        let area = format!("{allocated}V{}H{}Z", Px(frame.bottom), Px(LEFT));
        markup.empty("path", &[("class", &"area"), ("d", &area)]);
        frame.draw(markup, "time since the first change", "bytes");
        markup.empty("path", &[("class", &"l0"), ("d", &allocated)]);
        let mut x = 150.0;
        line(markup, (x, 9.0), (x + 24.0, 9.0), "l0");
        words(markup, (x + 30.0, 13.0), Anchor::Start, "", "allocated");
        x += 120.0;
        if self.points.iter().any(|point| point.2.is_some()) {
            let reserved = self.steps(&frame, |point| point.2);
            markup.empty("path", &[("class", &"l1 dash"), ("d", &reserved)]);
            line(markup, (x, 9.0), (x + 24.0, 9.0), "l1 dash");
            words(markup, (x + 30.0, 13.0), Anchor::Start, "", "held by the allocator");
        }
        self.draw_peak(markup, &frame);
    }

    fn draw_peak(&self, markup: &mut Markup, frame: &Frame) {
        let since = self.since(self.peak.0);
        let (x, y) = frame.at(since as f64, self.peak.1 as f64);
        let text = format!("peak {} at {}", unit::bytes(self.peak.1), unit::duration(since));
        line(markup, (x, frame.bottom), (x, TOP - 8.0), "mark");
        mark(markup, Mark::Diamond, (x, y), 5.0, "k3", &text);
        let half = width(&text) / 2.0;
        let middle = x.clamp(LEFT + half, WIDTH - half);
        words(markup, (middle, TOP - 12.0), Anchor::Middle, "on", &text);
    }

    /// A line that stays at each level until the next point.
    fn steps(
        &self,
        frame: &Frame,
        level: impl Fn(&(i64, i64, Option<i64>)) -> Option<i64>,
    ) -> String {
        let mut path = String::new();
        for point in &self.points {
            let Some(bytes) = level(point) else { continue };
            let (x, y) = frame.at(self.since(point.0) as f64, bytes as f64);
            let (x, y) = (Px(x), Px(y));
            // Writing to a String cannot fail.
            let _ =
                if path.is_empty() { write!(path, "M{x} {y}") } else { write!(path, "H{x}V{y}") };
        }
        path
    }

    pub(super) fn figures(&self) -> Figures {
        let row = |(time, allocated, held): &(i64, i64, Option<i64>)| {
            vec![
                self.since(*time).to_string(),
                allocated.to_string(),
                unit::known(*held, |bytes| bytes.to_string()),
            ]
        };
        let headings = ["time since the first change, ns", "allocated, bytes", "held, bytes"];
        Figures {
            headings: headings.map(str::to_owned).to_vec(),
            rows: self.points.iter().map(row).collect(),
        }
    }
}
