//! Selecting, marking and zooming with the mouse.

use egui::{Event, Modifiers, PointerButton, Pos2, pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use perfagent_gui::app::App;
use perfagent_gui::model::viewport::Viewport;

use crate::fixture::{ORIGIN, cpu, window};

/// Where the forward pass of the first rank's first step is drawn while everything is shown.
fn in_forward(harness: &Harness<'_, App>) -> Pos2 {
    let canvas = harness.get_by_label_contains("Timeline,").rect();
    let view = harness.state().session().unwrap().view;
    let time = ORIGIN + 20_000_000;
    let x = canvas.left() + canvas.width() * (time - view.start()) as f32 / view.length() as f32;
    // The topmost: the table has a button of the same name.
    let rows = harness.get_all_by_label("Ranges").map(|node| node.rect());
    let row = rows.min_by(|a, b| a.top().total_cmp(&b.top())).unwrap();
    // The second level: below `step`.
    pos2(x, row.center().y + 17.0)
}

fn button(pos: Pos2, pressed: bool, modifiers: Modifiers) -> Event {
    Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers }
}

/// Press and release in one frame: the harness's frames are so far apart that it would be a long press.
fn click(harness: &mut Harness<'_, App>, at: Pos2) {
    harness.event(Event::PointerMoved(at));
    harness.run();
    harness.event(button(at, true, Modifiers::NONE));
    harness.event(button(at, false, Modifiers::NONE));
    harness.run();
}

fn drag(harness: &mut Harness<'_, App>, from: Pos2, to: Pos2, modifiers: Modifiers) {
    harness.event(Event::ModifiersChanged(modifiers));
    harness.event(Event::PointerMoved(from));
    harness.run();
    harness.event(button(from, true, modifiers));
    harness.run();
    for share in [0.3, 0.7, 1.0] {
        harness.event(Event::PointerMoved(from + (to - from) * share));
        harness.run();
    }
    harness.event(button(to, false, modifiers));
    harness.run();
    harness.event(Event::ModifiersChanged(Modifiers::NONE));
    harness.run();
}

#[test]
fn a_click_shows_the_details_of_an_event() {
    let mut harness = window(cpu(), egui::Theme::Light);
    let at = in_forward(&harness);
    click(&mut harness, at);
    let session = harness.state().session().unwrap();
    let event = session.document.event(session.selected.unwrap()).unwrap();
    assert_eq!(session.document.name(&event), "forward");
    for text in ["NVTX range", "33.90 ms", "main 4100", "step 0"] {
        assert!(harness.query_all_by_label(text).next().is_some(), "{text}");
    }
}

#[test]
fn a_click_beside_every_event_clears_the_selection() {
    let mut harness = window(cpu(), egui::Theme::Light);
    let at = in_forward(&harness);
    click(&mut harness, at);
    let canvas = harness.get_by_label_contains("Timeline,").rect();
    click(&mut harness, pos2(canvas.left() + 2.0, at.y));
    assert!(harness.state().session().unwrap().selected.is_none());
}

#[test]
fn a_drag_sums_up_a_stretch_of_time() {
    let mut harness = window(cpu(), egui::Theme::Light);
    let at = in_forward(&harness);
    drag(&mut harness, at, at + egui::vec2(300.0, 0.0), Modifiers::NONE);
    let range = harness.state().session().unwrap().range.unwrap();
    assert!(range.length() > 100_000_000, "{range:?}");
    crate::fixture::settle(&mut harness);
    let ctx = harness.ctx.clone();
    let session = harness.state_mut().session_mut().unwrap();
    assert!(!session.aggregate(&ctx).unwrap().top.is_empty());
    assert!(harness.query_by_label("Marked time").is_some());
}

#[test]
fn a_drag_with_control_zooms_and_back_returns() {
    let mut harness = window(cpu(), egui::Theme::Light);
    let before = harness.state().session().unwrap().view;
    let at = in_forward(&harness);
    drag(&mut harness, at, at + egui::vec2(200.0, 0.0), Modifiers::COMMAND);
    let after = harness.state().session().unwrap().view;
    assert!(after.length() < before.length() / 3, "{after:?}");
    harness.key_press_modifiers(Modifiers::COMMAND, egui::Key::Z);
    harness.run();
    assert_eq!(harness.state().session().unwrap().view, before);
}

#[test]
fn a_drag_with_shift_moves_in_time() {
    let mut harness = window(cpu(), egui::Theme::Light);
    let before = harness.state().session().unwrap().view;
    let at = in_forward(&harness);
    drag(&mut harness, at, at + egui::vec2(-200.0, 0.0), Modifiers::SHIFT);
    let after = harness.state().session().unwrap().view;
    assert_eq!(after.length(), before.length());
    assert!(after.start() > before.start());
}

#[test]
fn control_and_wheel_zoom_at_the_pointer() {
    let mut harness = window(cpu(), egui::Theme::Light);
    let at = in_forward(&harness);
    harness.event(Event::PointerMoved(at));
    harness.run();
    let before = harness.state().session().unwrap().view;
    harness.event(Event::Zoom(2.0));
    harness.run();
    let after = harness.state().session().unwrap().view;
    assert_eq!(after.length(), before.length() / 2);
    let share = |view: Viewport| (ORIGIN + 20_000_000 - view.start()) as f64 / view.length() as f64;
    assert!((share(after) - share(before)).abs() < 0.01);
}

#[test]
fn the_plots_zoom_with_the_timeline() {
    let mut harness = window(cpu(), egui::Theme::Light);
    let plot = harness.get_by_label_contains("Memory over time").rect();
    let before = harness.state().session().unwrap().view;
    harness.event(Event::PointerMoved(plot.center()));
    harness.run();
    harness.event(Event::Zoom(4.0));
    harness.run();
    assert_eq!(harness.state().session().unwrap().view.length(), before.length() / 4);
    let canvas = harness.get_by_label_contains("Timeline,").rect();
    assert!(
        (canvas.left() - plot.left()).abs() < 1.0 && (canvas.right() - plot.right()).abs() < 1.0
    );
}
