//! Tokens a second against peak memory: many arrangements, the best of them, the present one and the one of the sliders.

use egui::{Color32, Ui, vec2};
use perfagent_predictor::Prediction;

use super::figures::{probability, rounded};
use super::state::arrangements;
use crate::model::advisor::arrangement::in_words;
use crate::model::advisor::landscape::Kind;
use crate::model::advisor::part::figure;
use crate::model::advisor::{Landscape, Spot};
use crate::palette::Palette;
use crate::session::Session;
use crate::units;
use crate::view::chart::{Axis, Chart, Layer, Marker, Point, Scale};

const GIB: f64 = 1_073_741_824.0;

/// Shows the plot; a click on a point sets the sliders.
pub(super) fn show(ui: &mut Ui, session: &mut Session, height: f32) {
    let found = arrangements(ui, session);
    let palette = Palette::of(ui.ctx().theme());
    let landscape = match found {
        Some(Ok(landscape)) => landscape,
        Some(Err(why)) => {
            ui.colored_label(palette.warning, format!("No arrangements to compare: {why}"));
            return;
        }
        None => {
            ui.allocate_ui(vec2(ui.available_width(), height), |ui| {
                ui.weak("Predicting the other arrangements");
                ui.set_min_height(height);
            });
            return;
        }
    };
    let state = &mut session.advisor;
    let mut places: Vec<Vec<&Spot>> = Vec::new();
    let mut layers = Vec::new();
    for (kind, name, colour, marker, radius) in [
        (Kind::Full, "May run out of memory", palette.weak, Marker::Cross, 3.0),
        (Kind::Fits, "Fits", palette.curves[5], Marker::Ring, 3.5),
        (Kind::Front, "Fits, none is faster with less", palette.curves[0], Marker::Circle, 4.5),
    ] {
        let spots: Vec<&Spot> = landscape.spots.iter().filter(|spot| spot.kind == kind).collect();
        if kind == Kind::Front {
            let mut line: Vec<[f64; 2]> =
                spots.iter().map(|spot| [spot.peak_bytes / GIB, spot.tokens_per_s]).collect();
            line.sort_by(|a, b| a[0].total_cmp(&b[0]));
            layers.push(Layer::Line {
                name: String::new(),
                colour: colour.gamma_multiply(0.6),
                points: line,
                dashed: false,
            });
            places.push(Vec::new());
        }
        let points = spots.iter().map(|spot| point(spot, radius)).collect();
        layers.push(Layer::Points { name: name.to_owned(), colour, marker, points });
        places.push(spots);
    }
    let outlook = state.outlook.value();
    for (name, prediction, colour, marker) in [
        ("Recorded arrangement", outlook.map(|of| &of.present), palette.curves[1], Marker::Square),
        ("Sliders", outlook.map(|of| &of.prediction), palette.found, Marker::Diamond),
    ] {
        layers.extend(prediction.into_iter().flat_map(|of| single(name, of, colour, marker)));
    }
    let chart = chart(&landscape, outlook.map(|of| &of.prediction), layers, palette);
    let touched = chart.show(ui, vec2(ui.available_width(), height));
    let clicked = touched.clicked.and_then(|(layer, item)| places.get(layer)?.get(item).copied());
    if let (Some(spot), Some(arrangement), Some(known)) =
        (clicked, &mut state.arrangement, &state.known)
    {
        arrangement.take(&spot.run, &known.job.cluster);
    }
    ui.horizontal_wrapped(|ui| {
        ui.weak(format!(
            "{} predicted with a global batch of {}; click one to set the sliders",
            units::counted(landscape.plan.considered as u64, "arrangement"),
            landscape.plan.base.run.global_batch.unwrap_or(0)
        ));
        if state.landscape.stale() {
            ui.weak("· being predicted anew");
        }
    });
}

fn chart(
    landscape: &Landscape,
    sliders: Option<&Prediction>,
    mut layers: Vec<Layer>,
    palette: &Palette,
) -> Chart {
    let limit = landscape.plan.memory_bytes;
    let most = landscape.spots.iter().map(|spot| spot.peak_bytes).fold(0.0, f64::max);
    let own = sliders.and_then(|of| of.peak_mem_bytes).map_or(0.0, |peak| peak.p95);
    let mut x = Axis::new("Peak memory of a GPU (GiB)", Scale::Linear, figure);
    if limit.is_finite() {
        layers.push(Layer::Level {
            name: "Memory of the GPU".to_owned(),
            colour: palette.warning,
            at: limit / GIB,
            vertical: true,
        });
        // What is far beyond would press the rest together.
        let to = most.min(1.6 * limit).max(1.08 * limit).max(1.05 * own.min(2.5 * limit));
        x = x.range(0.0, to / GIB);
    }
    let rate = if landscape.plan.base.model.is_of_images() { "Images/s" } else { "Tokens/s" };
    Chart {
        title: "Throughput against memory".to_owned(),
        x,
        y: Axis::new(rate, Scale::Linear, rounded),
        layers,
    }
}

fn point(spot: &Spot, radius: f32) -> Point {
    let hover = format!(
        "{}\n{} a second, peak {}\nOut of memory {}",
        in_words(&spot.run),
        rounded(spot.tokens_per_s),
        units::bytes(spot.peak_bytes),
        probability(spot.oom)
    );
    Point { x: spot.peak_bytes / GIB, y: spot.tokens_per_s, radius, hover }
}

/// One arrangement with its intervals.
fn single(name: &str, prediction: &Prediction, colour: Color32, marker: Marker) -> Vec<Layer> {
    let (Some(tokens), Some(peak)) = (prediction.tokens_per_s, prediction.peak_mem_bytes) else {
        return Vec::new();
    };
    let whisker = |points: Vec<[f64; 2]>| Layer::Line {
        name: String::new(),
        colour: colour.gamma_multiply(0.7),
        points,
        dashed: false,
    };
    let hover = format!(
        "{name}\n{} a second ({} to {})\nPeak {} ({} to {})",
        rounded(tokens.p50),
        rounded(tokens.p05),
        rounded(tokens.p95),
        units::bytes(peak.p50),
        units::bytes(peak.p05),
        units::bytes(peak.p95)
    );
    vec![
        whisker(vec![[peak.p05 / GIB, tokens.p50], [peak.p95 / GIB, tokens.p50]]),
        whisker(vec![[peak.p50 / GIB, tokens.p05], [peak.p50 / GIB, tokens.p95]]),
        Layer::Points {
            name: name.to_owned(),
            colour,
            marker,
            points: vec![Point { x: peak.p50 / GIB, y: tokens.p50, radius: 7.0, hover }],
        },
    ]
}
