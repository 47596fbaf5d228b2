//! Levels over time; a click leads to that moment in the timeline.

use egui::{Ui, vec2};

use crate::model::document::Document;
use crate::model::memory::forecast::Forecast;
use crate::model::memory::levels::{Level, Levels};
use crate::model::viewport::Viewport;
use crate::palette::Palette;
use crate::units;
use crate::view::chart::{Axis, Chart, Layer, Scale};

/// Height of the plot, points.
const HEIGHT: f32 = 260.0;

/// Columns that curves are thinned out to: two points each.
const COLUMNS: usize = 1200;

/// A click shows this part of the whole around its moment.
const SHOWN: f64 = 0.01;

/// Lines of other micro-batches that are drawn.
const MOST_LINES: usize = 3;

/// Shows the plot; the stretch around the moment that was clicked, ns.
pub(super) fn show(
    ui: &mut Ui,
    document: &Document,
    levels: &Levels,
    peak: Option<i64>,
    forecast: Option<&Forecast>,
) -> Option<(i64, i64)> {
    let origin = document.whole().start();
    let chart = chart(ui, origin, levels, peak, forecast);
    let touched = chart.show(ui, vec2(ui.available_width(), HEIGHT));
    ui.weak("Click on the plot to go to that moment in the timeline");
    let (seconds, _) = touched.clicked_at?;
    let moment = origin.saturating_add((seconds * 1e9).round() as i64);
    let (first, last) = levels.span()?;
    let half = ((last - first) as f64 * SHOWN / 2.0).max(500.0) as i64;
    Some((moment.saturating_sub(half), moment.saturating_add(half)))
}

fn chart(
    ui: &Ui,
    origin: i64,
    levels: &Levels,
    peak: Option<i64>,
    forecast: Option<&Forecast>,
) -> Chart {
    let palette = Palette::of(ui.ctx().theme());
    let (first, last) = levels.span().unwrap_or((origin, origin));
    let view = Viewport::new(first, last);
    let mut layers = Vec::new();
    for (curve, colour) in levels.curves.iter().zip(palette.curves.iter().cycle()) {
        layers.push(Layer::Line {
            name: curve.label.clone(),
            colour: *colour,
            points: stairs(curve.series.points(view, origin, COLUMNS)),
            dashed: curve.level == Level::Reserved,
        });
    }
    let mut level = |name: String, at: f64, vertical: bool| {
        layers.push(Layer::Level { name, colour: palette.weak, at, vertical });
    };
    if let Some(bytes) = levels.device_bytes {
        level(format!("GPU memory, {}", units::bytes(bytes as f64)), bytes as f64, false);
    }
    let others = forecast.into_iter().flat_map(|forecast| &forecast.points);
    let others = others.filter(|point| !point.is_present);
    let room = levels.device_bytes.map_or(f64::INFINITY, |bytes| bytes as f64 * 1.5);
    for point in others.filter(|point| point.peak.p50 <= room).take(MOST_LINES) {
        let name = format!("Micro-batch {}, forecast", point.micro_batch);
        level(name, point.peak.p50, false);
    }
    if let Some(time) = peak {
        level("Peak".to_owned(), time.saturating_sub(origin) as f64 / 1e9, true);
    }
    Chart {
        title: "Memory over time".to_owned(),
        x: Axis::new("", Scale::Linear, |seconds| units::duration((seconds * 1e9).round() as i64)),
        y: Axis::new("", Scale::Linear, units::bytes),
        layers,
    }
}

/// A level stays until the next sample.
fn stairs(points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    let mut found = Vec::with_capacity(points.len() * 2);
    let mut before: Option<f64> = None;
    for [time, value] in points {
        found.extend(before.map(|before| [time, before]));
        found.push([time, value]);
        before = Some(value);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::stairs;

    #[test]
    fn a_level_stays_until_the_next_sample() {
        assert_eq!(
            stairs(vec![[0.0, 1.0], [2.0, 5.0]]),
            [[0.0, 1.0], [2.0, 1.0], [2.0, 5.0]]
        );
    }
}
