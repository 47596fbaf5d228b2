//! The roofline: points under their ceilings, the table, where ceilings come from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::Theme;
use egui_kittest::kittest::Queryable as _;
use egui_kittest::{Harness, SnapshotResults};
use perfagent_gui::app::App;
use perfagent_gui::model::document::Document;
use perfagent_gui::pane::Pane;

use crate::fixture::{gpu, job, settle, window_of};
use crate::pictures::can_draw;

const CEILINGS: &str = r#"{"schema":"perfagent.ceilings/1","device":"cuda:0","name":"NVIDIA H100 80GB HBM3",
    "memory_bandwidth":{"kernels":[{"median_gbps":3000.0}]},
    "cuda":{"matrix_products":{"dtypes":[{"dtype":"bf16","best":{"median_tflops":750.0}},
        {"dtype":"fp32","best":{"median_tflops":52.0}}]},
    "collectives":{"curves":[{"collective":"all_reduce","ranks":4,"points":[
        {"bytes":4096,"median_ns":15000},{"bytes":26214400,"median_ns":150000},{"bytes":268435456,"median_ns":1100000}]}]}}}"#;

fn shown(document: Document) -> Harness<'static, App> {
    window_of(document, Theme::Light, Pane::Roofline, (1440.0, 900.0), 1.0)
}

#[test]
fn operators_are_held_against_the_datasheet_of_the_recorded_device() {
    let harness = shown(job());
    assert!(harness.query_by_label_contains("Roofline, Rate (FLOP/s)").is_some());
    let rows: Vec<_> = harness.query_all_by_label_contains("aten::mm, ").collect();
    assert_eq!(rows.len(), 5);
    for text in ["Memory", "Compute"] {
        assert!(harness.query_all_by_label(text).next().is_some(), "{text}");
    }
}

#[test]
fn a_row_leads_to_its_events() {
    let mut harness = shown(job());
    harness.get_by_label_contains("aten::bmm, ").click();
    settle(&mut harness);
    let session = harness.state().session().unwrap();
    let name = session.search.name.unwrap();
    assert_eq!(session.document.names.text(name), "aten::bmm");
    assert!(session.search.matches.count() > 0);
}

#[test]
fn measured_ceilings_take_the_place_of_the_datasheet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ceilings.json");
    std::fs::write(&path, CEILINGS).unwrap();
    let mut harness = shown(job());
    harness.get_by_label("Path of ceilings").focus();
    settle(&mut harness);
    harness.get_by_label("Path of ceilings").type_text(&path.display().to_string());
    settle(&mut harness);
    harness.get_by_label("Load ceilings").click();
    settle(&mut harness);
    let measured = "Measured: NVIDIA H100 80GB HBM3 (ceilings.json)";
    assert!(harness.query_all_by_value(measured).next().is_some());
}

/// A file that was dropped onto the window.
#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

#[test]
fn dropped_ceilings_are_not_opened_as_a_recording() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my-ceilings.json");
    std::fs::write(&path, CEILINGS).unwrap();
    let mut harness = shown(job());
    harness.input_mut().dropped_files.push(Arc::new(Dropped(path)));
    settle(&mut harness);
    let measured = "Measured: NVIDIA H100 80GB HBM3 (my-ceilings.json)";
    assert!(harness.query_all_by_value(measured).next().is_some());
    assert_eq!(harness.state().session().unwrap().document.title, "job.perfdb");
}

#[test]
fn what_are_no_ceilings_is_told_in_one_line() {
    let mut harness = shown(job());
    let session = harness.state_mut().session_mut().unwrap();
    session.roofline.ceilings.open("/nowhere/ceilings.json".into());
    settle(&mut harness);
    let told = harness.query_by_label_contains("Not read: /nowhere/ceilings.json");
    assert!(told.is_some());
}

#[test]
fn a_recording_without_shapes_says_how_to_record_them() {
    let harness = shown(gpu());
    assert!(harness.query_by_label("The work of no operator is known").is_some());
    assert!(harness.query_all_by_label_contains("record_shapes=True").count() == 2);
}

#[test]
fn pictures() {
    if !can_draw() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ceilings.json");
    std::fs::write(&path, CEILINGS).unwrap();
    let mut results = SnapshotResults::new();
    for (name, theme, size, scale, measured) in [
        ("roofline_light", Theme::Light, (1440.0, 900.0), 1.0, true),
        ("roofline_dark_small", Theme::Dark, (640.0, 360.0), 2.0, false),
    ] {
        let mut harness = window_of(job(), theme, Pane::Roofline, size, scale);
        if measured {
            // Without the folder in sight, which is another one each time.
            let session = harness.state_mut().session_mut().unwrap();
            session.roofline.ceilings.open_as(path.clone(), "ceilings.json");
        }
        settle(&mut harness);
        harness.snapshot(name);
        results.extend(harness.take_snapshot_results());
    }
}
