//! Views side by side: menus, tabs, closing and bringing back, the finder.

use egui_kittest::kittest::Queryable as _;
use perfagent_gui::pane::Pane;

use crate::fixture::{gpu, settle, window};

#[test]
fn every_view_opens_from_the_menu_and_shows_something() {
    let mut harness = window(gpu(), egui::Theme::Light);
    for pane in Pane::ALL {
        harness.state_mut().dock.close(pane);
        harness.run();
        harness.get_by_label("View").click();
        harness.run();
        harness.get_by_label(pane.title()).click();
        settle(&mut harness);
        assert!(harness.state().dock.shows(pane), "{pane:?}");
    }
}

#[test]
fn a_view_that_was_closed_by_its_tab_comes_back_by_its_key() {
    let mut harness = window(gpu(), egui::Theme::Light);
    harness.get_by_label("Close Operations").click();
    settle(&mut harness);
    assert!(!harness.state().dock.has(Pane::Operations));
    harness.key_press_modifiers(egui::Modifiers::COMMAND | egui::Modifiers::SHIFT, egui::Key::T);
    settle(&mut harness);
    assert!(harness.state().dock.shows(Pane::Operations));
}

#[test]
fn a_few_letters_and_enter_open_a_view() {
    let mut harness = window(gpu(), egui::Theme::Dark);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::K);
    harness.run();
    harness.get_by_label("Find a command").type_text("roof");
    harness.run();
    harness.key_press(egui::Key::Enter);
    settle(&mut harness);
    assert!(harness.state().dock.shows(Pane::Roofline));
    assert!(harness.query_by_label("Find a command").is_none());
}
