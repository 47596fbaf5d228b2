//! The changes with their intervals as a picture (a forest plot): a metric a row, zero in the middle.

use egui::{Label, Ui, vec2};

use super::answer::Answer;
use super::colour;
use crate::model::compare::document::Verdict;
use crate::model::compare::effect::Effect;
use crate::model::compare::quantity::change;
use crate::palette::Palette;
use crate::view::chart::{Axis, Bar, Chart, Layer, Marker, Point, Scale};

/// Height of a row, points.
const ROW: f32 = 22.0;

/// The verdicts in the order of the legend, with the shape that tells them apart without colour.
const SHAPES: [(Verdict, Marker); 4] = [
    (Verdict::Regression, Marker::Triangle),
    (Verdict::Improvement, Marker::Diamond),
    (Verdict::Equivalent, Marker::Square),
    (Verdict::Inconclusive, Marker::Ring),
];

/// Shows the headline metrics, and below them, on a scale of their own, where the change comes from.
pub(super) fn show(ui: &mut Ui, answer: &Answer, width: f32) {
    let palette = Palette::of(ui.ctx().theme());
    let threshold = answer.comparison.threshold_pct;
    let mut any = false;
    for (headline, of) in
        [(true, "Headline metrics"), (false, "Kernels, operators and collectives")]
    {
        let effects: Vec<&Effect> =
            answer.effects.iter().filter(|effect| effect.headline == headline).collect();
        if effects.is_empty() {
            continue;
        }
        any = true;
        let height = effects.len() as f32 * ROW + 78.0;
        ui.strong(of);
        let title = format!("{of}: changes with their intervals");
        chart(title, &effects, threshold, palette).show(ui, vec2(width, height));
    }
    if !any {
        ui.add(Label::new("No metric has a change that can be drawn").wrap());
    }
}

fn chart(title: String, effects: &[&Effect], threshold: f64, palette: &Palette) -> Chart {
    let count = effects.len();
    // The first row stands uppermost.
    let place = |row: usize| (count - 1 - row) as f64;
    let top = count as f64 - 0.5;
    let mut layers = vec![
        Layer::Bars {
            name: String::new(),
            colour: palette.range,
            bars: vec![Bar {
                x: (-threshold, threshold),
                y: (-0.5, top),
                hover: format!("Changes up to {threshold} % do not matter"),
            }],
        },
        Layer::Level { name: String::new(), colour: palette.weak, at: 0.0, vertical: true },
    ];
    for (row, effect) in effects.iter().enumerate() {
        if let Some((low, high)) = effect.interval {
            let y = place(row);
            layers.push(Layer::Line {
                name: String::new(),
                colour: colour(palette, effect.verdict),
                points: vec![[low, y], [high, y]],
                dashed: false,
            });
        }
    }
    for (verdict, marker) in SHAPES {
        let of = effects.iter().enumerate().filter(|(_, effect)| effect.verdict == verdict);
        let points: Vec<Point> = of
            .map(|(row, effect)| Point {
                x: effect.change_pct,
                y: place(row),
                radius: 4.5,
                hover: effect.sentence(),
            })
            .collect();
        if !points.is_empty() {
            let name = format!("{} {}", verdict.sign(), verdict.word());
            layers.push(Layer::Points { name, colour: colour(palette, verdict), marker, points });
        }
    }
    let ticks = effects
        .iter()
        .enumerate()
        .map(|(row, effect)| (place(row), shortened(&effect.label)))
        .collect();
    Chart {
        title,
        x: Axis::new("Change from base to new, with its 95 % interval", Scale::Linear, change),
        y: Axis::new("", Scale::Linear, |_| String::new()).range(-0.5, top).categories(ticks),
        layers,
    }
}

/// A label that leaves most of the width to the picture.
fn shortened(label: &str) -> String {
    const MOST: usize = 34;
    if label.chars().count() <= MOST {
        return label.to_owned();
    }
    let kept: String = label.chars().take(MOST - 1).collect();
    format!("{kept}…")
}
