//! Horizontal bars, each of one or several parts, one bar a row.

use super::fill::{Part, legend, legend_height};
use super::scale::{Axis, Measure};
use super::shape::{Anchor, area, line, width, words};
use super::{Figures, WIDTH};
use crate::markup::Markup;
use crate::page::shortened;
use crate::unit;

/// Rows of bars with the same parts.
#[derive(Debug)]
pub(crate) struct Bars {
    /// What the bars are made of, left to right.
    pub(crate) parts: Vec<Part>,
    /// Top to bottom.
    pub(crate) rows: Vec<Row>,
    /// Whether every bar is a whole, whose parts are shares; else all are times, of one scale.
    pub(crate) is_share: bool,
}

/// One bar.
#[derive(Debug)]
pub(crate) struct Row {
    /// What it is of.
    pub(crate) label: String,
    /// One value a part, ns.
    pub(crate) values: Vec<i64>,
    /// What stands behind it.
    pub(crate) note: String,
}

impl Row {
    fn whole(&self) -> i64 {
        self.values.iter().fold(0, |sum, value| sum.saturating_add((*value).max(0)))
    }
}

/// Longest label, in characters.
pub(crate) const LABEL: usize = 46;
/// Longest note.
const NOTE: usize = 42;
/// Room for the axis below.
const BOTTOM: f64 = 24.0;
/// From here on rows are lower.
const MANY: usize = 24;

impl Bars {
    fn row_height(&self) -> f64 {
        if self.rows.len() > MANY { 15.0 } else { 22.0 }
    }

    pub(super) fn height(&self) -> f64 {
        legend_height(&self.parts) + self.rows.len() as f64 * self.row_height() + BOTTOM
    }

    pub(super) fn draw(&self, markup: &mut Markup) {
        legend(markup, &self.parts);
        let top = legend_height(&self.parts);
        let labels: Vec<_> = self.rows.iter().map(|row| fitted(&row.label)).collect();
        let longest = |texts: &mut dyn Iterator<Item = &String>| {
            texts.map(|text| width(text)).fold(0.0, f64::max)
        };
        let left = longest(&mut labels.iter()).min(WIDTH * 0.36) + 8.0;
        let notes: Vec<_> = self.rows.iter().map(|row| shortened(&row.note, NOTE)).collect();
        // The last tick's words stand around their place.
        let right = WIDTH - longest(&mut notes.iter()).clamp(22.0, WIDTH * 0.32) - 8.0;
        let most = self.rows.iter().map(Row::whole).max().unwrap_or(0);
        let axis = if self.is_share {
            Axis::linear(Measure::Share, 0.0, 100.0)
        } else {
            Axis::linear(Measure::Duration, 0.0, most as f64)
        };
        let bottom = top + self.rows.len() as f64 * self.row_height();
        for (value, text) in axis.ticks(6) {
            let x = left + axis.at(value) * (right - left);
            line(markup, (x, top), (x, bottom + 3.0), "grid");
            words(markup, (x, bottom + 17.0), Anchor::Middle, "tick", text);
        }
        for (number, ((row, label), note)) in self.rows.iter().zip(&labels).zip(&notes).enumerate()
        {
            let y = top + number as f64 * self.row_height();
            let whole = if self.is_share { row.whole() } else { most };
            self.draw_row(markup, row, whole, (left, right), y);
            let base = y + self.row_height() / 2.0 + 4.0;
            words(markup, (left - 8.0, base), Anchor::End, self.size(), label);
            if !note.is_empty() {
                words(markup, (right + 8.0, base), Anchor::Start, self.size(), note);
            }
        }
        line(markup, (left, top), (left, bottom), "axis");
    }

    fn size(&self) -> &'static str {
        if self.rows.len() > MANY { "tick" } else { "" }
    }

    fn draw_row(
        &self,
        markup: &mut Markup,
        row: &Row,
        whole: i64,
        (left, right): (f64, f64),
        y: f64,
    ) {
        let gap = if self.rows.len() > MANY { 2.0 } else { 3.0 };
        let height = self.row_height() - 2.0 * gap;
        let mut begin = 0.0;
        let mut captions = Vec::new();
        // Of a single part the note tells.
        let has_several = row.values.iter().filter(|value| **value > 0).count() > 1;
        for (part, value) in self.parts.iter().zip(&row.values) {
            if *value <= 0 || whole <= 0 {
                continue;
            }
            let length = *value as f64 / whole as f64 * (right - left);
            let x = left + begin;
            begin += length;
            let time = unit::duration(*value);
            let of_whole = unit::share(*value, row.whole());
            let hint = format!("{}, {}: {time}, {of_whole}", row.label, part.name);
            area(markup, (x, y + gap), (length.max(1.0), height), part.fill.class(), &hint);
            let caption = if self.is_share { of_whole } else { time };
            if has_several && width(&caption) + 6.0 <= length {
                captions.push((x + length / 2.0, caption));
            }
        }
        for (x, caption) in captions {
            let base = y + self.row_height() / 2.0 + 4.0;
            words(
                markup,
                (x, base),
                Anchor::Middle,
                if gap < 3.0 { "on tick" } else { "on" },
                caption,
            );
        }
    }

    pub(super) fn figures(&self) -> Figures {
        let parts = self.parts.iter().map(|part| format!("{}, ns", part.name));
        Figures {
            headings: [String::new()].into_iter().chain(parts).collect(),
            rows: self
                .rows
                .iter()
                .map(|row| {
                    let values = row.values.iter().map(ToString::to_string);
                    [shortened(&row.label, LABEL)].into_iter().chain(values).collect()
                })
                .collect(),
        }
    }
}

/// A label that has room, also where its characters are wide.
fn fitted(label: &str) -> String {
    let label = shortened(label, LABEL);
    if width(&label) > WIDTH * 0.36 { shortened(&label, LABEL / 2) } else { label }
}
