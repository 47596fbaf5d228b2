//! The field of a picture with two axes.

use super::WIDTH;
use super::scale::Axis;
use super::shape::{Anchor, Place, line, words};
use crate::markup::Markup;

/// The left edge of the field: room for the words of the axis.
pub(super) const LEFT: f64 = 84.0;
/// Room below for the words of the other axis, and its name.
const BOTTOM: f64 = 40.0;

/// Where values are.
pub(super) struct Frame {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) top: f64,
    pub(super) bottom: f64,
    pub(super) right: f64,
}

impl Frame {
    /// A field below `top` in a picture of this height, with `right` left free beside it.
    pub(super) fn new(x: Axis, y: Axis, top: f64, height: f64, right: f64) -> Self {
        Self { x, y, top, bottom: height - BOTTOM, right: WIDTH - right }
    }

    /// Where a pair of values is.
    pub(super) fn at(&self, x: f64, y: f64) -> Place {
        (
            LEFT + self.x.at(x) * (self.right - LEFT),
            self.bottom - self.y.at(y) * (self.bottom - self.top),
        )
    }

    /// Draws grid, ticks and the names of the axes.
    pub(super) fn draw(&self, markup: &mut Markup, x_name: &str, y_name: &str) {
        let wanted = |length: f64, each: f64| (length / each).floor().max(1.0) as usize;
        for (value, text) in self.y.ticks(wanted(self.bottom - self.top, 28.0)) {
            let (_, y) = self.at(0.0, value);
            line(markup, (LEFT, y), (self.right, y), "grid");
            words(markup, (LEFT - 6.0, y + 4.0), Anchor::End, "tick", text);
        }
        for (value, text) in self.x.ticks(wanted(self.right - LEFT, 88.0)) {
            let (x, _) = self.at(value, 0.0);
            line(markup, (x, self.top), (x, self.bottom), "grid");
            words(markup, (x, self.bottom + 16.0), Anchor::Middle, "tick", text);
        }
        line(markup, (LEFT, self.bottom), (self.right, self.bottom), "axis");
        line(markup, (LEFT, self.top), (LEFT, self.bottom), "axis");
        let middle = f64::midpoint(LEFT, self.right);
        words(markup, (middle, self.bottom + 34.0), Anchor::Middle, "", x_name);
        words(markup, (0.0, self.top - 8.0), Anchor::Start, "", y_name);
    }
}

/// Places already taken by words, so that others are left out instead of covering them.
#[derive(Default)]
pub(super) struct Taken(Vec<(Place, Place)>);

impl Taken {
    /// Takes the box of words that begin at a place of their base line, unless something is there.
    pub(super) fn take(&mut self, (x, y): Place, width: f64) -> bool {
        let (from, until) = ((x - 2.0, y - 11.0), (x + width + 2.0, y + 3.0));
        let is_free = |(other_from, other_until): &(Place, Place)| {
            until.0 <= other_from.0
                || other_until.0 <= from.0
                || until.1 <= other_from.1
                || other_until.1 <= from.1
        };
        let is_free = self.0.iter().all(is_free);
        if is_free {
            self.0.push((from, until));
        }
        is_free
    }
}
