//! The values of a metric over the whole fleet as a picture, with those of one node marked.

use egui::{Label, Ui, Vec2};

use super::loaded::Loaded;
use crate::model::compare::quantity::significant;
use crate::model::fleet::distribution::{Distribution, Value};
use crate::palette::Palette;
use crate::units;
use crate::view::chart::{Axis, Bar, Chart, Layer, Marker, Point, Scale};

/// Bars of the picture.
const BINS: usize = 40;

/// Whether there are values to draw.
pub(super) fn is_there(loaded: &Loaded, metric: &str) -> bool {
    loaded.values.contains_key(metric)
}

/// Draws them; `node` is marked.
pub(super) fn show(ui: &mut Ui, loaded: &Loaded, metric: &str, node: Option<&str>, size: Vec2) {
    let Some(values) = loaded.values.get(metric) else {
        let text = "The values of single nodes are not here: open the folder with the nodes' own documents";
        ui.add(Label::new(text).wrap());
        return;
    };
    let palette = Palette::of(ui.ctx().theme());
    chart(loaded, values, node, palette).show(ui, size);
    if let Some(node) = node {
        let own: Vec<String> =
            values.of_node(node).into_iter().map(|(value, below)| told(value, below)).collect();
        if !own.is_empty() {
            let text = format!("{node}: {}", own.join(", "));
            ui.add(Label::new(egui::RichText::new(text).weak()).truncate());
        }
    }
}

fn told(value: &Value, below: f64) -> String {
    let gpu = value.gpu.map_or_else(String::new, |gpu| format!("GPU {gpu} "));
    format!("{gpu}{} ({:.0} % of the fleet below)", significant(value.value), 100.0 * below)
}

fn chart(loaded: &Loaded, values: &Distribution, node: Option<&str>, palette: &Palette) -> Chart {
    let bins = values.histogram(BINS);
    let highest = bins.iter().map(|bin| bin.2).max().unwrap_or(1) as f64;
    let unit = values.unit.as_deref().unwrap_or("");
    let bars = bins
        .iter()
        .map(|&(from, to, count)| Bar {
            x: (from, to),
            y: (0.0, count as f64),
            hover: format!(
                "{} from {} to {} {unit}",
                units::counted(count as u64, "value"),
                significant(from),
                significant(to)
            ),
        })
        .collect();
    let mut layers = vec![
        Layer::Bars { name: "The fleet".to_owned(), colour: palette.curves[5], bars },
        Layer::Level {
            name: format!("median {}", significant(values.median())),
            colour: palette.weak,
            at: values.median(),
            vertical: true,
        },
    ];
    if let Some(node) = node {
        let points: Vec<Point> = values
            .of_node(node)
            .into_iter()
            .map(|(value, below)| Point {
                x: value.value,
                y: highest * 0.06,
                radius: 5.0,
                hover: format!("{node} {}", told(value, below)),
            })
            .collect();
        layers.push(Layer::Points {
            name: node.to_owned(),
            colour: palette.curves[1],
            marker: Marker::Triangle,
            points,
        });
    }
    let metric = values.metric.replace('_', " ");
    let mut label = if unit.is_empty() { metric.clone() } else { format!("{metric}, {unit}") };
    let row = loaded.fleet.metrics.iter().find(|row| row.metric == values.metric);
    if let Some(row) = row {
        let percent = loaded.fleet.settings.threshold_pct;
        let at = match row.better.as_str() {
            "higher" => Some(row.median * (1.0 - percent / 100.0)),
            "lower" => Some(row.median * (1.0 + percent / 100.0)),
            _ => None,
        };
        if let Some(at) = at {
            label += " (dashed: the median, and ";
            label += &significant(percent);
            label += " % worse than it)";
            layers.push(Layer::Level {
                name: String::new(),
                colour: palette.warning,
                at,
                vertical: true,
            });
        }
    }
    Chart {
        title: format!("{metric} over the fleet"),
        x: Axis::new(label, Scale::Linear, significant),
        y: Axis::new("Values", Scale::Linear, |count| {
            if count.fract() == 0.0 { format!("{count:.0}") } else { String::new() }
        })
        .range(0.0, highest * 1.08),
        layers,
    }
}
