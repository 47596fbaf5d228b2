//! Levels over time; a click leads to that moment in the timeline.

use egui::{Ui, vec2};

use crate::model::memory::forecast::{Forecast, Point};
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

/// Lines that are nearer to each other than this part of the plot's height would have their names on each other.
const APART: f64 = 0.09;

/// Where less of the device's memory was used, the plot does not go up to it by itself, 0 to 1.
const MUCH: f64 = 0.25;

/// What is drawn beside the levels: the moment of the peak, and forecasts.
type Beside<'a> = (Option<i64>, Option<&'a Forecast>);

/// Shows the plot; the stretch around the moment that was clicked, ns. `whole` is what the timeline shows, in
/// times of the recording, as all times here are.
pub(super) fn show(
    ui: &mut Ui,
    whole: Viewport,
    levels: &Levels,
    beside: Beside<'_>,
    whole_device: &mut Option<bool>,
) -> Option<(i64, i64)> {
    let used = levels.curves.iter().map(|curve| curve.series.peak()).fold(0.0, f64::max);
    let much = levels.device_bytes.is_none_or(|bytes| used >= bytes as f64 * MUCH);
    let mut up_to_device = whole_device.unwrap_or(much);
    let stretch = levels.window(whole);
    let chart = chart(ui, (whole.start(), stretch), levels, beside, up_to_device);
    let touched = chart.show(ui, vec2(ui.available_width(), HEIGHT));
    ui.horizontal_wrapped(|ui| {
        ui.weak("Click on the plot to go to that moment in the timeline");
        if levels.device_bytes.is_some()
            && ui.checkbox(&mut up_to_device, "Up to the memory of the GPU").changed()
        {
            *whole_device = Some(up_to_device);
        }
    });
    let (seconds, _) = touched.clicked_at?;
    let moment = whole.start().saturating_add((seconds * 1e9).round() as i64);
    let half = (stretch.length() as f64 * SHOWN / 2.0).max(500.0) as i64;
    Some((moment.saturating_sub(half), moment.saturating_add(half)))
}

fn chart(
    ui: &Ui,
    (origin, stretch): (i64, Viewport),
    levels: &Levels,
    (peak, forecast): Beside<'_>,
    up_to_device: bool,
) -> Chart {
    let palette = Palette::of(ui.ctx().theme());
    let mut layers = Vec::new();
    let mut most: f64 = 0.0;
    for (curve, colour) in levels.curves.iter().zip(palette.curves.iter().cycle()) {
        most = most.max(curve.series.peak());
        layers.push(Layer::Line {
            name: curve.label.clone(),
            colour: *colour,
            points: stairs(curve.series.points(stretch, origin, COLUMNS)),
            dashed: curve.level == Level::Reserved,
        });
    }
    let device = levels.device_bytes.filter(|_| up_to_device).map(|bytes| bytes as f64);
    let lines = lines(forecast, device, most);
    most = lines.iter().map(|line| line.1).fold(most, f64::max);
    let mut level = |name: String, at: f64, vertical: bool| {
        layers.push(Layer::Level { name, colour: palette.weak, at, vertical });
    };
    for (name, at) in lines {
        level(name, at, false);
    }
    let seconds = |time: i64| time.saturating_sub(origin) as f64 / 1e9;
    if let Some(time) = peak {
        level("Peak".to_owned(), seconds(time), true);
    }
    Chart {
        title: "Memory over time".to_owned(),
        x: Axis::new("", Scale::Linear, |seconds| units::duration((seconds * 1e9).round() as i64))
            .range(seconds(stretch.start()), seconds(stretch.end())),
        y: Axis::new("", Scale::Linear, units::bytes)
            .range(0.0, most.max(1.0) * 1.08)
            .categories(ticks(most)),
        layers,
    }
}

/// The memory of the device and what other micro-batches would take, as far as their names have room: larger
/// ones, which are the question, first.
fn lines(forecast: Option<&Forecast>, device: Option<f64>, most: f64) -> Vec<(String, f64)> {
    let highest = device.map_or(most * 4.0, |bytes| bytes * 1.5);
    let named = device.map(|bytes| (format!("GPU memory, {}", units::bytes(bytes)), bytes));
    let mut found: Vec<(String, f64)> = named.into_iter().collect();
    let points = forecast.map_or(&[][..], |forecast| &forecast.points);
    let (smaller, larger): (Vec<&Point>, Vec<&Point>) =
        points.iter().filter(|point| !point.is_present && point.peak.p50 <= highest).partition(
            |point| points.iter().any(|other| other.is_present && other.peak.p50 > point.peak.p50),
        );
    let top = larger.iter().map(|point| point.peak.p50).chain(device).fold(most, f64::max);
    for point in larger.into_iter().chain(smaller.into_iter().rev()) {
        let at = point.peak.p50;
        if found.iter().all(|(_, other)| (other - at).abs() > top * APART) {
            found.push((format!("Micro-batch {}, forecast", point.micro_batch), at));
        }
    }
    found
}

/// Ticks at multiples of a power of two, as sizes are told in GiB.
fn ticks(most: f64) -> Vec<(f64, String)> {
    let step = (most.max(5.0) / 5.0).log2().ceil().exp2();
    let count = (most / step).floor() as usize;
    (0..=count).map(|tick| tick as f64 * step).map(|at| (at, units::bytes(at))).collect()
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
    use super::{stairs, ticks};

    #[test]
    fn ticks_are_round_in_powers_of_two() {
        let gib = f64::from(1 << 30);
        let texts: Vec<String> = ticks(80.0 * gib).into_iter().map(|tick| tick.1).collect();
        assert_eq!(texts, ["0 B", "16.0 GiB", "32.0 GiB", "48.0 GiB", "64.0 GiB", "80.0 GiB"]);
        assert_eq!(ticks(0.0).len(), 1);
    }

    #[test]
    fn a_level_stays_until_the_next_sample() {
        assert_eq!(stairs(vec![[0.0, 1.0], [2.0, 5.0]]), [[0.0, 1.0], [2.0, 1.0], [2.0, 5.0]]);
    }
}
