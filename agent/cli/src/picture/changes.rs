//! Bars to either side of nothing: what made something longer or shorter.

use super::scale::{Axis, Measure};
use super::shape::{Anchor, area, line, width, words};
use super::{Figures, WIDTH};
use crate::markup::Markup;
use crate::page::shortened;

/// Changes of one scale.
#[derive(Debug)]
pub(crate) struct Changes {
    /// Top to bottom.
    pub(crate) rows: Vec<Change>,
}

/// One bar.
#[derive(Debug)]
pub(crate) struct Change {
    /// What changed.
    pub(crate) label: String,
    /// By how much, ns.
    pub(crate) nanos: i64,
    /// What stands behind it.
    pub(crate) note: String,
}

const ROW: f64 = 22.0;
const BOTTOM: f64 = 24.0;
/// Longest texts, in characters.
const LABEL: usize = 44;
const NOTE: usize = 42;

impl Changes {
    pub(super) fn height(&self) -> f64 {
        self.rows.len() as f64 * ROW + BOTTOM
    }

    pub(super) fn draw(&self, markup: &mut Markup) {
        let labels: Vec<_> = self.rows.iter().map(|row| shortened(&row.label, LABEL)).collect();
        let notes: Vec<_> = self.rows.iter().map(|row| shortened(&row.note, NOTE)).collect();
        let longest = |texts: &[String]| texts.iter().map(|text| width(text)).fold(0.0, f64::max);
        let left = longest(&labels).min(WIDTH * 0.36) + 8.0;
        let right = WIDTH - longest(&notes).clamp(22.0, WIDTH * 0.32) - 8.0;
        let of = |pick: fn(i64, i64) -> i64| {
            self.rows.iter().fold(0, |most, row| pick(most, row.nanos)) as f64
        };
        let axis = Axis::linear(Measure::Duration, of(i64::min), of(i64::max));
        let bottom = self.rows.len() as f64 * ROW;
        let place = |value: f64| left + axis.at(value) * (right - left);
        for (value, text) in axis.ticks(6) {
            let x = place(value);
            line(markup, (x, 0.0), (x, bottom + 3.0), "grid");
            words(markup, (x, bottom + 17.0), Anchor::Middle, "tick", text);
        }
        for (number, row) in self.rows.iter().enumerate() {
            let y = number as f64 * ROW;
            let (zero, end) = (place(0.0), place(row.nanos as f64));
            let class = if row.nanos > 0 { "k5" } else { "k2" };
            let size = ((end - zero).abs().max(1.0), ROW - 6.0);
            area(
                markup,
                (zero.min(end), y + 3.0),
                size,
                class,
                &format!("{}: {}", row.label, row.note),
            );
            let base = y + ROW / 2.0 + 4.0;
            words(markup, (left - 8.0, base), Anchor::End, "", &labels[number]);
            words(markup, (right + 8.0, base), Anchor::Start, "", &notes[number]);
        }
        line(markup, (place(0.0), 0.0), (place(0.0), bottom), "axis");
    }

    pub(super) fn figures(&self) -> Figures {
        let row = |row: &Change| vec![shortened(&row.label, LABEL), row.nanos.to_string()];
        Figures {
            headings: vec![String::new(), "change, ns".to_owned()],
            rows: self.rows.iter().map(row).collect(),
        }
    }
}
