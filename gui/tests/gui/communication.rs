//! Collectives: bandwidth, waiting and transfer, the straggler, the matrix of waits.

use std::path::Path;

use egui::Theme;
use egui_kittest::kittest::Queryable as _;
use egui_kittest::{Harness, SnapshotResults};
use perfagent_gui::app::App;
use perfagent_gui::model::communication::{communication, straggler};
use perfagent_gui::model::document::Document;
use perfagent_gui::pane::Pane;

use crate::fixture::{ORIGIN, gpu, job, settle, window_of};
use crate::pictures::can_draw;

fn shown(document: Document) -> Harness<'static, App> {
    window_of(document, Theme::Light, Pane::Communication, (1440.0, 900.0), 1.0)
}

#[test]
fn waits_are_put_down_to_the_rank_that_came_last() {
    let found = communication(&job());
    let skew = &found.skew;
    // Six steps of five collectives.
    assert_eq!((skew.collectives, skew.ranks.len()), (30, 4));
    assert_eq!(skew.ranks.iter().map(|rank| rank.last).collect::<Vec<_>>(), [0, 0, 30, 0]);
    // The others came 1.5, 1.46 and 1.38 ms before it.
    let expected = 30 * (1_500_000 + 1_460_000 + 1_380_000);
    assert_eq!(skew.ranks[2].held_up_ns, expected);
    assert_eq!(skew.ranks[0].waited_ns, 30 * 1_500_000);
    assert_eq!(skew.cells.len(), 3);
    let found = straggler(skew).unwrap();
    assert_eq!((found.rank, found.longest.waiter, found.longest.longest_ns), (2, 0, 1_500_000));
}

#[test]
fn messages_of_one_size_are_one_point() {
    let found = communication(&job());
    let of: Vec<(&str, i64, i64)> =
        found.sizes.iter().map(|row| (&*row.op, row.bytes, row.count)).collect();
    assert_eq!(
        of,
        [
            ("all_gather", 52_428_800, 24),
            ("all_reduce", 4_096, 24),
            ("all_reduce", 6_553_600, 24),
            ("all_reduce", 26_214_400, 48)
        ]
    );
    let large = &found.sizes[3];
    // The late rank does not wait: 180 µs for 26,214,400 bytes, times 2 (4 - 1) / 4.
    assert_eq!(large.least_ns, 180_000);
    assert!((large.best_busbw_gbps.unwrap() - 1.5 * 26_214_400.0 / 180_000.0).abs() < 1e-6);
}

#[test]
fn the_straggler_is_named_and_the_longest_wait_shown() {
    let mut harness = shown(job());
    assert!(harness.query_by_label("Straggler: Rank 2").is_some());
    harness.get_by_label_contains("Longest wait").click();
    settle(&mut harness);
    let session = harness.state().session().unwrap();
    let range = session.range.unwrap();
    assert_eq!(range.length(), 1_500_000);
    assert!(range.start() >= ORIGIN + 14_000_000);
}

#[test]
fn a_field_of_the_matrix_leads_to_its_longest_wait() {
    let mut harness = shown(job());
    harness.get_by_label_contains("Rank 1 waited").click();
    settle(&mut harness);
    let range = harness.state().session().unwrap().range.unwrap();
    assert_eq!(range.length(), 1_460_000);
}

#[test]
fn a_row_of_the_table_leads_to_the_collectives() {
    let mut harness = shown(job());
    harness.get_by_label_contains("all_gather, bfloat16").click();
    settle(&mut harness);
    let session = harness.state().session().unwrap();
    let name = session.search.name.unwrap();
    assert_eq!(session.document.names.text(name), "all_gather");
}

#[test]
fn a_log_of_nccl_tests_is_a_curve() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces/nccl/nccl_allreduce.log");
    if !path.exists() {
        eprintln!("skipped: {} is absent", path.display());
        return;
    }
    let document = perfagent_gui::job::load(&[path], &|_| {}).unwrap();
    let found = communication(&document);
    assert!(found.tests.iter().any(|curve| curve.op == "all_reduce" && curve.points.len() > 3));
    let harness = shown(document);
    assert!(harness.query_by_label_contains("Bus bandwidth of all_reduce").is_some());
}

#[test]
fn collectives_of_a_public_trace_are_shown() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/traces/kineto/a100_nccl_data.json.gz");
    if !path.exists() {
        eprintln!("skipped: {} is absent", path.display());
        return;
    }
    let document = perfagent_gui::job::load(&[path], &|_| {}).unwrap();
    assert!(!communication(&document).groups.is_empty());
    let harness = shown(document);
    assert!(harness.query_by_label("Waiting and transfer").is_some());
    // Of one rank alone nobody can tell for whom it waited.
    assert!(harness.query_by_label_contains("Who waited for whom is not known").is_some());
}

#[test]
fn a_recording_without_collectives_says_so() {
    let mut harness = shown(gpu());
    assert!(harness.query_by_label("No collectives were recorded").is_some());
    harness.get_by_label("Open the timeline").click();
    settle(&mut harness);
    assert!(harness.query_by_label_contains("Timeline,").is_some());
}

#[test]
fn pictures() {
    if !can_draw() {
        return;
    }
    let mut results = SnapshotResults::new();
    for (name, theme, size, scale) in [
        ("communication_light", Theme::Light, (1440.0, 900.0), 1.0),
        ("communication_dark_small", Theme::Dark, (1280.0, 720.0), 1.0),
    ] {
        let mut harness = window_of(job(), theme, Pane::Communication, size, scale);
        harness.snapshot(name);
        results.extend(harness.take_snapshot_results());
    }
}
