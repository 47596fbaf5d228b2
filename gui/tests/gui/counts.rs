//! What keeps a frame cheap, counted instead of timed.

use egui::Theme;
use perfagent_gui::model::document::Document;
use perfagent_gui::model::lane::{Event, Lane};
use perfagent_gui::model::tint::{Category, Tint};
use perfagent_gui::model::track::{Group, Track, TrackKind};
use perfagent_gui::model::viewport::{Scale, Viewport};
use perfagent_gui::palette::Palette;
use perfagent_gui::view::layout::Layout;
use perfagent_gui::view::paint::{Frame, MOST_LABELS};

use crate::fixture::{Chance, cpu, window};

const LANES: usize = 32;

/// Streams full of short kernels.
fn crowded(events: usize) -> Document {
    let mut document = Document::default();
    let mut chance = Chance::new(1);
    let name = document.names.intern("kernel");
    for lane in 0..LANES {
        let mut now = 0;
        let events: Vec<Event> = (0..events / LANES)
            .map(|row| {
                now += chance.between(100, 2_000);
                let end = now + chance.between(200, 8_000);
                let category = Category::ALL[chance.between(0, 13) as usize];
                let event = Event::new(now, end, name, Tint::plain(category), row);
                now = end;
                event
            })
            .collect();
        document.lanes.extend(Lane::split(events).lanes);
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
    document.groups.push(Group {
        label: String::new(),
        note: String::new(),
        rank: None,
        tracks: 0..LANES,
        steps: Vec::new(),
    });
    let end =
        document.lanes.iter().filter_map(|lane| lane.span().map(|span| span.1)).max().unwrap();
    document.span = Some(Viewport::new(0, end));
    document
}

#[test]
fn a_million_events_are_few_triangles_at_every_zoom() {
    let document = crowded(1_000_000);
    let layout = Layout::new(
        &document,
        &std::collections::BTreeSet::new(),
        &std::collections::BTreeSet::new(),
    );
    let whole = document.whole();
    for zoom in [1.0, 0.3, 0.05, 0.01, 0.001, 0.00001] {
        let frame = Frame {
            document: &document,
            palette: Palette::of(Theme::Dark),
            scale: Scale::new(whole.zoomed(zoom, 0.5, whole), 1600.0),
            left: 0.0,
            top: 0.0,
            pixels_per_point: 1.0,
        };
        let drawn = frame.tracks(&layout.rows);
        assert!(drawn.mesh.vertices.len() <= 300_000, "{} at {zoom}", drawn.mesh.vertices.len());
        assert!(!drawn.mesh.vertices.is_empty());
        assert!(drawn.labels.len() <= MOST_LABELS);
        assert!(drawn.mesh.is_valid());
    }
}

#[test]
fn an_idle_window_does_nothing() {
    let mut harness = window(cpu(), Theme::Dark);
    harness.run();
    for _ in 0..5 {
        harness.step();
        let output = harness.output();
        let delay =
            output.viewport_output.values().map(|viewport| viewport.repaint_delay).min().unwrap();
        assert!(
            delay >= std::time::Duration::from_mins(1),
            "wants to be painted again after {delay:?}"
        );
    }
}

#[test]
fn a_large_recording_is_searched_beside_the_frames() {
    let mut document = crowded(20_000);
    document.summary.events = 20_000_000;
    let mut harness = window(document, Theme::Dark);
    let name = harness.state().session().unwrap().document.names.find("kernel").unwrap();
    harness.state_mut().session_mut().unwrap().look_for(name);
    assert!(harness.state().session().unwrap().is_searching());
    crate::fixture::settle(&mut harness);
    let session = harness.state().session().unwrap();
    assert_eq!(session.search.matches.count(), 20_000);
    assert!(!session.is_searching() && session.selected.is_some());
}
