//! Levels over time, a line each: the mean of every stretch of time, and behind the first of them the greatest.

use std::fmt::Write as _;

use super::Figures;
use super::frame::{Frame, LEFT};
use super::scale::{Axis, Measure};
use super::shape::{Anchor, LINES, Px, area, line, width, words};
use crate::markup::Markup;
use crate::page::shortened;
use crate::unit;

/// Several levels with one axis of time.
#[derive(Debug)]
pub(crate) struct Curves {
    /// What the level is measured in, and what it is called.
    pub(crate) y: (Measure, &'static str),
    /// [`MOST_CURVES`] at most.
    pub(crate) lines: Vec<Curve>,
    /// Whether the greatest levels of the first are drawn. Where they are many times the means these would not be seen.
    pub(crate) shows_most: bool,
}

/// How many curves can be told apart in one picture.
pub(crate) const MOST_CURVES: usize = 4;

/// Longest label, in characters, so that so many stand beside each other.
const LABEL: usize = 18;

/// One level.
#[derive(Debug)]
pub(crate) struct Curve {
    /// What it is of.
    pub(crate) label: String,
    /// In order of time.
    pub(crate) stretches: Vec<Stretch>,
}

/// A stretch of time, ns, with the level in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) from: i64,
    pub(crate) until: i64,
    pub(crate) mean: f64,
    pub(crate) most: f64,
}

pub(super) const HEIGHT: f64 = 250.0;
const TOP: f64 = 40.0;

impl Curves {
    fn stretches(&self) -> impl Iterator<Item = &Stretch> + Clone {
        self.lines.iter().flat_map(|curve| &curve.stretches)
    }

    /// The first instant of all.
    fn begin(&self) -> i64 {
        self.stretches().map(|stretch| stretch.from).min().unwrap_or(0)
    }

    pub(super) fn draw(&self, markup: &mut Markup) {
        let begin = self.begin();
        let ends = self.stretches().map(|stretch| stretch.until.saturating_sub(begin));
        let end = ends.max().unwrap_or(0);
        let first = self.lines.first().filter(|_| self.shows_most);
        let greatest = first.iter().flat_map(|curve| &curve.stretches).map(|stretch| stretch.most);
        let levels = self.stretches().map(|stretch| stretch.mean).chain(greatest);
        let most = levels.filter(|level| level.is_finite()).fold(0.0, f64::max);
        let (measure, name) = self.y;
        let frame = Frame::new(
            Axis::linear(Measure::Duration, 0.0, end as f64),
            Axis::linear(measure, 0.0, (most * 1.04).min(f64::MAX)),
            TOP,
            HEIGHT,
            24.0,
        );
        if let Some(curve) = first
            && let Some(stretch) = curve.stretches.first()
        {
            let steps = curve.steps(&frame, begin, |stretch| stretch.most);
            let (x, _) = frame.at(stretch.from.saturating_sub(begin) as f64, 0.0);
            let outline = format!("{steps}V{}H{}Z", Px(frame.bottom), Px(x));
            markup.empty("path", &[("class", &"area"), ("d", &outline)]);
        }
        frame.draw(markup, "time since the first of them", name);
        for (curve, class) in self.lines.iter().zip(LINES) {
            let steps = curve.steps(&frame, begin, |stretch| stretch.mean);
            markup.empty("path", &[("class", &class), ("d", &steps)]);
        }
        self.draw_legend(markup);
    }

    fn draw_legend(&self, markup: &mut Markup) {
        let mut x = LEFT + 12.0;
        for (curve, class) in self.lines.iter().zip(LINES) {
            let label = shortened(&curve.label, LABEL);
            line(markup, (x, 9.0), (x + 24.0, 9.0), class);
            words(markup, (x + 30.0, 13.0), Anchor::Start, "", &label);
            x += 30.0 + width(&label) + 16.0;
        }
        if self.shows_most {
            area(markup, (x, 3.0), (24.0, 12.0), "area", "");
            let of = if self.lines.len() > 1 { " of the first" } else { "" };
            words(markup, (x + 30.0, 13.0), Anchor::Start, "", format_args!("the most{of}"));
        }
    }

    pub(super) fn figures(&self) -> Figures {
        let begin = self.begin();
        let rows = self.lines.iter().flat_map(|curve| {
            curve.stretches.iter().map(move |stretch| {
                vec![
                    shortened(&curve.label, LABEL),
                    stretch.from.saturating_sub(begin).to_string(),
                    stretch.until.saturating_sub(begin).to_string(),
                    unit::significant(stretch.mean),
                    unit::significant(stretch.most),
                ]
            })
        });
        let headings = ["", "from, ns", "until, ns", "mean", "most"];
        Figures { headings: headings.map(str::to_owned).to_vec(), rows: rows.collect() }
    }
}

impl Curve {
    /// A line that stays at each level for its stretch.
    fn steps(&self, frame: &Frame, begin: i64, level: impl Fn(&Stretch) -> f64) -> String {
        let mut path = String::new();
        for stretch in &self.stretches {
            let place = |time: i64| frame.at(time.saturating_sub(begin) as f64, level(stretch));
            let ((x, y), (end, _)) = (place(stretch.from), place(stretch.until));
            let (x, y, end) = (Px(x), Px(y), Px(end));
            // Writing to a String cannot fail.
            let _ = if path.is_empty() {
                write!(path, "M{x} {y}H{end}")
            } else {
                write!(path, "V{y}H{end}")
            };
        }
        path
    }
}
