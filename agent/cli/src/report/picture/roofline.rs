//! What operators achieved, by their intensity.

use perfagent_analysis::report::{Rank, RooflineRow};

use super::super::label;
use crate::page::Page;
use crate::picture::{Drawing, Group, Measure, Picture, Point, Points};

/// Adds the picture of the rows that the table shows, numbered in its order.
pub(in super::super) fn write(page: &mut Page, shown: &[(&Rank, &RooflineRow)], of_several: bool) {
    let mut groups: Vec<Group> = Vec::new();
    for (number, (rank, row)) in shown.iter().enumerate() {
        let Some(intensity) = row.intensity else { continue };
        let of = if of_several { format!("{}: ", label(rank)) } else { String::new() };
        let point = Point {
            name: format!("{}: {of}{} {}", number + 1, row.name, row.shapes),
            label: (number + 1).to_string(),
            x: intensity,
            y: row.tflops,
        };
        let kind = row.dtype.as_deref().unwrap_or("type unknown");
        match groups.iter_mut().find(|group| group.name == kind) {
            Some(group) => group.points.push(point),
            None => groups.push(Group { name: kind.to_owned(), points: vec![point] }),
        }
    }
    let points = Points {
        x: (Measure::Intensity, "FLOP/byte"),
        y: (Measure::Tflops, "TFLOP/s"),
        groups,
        is_joined: false,
    };
    if points.is_empty() {
        return;
    }
    page.picture(Picture::new(
        "What operators achieved, by FLOP a byte.",
        "The numbers are the rows of the table below. Along a dashed line an operator moves memory at the rate that is written \
         there: where points lie on one, memory holds them up. Both axes go by powers.",
        Drawing::Points(points),
    ));
}
