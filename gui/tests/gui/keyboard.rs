//! The keys of the help page do what it says.

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use perfagent_gui::app::App;
use perfagent_gui::model::search::Matches;
use perfagent_gui::model::viewport::Viewport;

use crate::fixture::{cpu, window};

fn view(harness: &Harness<'_, App>) -> Viewport {
    harness.state().session().unwrap().view
}

fn press(harness: &mut Harness<'_, App>, key: Key) {
    harness.key_press(key);
    harness.run();
}

#[test]
fn zooming_moving_and_fitting() {
    let mut harness = window(cpu(), egui::Theme::Light);
    let whole = view(&harness);
    press(&mut harness, Key::W);
    assert!(view(&harness).length() < whole.length());
    let zoomed = view(&harness);
    press(&mut harness, Key::D);
    assert!(view(&harness).start() > zoomed.start());
    press(&mut harness, Key::A);
    press(&mut harness, Key::S);
    assert!((view(&harness).length() - whole.length()).abs() < 10);
    press(&mut harness, Key::W);
    press(&mut harness, Key::F);
    assert_eq!(view(&harness), whole);
}

#[test]
fn searching_from_match_to_match() {
    let mut harness = window(cpu(), egui::Theme::Light);
    press(&mut harness, Key::Slash);
    harness.get_by_label("Search events").type_text("all_red");
    harness.run();
    assert!(harness.query_by_label("48 events").is_some());
    press(&mut harness, Key::Enter);
    assert!(harness.query_by_label("1 of 48").is_some());
    press(&mut harness, Key::Enter);
    assert!(harness.query_by_label("2 of 48").is_some());
    harness.key_press_modifiers(Modifiers::SHIFT, Key::Enter);
    harness.run();
    assert!(harness.query_by_label("1 of 48").is_some());
    press(&mut harness, Key::Escape);
    assert!(harness.state().session().unwrap().search.text.is_empty());
}

#[test]
fn letters_written_into_a_field_are_not_commands() {
    let mut harness = window(cpu(), egui::Theme::Light);
    let before = view(&harness);
    press(&mut harness, Key::Slash);
    harness.get_by_label("Search events").type_text("w");
    harness.key_press(Key::W);
    harness.run();
    assert_eq!(view(&harness), before);
}

#[test]
fn from_event_to_event_in_a_row() {
    let mut harness = window(cpu(), egui::Theme::Light);
    let session = harness.state_mut().session_mut().unwrap();
    let forward = session.document.names.find("forward").unwrap();
    let first = Matches::of_name(&session.document, forward).next(&session.document, None);
    session.select(first);
    press(&mut harness, Key::Period);
    let session = harness.state().session().unwrap();
    let event = session.document.event(session.selected.unwrap()).unwrap();
    assert_eq!(session.document.name(&event), "backward");
    press(&mut harness, Key::Comma);
    assert_eq!(harness.state().session().unwrap().selected, first);
}

#[test]
fn folding_the_table_and_the_help_page() {
    let mut harness = window(cpu(), egui::Theme::Light);
    press(&mut harness, Key::C);
    assert!(harness.query_by_label("Rank 1, folded").is_some());
    press(&mut harness, Key::Q);
    assert!(harness.query_by_label("What ran").is_none());
    press(&mut harness, Key::F1);
    assert!(harness.query_by_label("Keys and mouse").is_some());
    press(&mut harness, Key::Escape);
    assert!(harness.query_by_label("Keys and mouse").is_none());
}
