//! Pictures and tables that leave the window.

use egui_kittest::kittest::Queryable as _;

use crate::fixture::{gpu, settle, window};

#[test]
fn the_curves_are_saved_as_svg_where_the_user_says() {
    let folder = tempfile::tempdir().unwrap();
    std::env::set_current_dir(folder.path()).unwrap();
    let mut harness = window(gpu(), egui::Theme::Light);
    harness.get_by_label_contains("Memory over time").click_secondary();
    settle(&mut harness);
    harness.get_by_label("Save as SVG…").click();
    settle(&mut harness);
    assert!(harness.query_by_label("File to write").is_some());
    harness.get_by_label("Save").click();
    settle(&mut harness);
    let path = folder.path().join("memory-over-time.svg");
    assert!(harness.query_by_label_contains("memory-over-time.svg written").is_some());
    let svg = std::fs::read_to_string(path).unwrap();
    let parsed = roxmltree::Document::parse(&svg).unwrap();
    assert!(parsed.descendants().any(|node| node.text() == Some("Rank 0 allocated")));
    harness.get_by_label("Dismiss").click();
    settle(&mut harness);
    assert!(harness.query_by_label_contains("written").is_none());
}

#[test]
fn a_picture_that_cannot_be_written_says_so_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::env::set_current_dir(folder.path()).unwrap();
    let mut harness = window(gpu(), egui::Theme::Light);
    harness.get_by_label_contains("Utilisation over time").click_secondary();
    settle(&mut harness);
    harness.get_by_label("Save as SVG…").click();
    settle(&mut harness);
    std::fs::create_dir(folder.path().join("utilisation-over-time.svg")).unwrap();
    harness.get_by_label("Save").click();
    settle(&mut harness);
    assert!(harness.query_by_label_contains("choose another place").is_some());
}

#[test]
fn the_keyboard_opens_the_menu_of_a_plot_and_of_a_row() {
    let mut harness = window(gpu(), egui::Theme::Light);
    for (label, entry) in
        [("Memory over time", "Save as SVG…"), ("Row Kernels GPU 0, stream 7", "Pin to the top")]
    {
        harness.get_by_label_contains(label).focus();
        settle(&mut harness);
        assert!(harness.query_by_label(entry).is_none());
        harness.key_press_modifiers(egui::Modifiers::SHIFT, egui::Key::F10);
        settle(&mut harness);
        let found = harness.get_by_label(entry).rect();
        let of = harness.get_by_label_contains(label).rect();
        assert!(of.expand(4.0).contains(found.left_top()), "{found} is not at {of}");
        harness.key_press(egui::Key::Escape);
        settle(&mut harness);
        assert!(harness.query_by_label(entry).is_none());
    }
    // Also by the menu key, and what is chosen happens.
    harness.get_by_label_contains("Row Kernels GPU 0, stream 7").focus();
    harness.key_press(egui::Key::Menu);
    settle(&mut harness);
    harness.get_by_label("Pin to the top").click();
    settle(&mut harness);
    assert_eq!(harness.state().session().unwrap().pinned.len(), 1);
}

#[test]
fn escape_closes_a_menu_and_keeps_the_selection() {
    let mut harness = window(gpu(), egui::Theme::Light);
    let session = harness.state_mut().session_mut().unwrap();
    session.select(Some(perfagent_gui::model::document::EventRef { lane: 0, index: 0 }));
    harness.get_by_label_contains("Memory over time").click_secondary();
    settle(&mut harness);
    harness.key_press(egui::Key::Escape);
    settle(&mut harness);
    assert!(harness.query_by_label("Save as SVG…").is_none());
    assert!(harness.state().session().unwrap().selected.is_some());
}
