//! What a frame of the timeline costs: builds lanes with many events and draws them at several zooms
//! without a screen. Prints one JSON document with medians in milliseconds.
//!
//! `cargo run --release -p perfagent-gui --example frame_cost -- 1000000 10000000`
#![expect(clippy::print_stdout, reason = "the printed document is the purpose")]

use std::collections::BTreeSet;
use std::time::Instant;

use egui::{Color32, Context, RawInput, Rect, Theme, Vec2};
use perfagent_gui::model::document::Document;
use perfagent_gui::model::lane::{Event, Lane};
use perfagent_gui::model::tint::{Category, Tint};
use perfagent_gui::model::track::{Group, Track, TrackKind};
use perfagent_gui::model::viewport::{Scale, Viewport};
use perfagent_gui::palette::Palette;
use perfagent_gui::view::layout::Layout;
use perfagent_gui::view::paint::Frame;
use serde_json::{Value, json};

const LANES: usize = 32;
const REPEATS: usize = 21;
const SIZE: Vec2 = Vec2::new(1600.0, 900.0);

fn main() {
    let wanted: Vec<usize> =
        std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let wanted = if wanted.is_empty() { vec![1_000_000] } else { wanted };
    let results: Vec<Value> = wanted.into_iter().map(measure).collect();
    println!("{}", json!({ "lanes": LANES, "size": [SIZE.x, SIZE.y], "results": results }));
}

fn measure(events: usize) -> Value {
    let drafts: Vec<Vec<Event>> =
        (0..LANES).map(|lane| lane_events(lane, events / LANES)).collect();
    let begun = Instant::now();
    let lanes: Vec<Lane> = drafts.into_iter().flat_map(|draft| Lane::split(draft).lanes).collect();
    let build_ms = begun.elapsed().as_secs_f64() * 1e3;
    let document = document(lanes);
    let layout = Layout::new(&document, &BTreeSet::new(), &BTreeSet::new());
    let whole = document.whole();
    let frames: Vec<Value> = [1.0, 0.1, 0.01, 0.0001]
        .into_iter()
        .map(|share| {
            let view = whole.zoomed(share, 0.5, whole);
            let (mut draw, mut tessellate, mut vertices) = (Vec::new(), Vec::new(), 0);
            for _ in 0..REPEATS {
                let cost = frame(&document, &layout, view);
                draw.push(cost.0);
                tessellate.push(cost.1);
                vertices = cost.2;
            }
            json!({
                "shown_share": share, "draw_ms": median(draw), "tessellate_ms": median(tessellate),
                "vertices": vertices,
            })
        })
        .collect();
    json!({ "events": events, "build_ms": build_ms, "frames": frames })
}

fn frame(document: &Document, layout: &Layout, view: Viewport) -> (f64, f64, usize) {
    let ctx = Context::default();
    let input = RawInput {
        screen_rect: Some(Rect::from_min_size(egui::Pos2::ZERO, SIZE)),
        ..RawInput::default()
    };
    let mut draw = 0.0;
    let mut vertices = 0;
    let mut output = ctx.run_ui(input, |ui| {
        let begun = Instant::now();
        let frame = Frame {
            document,
            palette: Palette::of(Theme::Dark),
            scale: Scale::new(view, f64::from(SIZE.x)),
            left: 0.0,
            top: 0.0,
            pixels_per_point: 1.0,
        };
        let drawn = frame.tracks(&layout.rows);
        draw = begun.elapsed().as_secs_f64() * 1e3;
        vertices = drawn.mesh.vertices.len();
        ui.painter().rect_filled(ui.max_rect(), 0.0, Color32::BLACK);
        ui.painter().add(drawn.mesh);
    });
    // Nothing here draws textures; egui insists that they are taken note of.
    output.textures_delta.clear();
    let begun = Instant::now();
    let primitives = ctx.tessellate(output.shapes, output.pixels_per_point);
    let tessellate = begun.elapsed().as_secs_f64() * 1e3;
    assert!(!primitives.is_empty());
    (draw, tessellate, vertices)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2] * 1000.0).round() / 1000.0
}

fn lane_events(seed: usize, count: usize) -> Vec<Event> {
    let mut state = seed as u64 + 1;
    let mut chance = |from: i64, to: i64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        from + ((state >> 33) as i64) % (to - from)
    };
    let mut now = 0;
    (0..count)
        .map(|row| {
            now += chance(100, 2_000);
            let end = now + chance(200, 8_000);
            let tint = Tint::plain(Category::ALL[chance(0, 13) as usize]);
            let event = Event::new(now, end, perfagent_gui::model::names::NameId(0), tint, row);
            now = end;
            event
        })
        .collect()
}

fn document(lanes: Vec<Lane>) -> Document {
    let mut document = Document::default();
    document.names.intern("kernel");
    for lane in 0..lanes.len() {
        document.tracks.push(Track {
            kind: TrackKind::Kernels,
            label: String::new(),
            owner: String::new(),
            group: 0,
            source: 0,
            lanes: lane..lane + 1,
            too_deep: 0,
        });
    }
    let end = lanes.iter().filter_map(|lane| lane.span().map(|span| span.1)).max().unwrap_or(1);
    document.groups.push(Group {
        label: String::new(),
        note: String::new(),
        rank: None,
        tracks: 0..lanes.len(),
        steps: Vec::new(),
    });
    document.lanes = lanes;
    document.span = Some(Viewport::new(0, end));
    document
}
