//! Step times: their spread and their course; a click on the plot leads to a step.

use egui::{Ui, vec2};

use super::heading;
use super::lead::Lead;
use crate::model::overview::Figures;
use crate::model::overview::steps::Steps;
use crate::palette::Palette;
use crate::units;
use crate::view::chart::{Axis, Chart, Layer, Scale};

/// Height of the plot, points.
const HEIGHT: f32 = 170.0;

/// Steps that are named below the plot at most, less one.
const MOST_TICKS: i64 = 7;

pub(super) fn show(ui: &mut Ui, shown: &Figures, lead: &mut Option<Lead>) {
    let steps = &shown.steps;
    let note = if steps.detected && steps.count > 0 {
        "found in the order of the kernels; the program marks none"
    } else {
        ""
    };
    heading(ui, "Step time", note);
    if steps.count == 0 {
        ui.label("The program marks no steps, and none were found in the order of its kernels. Mark each with an NVTX range called step, or with torch.profiler's step().");
        return;
    }
    ui.horizontal_wrapped(|ui| {
        let deviation = steps.p99_ns as f64 / (steps.p50_ns as f64).max(1.0);
        for (name, value) in [
            ("P50", units::duration(steps.p50_ns)),
            ("P99", format!("{} ({deviation:.2} × P50)", units::duration(steps.p99_ns))),
            ("Mean", units::duration(steps.mean_ns.round() as i64)),
            ("Steps", units::count(steps.count as u64)),
        ] {
            ui.weak(name);
            ui.strong(value);
        }
        if let Some((who, step)) = &steps.slowest {
            let text = format!("Slowest: {} {} on {who}", "step", step.index);
            let hint = format!("{} · go to it in the timeline", units::duration(step.duration_ns));
            if ui.link(text).on_hover_text(hint).clicked() {
                *lead = Some(Lead::Stretch(step.start_ns, step.end_ns()));
            }
        }
    });
    let chart = chart(ui, steps);
    let touched = chart.show(ui, vec2(ui.available_width(), HEIGHT));
    if let Some((index, time)) = touched.clicked_at
        && let Some(step) = steps.nearest(index, time)
    {
        *lead = Some(Lead::Stretch(step.start_ns, step.end_ns()));
    }
    ui.weak("Click on the plot to go to a step");
}

fn chart(ui: &Ui, steps: &Steps) -> Chart {
    let palette = Palette::of(ui.ctx().theme());
    let lines = steps.lines.iter().zip(palette.curves.iter().cycle()).enumerate();
    let mut layers: Vec<Layer> = lines
        .map(|(place, (line, colour))| Layer::Line {
            name: line.label.clone(),
            colour: *colour,
            points: line
                .points
                .iter()
                .map(|point| [point.index as f64, point.duration_ns as f64])
                .collect(),
            dashed: place % 2 == 1,
        })
        .collect();
    layers.push(Layer::Level {
        name: "P50".to_owned(),
        colour: palette.weak,
        at: steps.p50_ns as f64,
        vertical: false,
    });
    Chart {
        title: "Step time by step and rank".to_owned(),
        x: Axis::new("Step", Scale::Linear, |step| format!("{step:.0}")).categories(ticks(steps)),
        y: Axis::new("", Scale::Linear, |time| units::duration(time.round() as i64)),
        layers,
    }
}

/// Steps that are named below the plot: whole numbers, as there is nothing between them.
fn ticks(steps: &Steps) -> Vec<(f64, String)> {
    let numbers = || steps.lines.iter().flat_map(|line| &line.points).map(|point| point.index);
    let (Some(first), Some(last)) = (numbers().min(), numbers().max()) else { return Vec::new() };
    let wanted = last.saturating_sub(first) / MOST_TICKS;
    let mut scale = 1;
    let every = loop {
        let found =
            [1, 2, 5].into_iter().map(|factor| factor * scale).find(|&every| every > wanted);
        if let Some(found) = found {
            break found;
        }
        scale *= 10;
    };
    let begin = first.div_euclid(every).saturating_mul(every);
    (0..=MOST_TICKS + 1)
        .map(|tick| begin.saturating_add(every.saturating_mul(tick)))
        .filter(|number| (first..=last).contains(number))
        .map(|number| (number as f64, number.to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Steps, ticks};
    use crate::model::overview::steps::{Line, Point};

    #[test]
    fn steps_are_named_by_whole_numbers() {
        let named = |numbers: std::ops::Range<i64>| -> Vec<String> {
            let points =
                numbers.map(|index| Point { index, start_ns: 0, duration_ns: 1 }).collect();
            let lines = vec![Line { label: String::new(), points }];
            ticks(&Steps { lines, ..Steps::default() }).into_iter().map(|tick| tick.1).collect()
        };
        assert_eq!(named(0..4), ["0", "1", "2", "3"]);
        assert_eq!(named(1009..1031), ["1010", "1015", "1020", "1025", "1030"]);
        assert!(named(0..100_000).len() <= 8);
        assert_eq!(named(0..0), Vec::<String>::new());
    }
}
