//! Points of two measures by powers, in groups.

use super::frame::{Frame, LEFT, Taken};
use super::scale::{Axis, Measure};
use super::shape::{Anchor, LINES, MARKS, line, mark, path, width, words};
use super::{Figures, WIDTH};
use crate::markup::Markup;
use crate::page::shortened;
use crate::unit;

/// A field of points.
#[derive(Debug)]
pub(crate) struct Points {
    /// What is measured to the right, and its name.
    pub(crate) x: (Measure, &'static str),
    /// What is measured upwards, and its name.
    pub(crate) y: (Measure, &'static str),
    /// At most five are told apart.
    pub(crate) groups: Vec<Group>,
    /// Whether the points of a group are joined.
    pub(crate) is_joined: bool,
}

/// Points of one kind.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) points: Vec<Point>,
}

/// One point. Without a value above zero on both axes it has no place.
#[derive(Debug)]
pub(crate) struct Point {
    /// What it is of.
    pub(crate) name: String,
    /// A few characters beside it.
    pub(crate) label: String,
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl Point {
    /// Whether it has a place on axes of powers.
    pub(crate) fn is_drawable(&self) -> bool {
        [self.x, self.y].iter().all(|value| value.is_finite() && *value > 0.0)
    }
}

pub(super) const HEIGHT: f64 = 360.0;
const TOP: f64 = 48.0;

impl Points {
    /// Whether there is anything to draw.
    pub(crate) fn is_empty(&self) -> bool {
        !self.groups.iter().flat_map(|group| &group.points).any(Point::is_drawable)
    }

    fn drawable(&self) -> impl Iterator<Item = &Point> + Clone {
        self.groups.iter().flat_map(|group| &group.points).filter(|point| point.is_drawable())
    }

    pub(super) fn draw(&self, markup: &mut Markup) {
        let frame = Frame::new(
            Axis::log(self.x.0, self.drawable().map(|point| point.x)),
            Axis::log(self.y.0, self.drawable().map(|point| point.y)),
            TOP,
            HEIGHT,
            40.0,
        );
        frame.draw(markup, self.x.1, self.y.1);
        if (self.x.0, self.y.0) == (Measure::Intensity, Measure::Tflops) {
            draw_bandwidths(markup, &frame);
        }
        self.draw_legend(markup);
        for (number, group) in self.groups.iter().enumerate() {
            let places = || {
                let drawable = group.points.iter().filter(|point| point.is_drawable());
                drawable.map(|point| (point, frame.at(point.x, point.y)))
            };
            if self.is_joined {
                let class = LINES[number % MARKS.len()];
                path(markup, class, places().map(|(_, place)| place));
            }
            for (point, place) in places() {
                let class = Self::class(number);
                mark(
                    markup,
                    MARKS[number % MARKS.len()],
                    place,
                    Self::radius(number),
                    class,
                    &point.name,
                );
            }
        }
        // Over all marks, so that none covers a label.
        let mut taken = Taken::default();
        for point in self.drawable().filter(|point| !point.label.is_empty()) {
            let (x, y) = frame.at(point.x, point.y);
            let label = shortened(&point.label, 28);
            let length = width(&label);
            let beside = [
                (x + 8.0, y + 4.0),
                (x - 8.0 - length, y + 4.0),
                (x + 5.0, y - 8.0),
                (x + 5.0, y + 17.0),
            ];
            let free = beside
                .into_iter()
                .filter(|(x, _)| *x >= 0.0 && x + length <= WIDTH)
                .find(|place| taken.take(*place, length));
            if let Some(place) = free {
                words(markup, place, Anchor::Start, "on", &label);
            }
        }
    }

    /// Every other group is hollow and larger, so that a point under another one is seen.
    fn class(number: usize) -> &'static str {
        ["k0", "o1", "k2", "o3", "k5"][number % MARKS.len()]
    }

    fn radius(number: usize) -> f64 {
        if Self::class(number).starts_with('o') { 6.0 } else { 4.0 }
    }

    fn draw_legend(&self, markup: &mut Markup) {
        if self.groups.len() < 2 {
            return;
        }
        let mut x = 4.0;
        for (number, group) in self.groups.iter().enumerate() {
            let name = shortened(&group.name, 30);
            mark(
                markup,
                MARKS[number % MARKS.len()],
                (x + 6.0, 9.0),
                Self::radius(number),
                Self::class(number),
                "",
            );
            words(markup, (x + 16.0, 13.0), Anchor::Start, "", &name);
            x += 16.0 + width(&name) + 18.0;
        }
    }

    pub(super) fn figures(&self) -> Figures {
        let mut rows = Vec::new();
        for group in &self.groups {
            for point in &group.points {
                let name = shortened(&point.name, 60);
                let figures = [point.x, point.y].map(unit::significant);
                rows.push([name, group.name.clone()].into_iter().chain(figures).collect());
            }
        }
        let headings = [String::new(), "kind".to_owned(), self.x.1.to_owned(), self.y.1.to_owned()];
        Figures { headings: headings.to_vec(), rows }
    }
}

/// Lines along which an operator would be that is held up by memory of a round bandwidth.
fn draw_bandwidths(markup: &mut Markup, frame: &Frame) {
    let mut taken = Taken::default();
    let (low, high) = (frame.x.value(0.0), frame.x.value(1.0));
    let (least, most) = (frame.y.value(0.0), frame.y.value(1.0));
    for (gbps, text) in
        [(1.0, "1 GB/s"), (10.0, "10 GB/s"), (100.0, "100 GB/s"), (1e3, "1 TB/s"), (1e4, "10 TB/s")]
    {
        // TFLOP/s at an intensity is intensity x GB/s / 1000.
        let speed = |intensity: f64| intensity * gbps / 1e3;
        let intensity = |speed: f64| speed * 1e3 / gbps;
        let (from, until) = (low.max(intensity(least)), high.min(intensity(most)));
        if from >= until {
            continue;
        }
        let end = frame.at(until, speed(until));
        line(markup, frame.at(from, speed(from)), end, "mark");
        let place = (end.0 - width(text) - 4.0, end.1 + 14.0);
        if place.0 > LEFT && place.1 < frame.bottom && taken.take(place, width(text)) {
            words(markup, place, Anchor::Start, "tick on", text);
        }
    }
}
