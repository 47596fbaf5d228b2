//! The plot: operators as points under the roofs of their formats.

use egui::{Color32, Ui, vec2};

use crate::model::ceilings::Ceilings;
use crate::model::roofline::roof::{intensities, precisions};
use crate::model::roofline::{Point, roofs};
use crate::palette::Palette;
use crate::units;
use crate::view::chart::{self, Axis, Chart, Layer, Marker, Scale};

/// Points at most: those that took most time.
const MOST: usize = 1500;
/// The least and the greatest radius of a point, points of the screen.
const RADII: (f32, f32) = (3.0, 14.0);

const MARKERS: [Marker; 6] = [
    Marker::Circle,
    Marker::Diamond,
    Marker::Square,
    Marker::Triangle,
    Marker::Ring,
    Marker::Cross,
];

/// Shows the plot; the point that was clicked.
pub(super) fn show(
    ui: &mut Ui,
    points: &[Point],
    ceilings: Option<&Ceilings>,
    height: f32,
) -> Option<usize> {
    let palette = Palette::of(ui.ctx().theme());
    let known = precisions(points);
    let style = |precision: &str| {
        let at = known.iter().position(|of| *of == precision).unwrap_or(0);
        (palette.curves[at % palette.curves.len()], MARKERS[at % MARKERS.len()])
    };
    let mut layers = Vec::new();
    for roof in ceilings.map(|of| roofs(of, &known, intensities(points))).unwrap_or_default() {
        layers.push(Layer::Line {
            name: format!("{} ceiling, {}", roof.precision, rate(roof.peak)),
            colour: style(&roof.precision).0,
            points: roof.line,
            dashed: ceilings.is_some_and(|of| !of.is_measured()),
        });
    }
    let first = layers.len();
    // For each layer of points, which of all points they are.
    let mut places: Vec<Vec<usize>> = Vec::new();
    let most = points.iter().map(|point| point.time_ns).max().unwrap_or(1);
    for precision in &known {
        let of: Vec<usize> = (0..points.len().min(MOST))
            .filter(|&at| points[at].precision == *precision && points[at].intensity.is_some())
            .collect();
        if of.is_empty() {
            continue;
        }
        layers.push(layer(points, &of, precision, style(precision), most));
        places.push(of);
    }
    let chart = Chart {
        title: "Roofline".to_owned(),
        x: Axis::new("Intensity (FLOP/byte)", Scale::Log, figure),
        y: Axis::new("Rate (FLOP/s)", Scale::Log, rate),
        layers,
    };
    let touched = chart.show(ui, vec2(ui.available_width(), height));
    let (layer, item) = touched.clicked?;
    places.get(layer.checked_sub(first)?)?.get(item).copied()
}

fn layer(
    points: &[Point],
    of: &[usize],
    precision: &str,
    (colour, marker): (Color32, Marker),
    most: i64,
) -> Layer {
    let at = |&at: &usize| {
        let point = &points[at];
        // The area goes with the time.
        let share = (point.time_ns as f64 / most.max(1) as f64).sqrt() as f32;
        chart::Point {
            x: point.intensity.unwrap_or(f64::NAN),
            y: point.rate,
            radius: RADII.0 + (RADII.1 - RADII.0) * share,
            hover: hover(point),
        }
    };
    Layer::Points {
        name: precision_label(precision).to_owned(),
        colour: colour.gamma_multiply(0.8),
        marker,
        points: of.iter().map(at).collect(),
    }
}

fn hover(point: &Point) -> String {
    let mut lines = vec![
        point.name.clone(),
        point.shapes.clone(),
        format!(
            "{} in {}, {}",
            units::counted(point.count.unsigned_abs(), "run"),
            units::duration(point.time_ns),
            precision_label(&point.precision)
        ),
        format!(
            "{}, {} FLOP/byte",
            rate(point.rate),
            point.intensity.map_or_else(|| "?".to_owned(), figure)
        ),
    ];
    if let Some((ceiling, bound)) = point.ceiling {
        let share = 100.0 * point.rate / ceiling;
        lines.push(format!(
            "{share:.1} % of {}, {} bound",
            rate(ceiling),
            bound.label().to_lowercase()
        ));
    }
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

/// What a format is called.
pub(super) fn precision_label(precision: &str) -> &str {
    if precision.is_empty() { "Unknown precision" } else { precision }
}

/// Operations a second with the unit that suits them.
pub(super) fn rate(value: f64) -> String {
    let (value, unit) = match value {
        v if v >= 1e15 => (v / 1e15, "PFLOP/s"),
        v if v >= 1e12 => (v / 1e12, "TFLOP/s"),
        v if v >= 1e9 => (v / 1e9, "GFLOP/s"),
        v => (v / 1e6, "MFLOP/s"),
    };
    format!("{} {unit}", figure(value))
}

/// Three digits that count.
pub(super) fn figure(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 100.0 || v == 0.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        v => (2.0 - v.log10().floor()).clamp(2.0, 9.0) as usize,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{figure, rate};

    #[test]
    fn rates_have_three_digits_and_a_unit() {
        assert_eq!(rate(989e12), "989 TFLOP/s");
        assert_eq!(rate(1.979e15), "1.98 PFLOP/s");
        assert_eq!(rate(2e6), "2 MFLOP/s");
        assert_eq!(figure(0.012_34), "0.0123");
        assert_eq!(figure(100.0), "100");
    }
}
