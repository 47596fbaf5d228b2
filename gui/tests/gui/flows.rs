//! From an operator to its launch to its kernel and back, and rows that are pinned or hidden.

use egui_kittest::kittest::Queryable as _;
use perfagent_gui::command::Command;
use perfagent_gui::model::document::EventRef;
use perfagent_gui::model::flow::flow;
use perfagent_gui::model::track::TrackKind;
use perfagent_gui::session::Session;

use crate::fixture::{gpu, settle, window};

/// The event at a position of the first row of a kind.
fn event_of(session: &Session, kind: TrackKind, index: usize) -> EventRef {
    let track = session.document.tracks.iter().find(|track| track.kind == kind).unwrap();
    EventRef { lane: track.lanes.start, index }
}

fn kind_of(session: &Session, at: EventRef) -> TrackKind {
    session.document.track_of(at).unwrap().kind
}

#[test]
fn a_kernel_leads_to_its_launch_and_the_launch_back_to_it() {
    let mut harness = window(gpu(), egui::Theme::Light);
    let session = harness.state_mut().session_mut().unwrap();
    let kernel = event_of(session, TrackKind::Kernels, 70);
    session.go_to_event(kernel);
    settle(&mut harness);
    assert!(harness.query_by_label_contains("Launched by cudaLaunchKernel").is_some());
    harness.state_mut().session_mut().unwrap().run(Command::ToCause);
    settle(&mut harness);
    let session = harness.state_mut().session_mut().unwrap();
    let call = session.selected.unwrap();
    assert_eq!(kind_of(session, call), TrackKind::Api);
    assert_eq!(session.known_flow().unwrap().effect(), Some(kernel));
    session.run(Command::ToEffect);
    assert_eq!(session.selected, Some(kernel));
}

#[test]
fn a_range_leads_to_all_that_was_launched_in_it() {
    let document = gpu();
    let range = document.tracks.iter().find(|track| track.kind == TrackKind::Ranges).unwrap();
    let step = EventRef { lane: range.lanes.start, index: 2 };
    let found = flow(&document, step);
    let event = document.event(step).unwrap();
    assert!(found.effect_count > 60, "{}", found.effect_count);
    for link in &found.effects {
        let call = document.event(link.from).unwrap();
        assert!(call.start >= event.start && call.start < event.end);
    }
    let starts: Vec<i64> =
        found.effects.iter().map(|link| document.event(link.to).unwrap().start).collect();
    assert!(starts.is_sorted());
}

#[test]
fn a_pinned_row_stands_above_the_others_and_a_hidden_one_is_gone() {
    let mut harness = window(gpu(), egui::Theme::Light);
    let row = "Row Kernels GPU 0, stream 20";
    assert_eq!(harness.query_all_by_label(row).count(), 1);
    harness.get_by_label(row).click_secondary();
    settle(&mut harness);
    harness.get_by_label("Pin to the top").click();
    settle(&mut harness);
    assert_eq!(harness.query_all_by_label_contains("stream 20, pinned").count(), 2);
    harness.get_by_label("Row Kernels GPU 0, stream 7").click_secondary();
    settle(&mut harness);
    harness.get_by_label("Hide this row").click();
    settle(&mut harness);
    assert_eq!(harness.query_all_by_label("Row Kernels GPU 0, stream 7").count(), 0);
    harness.get_by_label("Row Kernels GPU 1, stream 7").click_secondary();
    settle(&mut harness);
    harness.get_by_label("Show hidden rows").click();
    settle(&mut harness);
    assert_eq!(harness.query_all_by_label("Row Kernels GPU 0, stream 7").count(), 1);
}
