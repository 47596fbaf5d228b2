//! The table: how near each operator came to its ceiling.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::plot::{figure, precision_label, rate};
use crate::model::roofline::Point;
use crate::units;
use crate::view::grid::{Cell, Heading};

pub(super) const HEADINGS: [Heading; 10] = [
    Heading::text("Operator", 0.0, "Click a row to see its events in the timeline"),
    Heading::text("Shapes", 230.0, "Dimensions of its inputs"),
    Heading::text("Precision", 74.0, "Format of its numbers"),
    Heading::figure("Runs", 60.0, "How often it ran"),
    Heading::figure("Time", 84.0, "Time of its GPU operations, or its own time without a GPU"),
    Heading::figure("FLOP/byte", 76.0, "Operations by the least bytes that had to be moved"),
    Heading::figure("Rate", 100.0, "Operations a second"),
    Heading::figure("Memory", 80.0, "Bytes a second, each input read and each output written once"),
    Heading::figure(
        "Of ceiling",
        84.0,
        "Rate by the greatest that the device has at this intensity",
    ),
    Heading::text("Bound by", 70.0, "What limits the ceiling at this intensity"),
];

/// The rows of the points, in their order.
pub(super) fn rows(points: &[Point]) -> Vec<Vec<Cell>> {
    points
        .iter()
        .map(|point| {
            vec![
                Cell::Text(point.name.clone()),
                Cell::Short { text: point.shapes.clone(), whole: point.shapes.clone() },
                Cell::Text(precision_label(&point.precision).to_owned()),
                Cell::figure(units::count(point.count.unsigned_abs()), point.count as f64),
                Cell::figure(units::duration(point.time_ns), point.time_ns as f64),
                Cell::optional(point.intensity, figure),
                Cell::figure(rate(point.rate), point.rate),
                Cell::optional(point.memory_rate, |value| format!("{} GB/s", figure(value / 1e9))),
                point.share().map_or(Cell::Unknown, Cell::Share),
                point.ceiling.map_or(Cell::Unknown, |(_, bound)| Cell::Text(bound.label().into())),
            ]
        })
        .collect()
}

/// Another number for other points.
pub(super) fn version(points: &[Point]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for point in points {
        (&point.name, &point.shapes, &point.precision, point.time_ns).hash(&mut hasher);
        point.ceiling.map(|(ceiling, _)| ceiling.to_bits()).hash(&mut hasher);
    }
    hasher.finish()
}
