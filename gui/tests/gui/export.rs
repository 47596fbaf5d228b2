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
