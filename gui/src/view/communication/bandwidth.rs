//! Bus bandwidth by message size: of the run, beside nccl-tests and the measured ceilings.

use egui::{ComboBox, Ui, vec2};

use super::Lead;
use crate::model::advisor::part::figure;
use crate::model::ceilings::{Ceilings, Curve};
use crate::model::communication::{Communication, Measured, operations};
use crate::model::document::Document;
use crate::palette::Palette;
use crate::session::Session;
use crate::units;
use crate::view::chart::{self, Axis, Chart, Layer, Marker, Scale};

/// Shows the choice and the plot; what was clicked.
pub(super) fn show(
    ui: &mut Ui,
    session: &mut Session,
    document: &Document,
    found: &Communication,
    height: f32,
) -> Option<Lead> {
    let ceilings = session.roofline.ceilings.measured(ui.ctx());
    let ops = operations(&found.sizes, &found.tests);
    let state = &mut session.communication;
    let op = state.op.clone().filter(|op| ops.contains(op)).or_else(|| ops.first().cloned());
    ui.horizontal_wrapped(|ui| {
        ui.strong("Bandwidth by message size");
        ui.name_inputs("Operation", |ui| {
            ComboBox::from_id_salt("operation")
                .selected_text(op.clone().unwrap_or_else(|| "None".to_owned()))
                .show_ui(ui, |ui| {
                    for name in &ops {
                        ui.selectable_value(&mut state.op, Some(name.clone()), name);
                    }
                });
        });
        session.roofline.ceilings.show(ui, document);
    });
    session.roofline.ceilings.error(ui);
    let Some(op) = op else {
        ui.weak("The sizes of the messages are not recorded: no bandwidth is known");
        return None;
    };
    let sizes: Vec<&Measured> =
        found.sizes.iter().filter(|row| row.op == op && row.busbw_gbps.is_some()).collect();
    let palette = Palette::of(ui.ctx().theme());
    let mut layers = references(&op, &found.tests, ceilings.as_deref(), palette);
    let link = session.roofline.ceilings.current(document, ui.ctx()).and_then(|of| of.link);
    if let Some(link) = link {
        layers.push(Layer::Level {
            name: "Links of a GPU, datasheet".to_owned(),
            colour: palette.weak,
            at: link / 1e9,
            vertical: false,
        });
    }
    let first = layers.len();
    let mut places: Vec<Vec<&Measured>> = Vec::new();
    for (order, ranks) in groups(&sizes).into_iter().enumerate() {
        let of: Vec<&Measured> = sizes.iter().copied().filter(|row| row.ranks == ranks).collect();
        let colour = palette.curves[order % palette.curves.len()];
        layers.push(Layer::Points {
            name: format!("Run, {}", between(ranks)),
            colour,
            marker: [Marker::Circle, Marker::Square, Marker::Triangle][order % 3],
            points: of.iter().map(|row| point(row)).collect(),
        });
        places.push(of);
    }
    let chart = Chart {
        title: format!("Bus bandwidth of {op}"),
        x: Axis::new("Message size", Scale::Log, size),
        y: Axis::new("Bus bandwidth (GB/s)", Scale::Log, figure),
        layers,
    };
    let single = match &chart.layers[..] {
        [Layer::Line { name, .. } | Layer::Points { name, .. }] => Some(name.clone()),
        _ => None,
    };
    let touched = chart.show(ui, vec2(ui.available_width(), height));
    if let Some(name) = single {
        // One alone has no legend.
        ui.weak(name);
    }
    let (layer, item) = touched.clicked?;
    let row = places.get(layer.checked_sub(first)?)?.get(item)?;
    Some(Lead::Stretch(row.slowest_ns.0, row.slowest_ns.1))
}

/// The numbers of ranks, in order.
fn groups(sizes: &[&Measured]) -> Vec<Option<i64>> {
    let mut ranks: Vec<Option<i64>> = sizes.iter().map(|row| row.ranks).collect();
    ranks.sort_unstable();
    ranks.dedup();
    ranks
}

/// What the links can do: measured ceilings and curves of nccl-tests, beyond the run's colours.
fn references(
    op: &str,
    tests: &[Curve],
    ceilings: Option<&Ceilings>,
    palette: &Palette,
) -> Vec<Layer> {
    let line = |name: String, place: usize, curve: &Curve, dashed| Layer::Line {
        name,
        colour: palette.curves[place % palette.curves.len()],
        points: curve.points.iter().map(|&(bytes, rate)| [bytes, rate]).collect(),
        dashed,
    };
    let mut layers = Vec::new();
    let of_op = |curve: &&Curve| curve.op == op;
    for (order, curve) in ceilings.iter().flat_map(|of| &of.collectives).filter(of_op).enumerate() {
        let name = format!("Measured ceiling, {}", between(curve.ranks));
        layers.push(line(name, 4 + order, curve, true));
    }
    for (order, curve) in tests.iter().filter(of_op).enumerate() {
        let name = format!("nccl-tests, {}", between(curve.ranks));
        layers.push(line(name, 6 + order, curve, false));
    }
    layers
}

fn point(row: &Measured) -> chart::Point {
    let mut lines = vec![
        format!("{} of {}", row.op, units::bytes(row.bytes as f64)),
        format!(
            "{} {}, {}",
            units::counted(row.count.unsigned_abs(), "message"),
            between(row.ranks),
            row.dtype.as_deref().unwrap_or("type unknown")
        ),
        format!(
            "Median {}, {}",
            units::duration(row.median_ns),
            gbps(row.busbw_gbps.unwrap_or(0.0))
        ),
        format!(
            "Fastest {}, {}",
            units::duration(row.least_ns),
            gbps(row.best_busbw_gbps.unwrap_or(0.0))
        ),
    ];
    lines.push("Click for the slowest one in the timeline".to_owned());
    chart::Point {
        x: row.bytes as f64,
        y: row.busbw_gbps.unwrap_or(f64::NAN),
        radius: 4.5,
        hover: lines.join("\n"),
    }
}

fn between(ranks: Option<i64>) -> String {
    ranks.map_or_else(
        || "ranks unknown".to_owned(),
        |ranks| units::counted(ranks.unsigned_abs(), "rank"),
    )
}

/// A size by powers of ten, as the ticks are.
fn size(bytes: f64) -> String {
    let (value, unit) = match bytes {
        v if v >= 1e9 => (v / 1e9, "GB"),
        v if v >= 1e6 => (v / 1e6, "MB"),
        v if v >= 1e3 => (v / 1e3, "kB"),
        v => (v, "B"),
    };
    format!("{} {unit}", figure(value))
}

/// 1e9 bytes a second.
pub(super) fn gbps(value: f64) -> String {
    format!("{} GB/s", figure(value))
}
