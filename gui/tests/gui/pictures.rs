//! Pictures of the window, drawn by a software renderer and compared with the stored ones.
//!
//! After a wanted change: `UPDATE_SNAPSHOTS=1 cargo test -p perfagent-gui`, and look at the new ones.

use egui::Theme;
use perfagent_gui::command::Command;
use perfagent_gui::model::document::{Document, EventRef};
use perfagent_gui::model::search::Matches;
use perfagent_gui::model::track::TrackKind;
use perfagent_gui::model::viewport::Viewport;
use perfagent_gui::session::Session;

use perfagent_gui::pane::Pane;

use crate::fixture::{ORIGIN, cpu, gpu, settle, window, window_of};

/// Says so clearly when nothing can draw: a test of pictures that draws none must not pass.
pub(crate) fn can_draw() -> bool {
    if std::env::var_os("PERFAGENT_NO_GPU_TESTS").is_some_and(|value| value == "1") {
        return false;
    }
    let drawn = std::panic::catch_unwind(|| {
        egui_kittest::Harness::new_ui(|ui| {
            ui.label("a");
        })
        .render()
    });
    assert!(
        matches!(drawn, Ok(Ok(_))),
        "no Vulkan or OpenGL driver can draw here; install Mesa's software drivers (Debian: apt-get install \
         mesa-vulkan-drivers libvulkan1 libgl1-mesa-dri libegl1), or set PERFAGENT_NO_GPU_TESTS=1 to leave \
         the pictures out"
    );
    true
}

fn picture(name: &str, document: Document, theme: Theme, arrange: impl FnOnce(&mut Session)) {
    if !can_draw() {
        return;
    }
    let mut harness = window(document, theme);
    arrange(harness.state_mut().session_mut().unwrap());
    settle(&mut harness);
    harness.snapshot(name);
}

#[test]
fn processors_light() {
    picture("processors_light", cpu(), Theme::Light, |session| {
        let forward = session.document.names.find("all_reduce").unwrap();
        let first = Matches::of_name(&session.document, forward).next(&session.document, None);
        session.select(first);
    });
}

#[test]
fn gpus_dark() {
    picture("gpus_dark", gpu(), Theme::Dark, |session| {
        session.go_to(Viewport::new(ORIGIN + 39_000_000, ORIGIN + 62_000_000));
        session.mark(Viewport::new(ORIGIN + 46_000_000, ORIGIN + 55_000_000));
        session.table.wanted.filter = "e".into();
    });
}

#[test]
fn search_light() {
    picture("search_light", gpu(), Theme::Light, |session| {
        session.search.text = "flash".into();
        session.search_changed();
        session.run(Command::NextMatch);
    });
}

#[test]
fn flow_light() {
    picture("flow_light", gpu(), Theme::Light, |session| {
        session.go_to(Viewport::new(ORIGIN + 40_000_000, ORIGIN + 43_000_000));
        let kernels = session.document.tracks.iter().find(|track| track.kind == TrackKind::Kernels);
        let lane = kernels.unwrap().lanes.start;
        session.go_to_event(EventRef { lane, index: 164 });
        session.run(Command::Pin);
    });
}

#[test]
fn timeline_small_dark() {
    if !can_draw() {
        return;
    }
    let mut harness = window_of(cpu(), Theme::Dark, Pane::Timeline, (1280.0, 720.0), 1.0);
    harness.snapshot("timeline_small_dark");
}

#[test]
fn timeline_double_light() {
    if !can_draw() {
        return;
    }
    let mut harness = window_of(gpu(), Theme::Light, Pane::Timeline, (960.0, 600.0), 2.0);
    harness.snapshot("timeline_double_light");
}
