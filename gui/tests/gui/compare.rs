//! The comparison: its runs, its answers, and how it is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use egui::{Theme, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use perfagent_gui::app::App;
use perfagent_gui::model::compare::document::Comparison;
use perfagent_gui::pane::Pane;

use crate::pictures::can_draw;

const MIXED: &str = include_str!("fixture/documents/compare.json");
const REFUSED: &str = include_str!("fixture/documents/compare-refused.json");

/// A window with the view and nothing open.
fn window(theme: Theme, size: (f32, f32), scale: f32) -> Harness<'static, App> {
    let mut app = App::new(Vec::new(), &egui::Context::default());
    app.open_first(Some(Pane::Compare));
    let mut harness = Harness::builder()
        .with_size(Vec2::from(size))
        .with_pixels_per_point(scale)
        .with_theme(theme)
        .with_context_setup(perfagent_gui::palette::apply)
        .build_ui_state(|ui, app: &mut App| app.content(ui), app);
    harness.run();
    harness
}

fn answered(document: &str, theme: Theme, size: (f32, f32), scale: f32) -> Harness<'static, App> {
    let mut harness = window(theme, size, scale);
    let comparison: Comparison = serde_json::from_str(document).unwrap();
    let compare = &mut harness.state_mut().compare;
    for (new, names) in [(false, &comparison.base), (true, &comparison.new)] {
        for name in names {
            compare.sides.add(new, PathBuf::from("runs").join(name));
        }
    }
    compare.set_answer(comparison);
    harness.run();
    harness
}

/// A program that answers as `perfagent` would, and writes down how it was called.
fn program(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("perfagent");
    let text = format!("#!/bin/sh\necho \"$@\" >> {}/calls\n{script}\n", folder.display());
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Steps until the comparison is there.
fn wait(harness: &mut Harness<'_, App>) {
    let begun = std::time::Instant::now();
    while harness.state().compare.is_running() {
        assert!(begun.elapsed().as_secs() < 60, "the comparison has not ended within a minute");
        std::thread::yield_now();
        harness.step();
    }
    harness.run();
}

#[test]
fn two_sides_are_filled_by_path_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("answer.json"), MIXED).unwrap();
    let script = format!("cat {}/answer.json; exit 1", folder.path().display());
    let mut harness = window(Theme::Light, (1440.0, 900.0), 1.0);
    harness.state_mut().compare.program = Some(program(folder.path(), &script));
    harness.run();
    assert!(harness.query_by_label("Nothing is compared yet").is_some());
    for (path, button) in [("base.perfdb", "Add to base"), ("new.perfdb", "Add to new")] {
        harness.get_by_label("Path of a run").focus();
        harness.run();
        harness.get_by_label("Path of a run").type_text(path);
        harness.run();
        harness.get_by_label(button).click();
        harness.run();
    }
    harness.get_by_label("Compare the runs").click();
    harness.step();
    wait(&mut harness);
    assert!(harness.query_all_by_label_contains("! Regression").next().is_some());
    assert!(harness.query_all_by_label_contains("Step time +").next().is_some());
    assert!(harness.query_by_label_contains("Headline metrics: changes with").is_some());
    let calls = fs::read_to_string(folder.path().join("calls")).unwrap();
    assert_eq!(calls, "compare --json base.perfdb -- new.perfdb\n");
}

#[test]
fn a_refused_comparison_shows_why_and_can_be_forced() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("refused.json", REFUSED), ("forced.json", MIXED)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let at = folder.path().display();
    let script = format!(
        "case \"$*\" in *--force*) cat {at}/forced.json; exit 1;; *) cat {at}/refused.json; exit 4;; esac"
    );
    let mut harness = window(Theme::Dark, (1440.0, 900.0), 1.0);
    let compare = &mut harness.state_mut().compare;
    compare.program = Some(program(folder.path(), &script));
    compare.sides.add(false, PathBuf::from("a.perfdb"));
    compare.sides.add(true, PathBuf::from("b.perfdb"));
    harness.run();
    harness.get_by_label("Compare the runs").click();
    harness.step();
    wait(&mut harness);
    assert!(harness.query_by_label_contains("× Not comparable").is_some());
    assert!(harness.query_all_by_label_contains("gpu, ! differs").next().is_some());
    harness.get_by_label("Compare all the same").click();
    harness.step();
    wait(&mut harness);
    assert!(harness.query_all_by_label_contains("! Regression").next().is_some());
    let calls = fs::read_to_string(folder.path().join("calls")).unwrap();
    assert!(calls.lines().nth(1).unwrap().contains("--force"));
}

#[test]
fn what_goes_wrong_is_told_in_the_programs_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo 'perfagent: a.perfdb: no such file; check the path' >&2; exit 2";
    let mut harness = window(Theme::Light, (1000.0, 700.0), 1.0);
    let compare = &mut harness.state_mut().compare;
    compare.program = Some(program(folder.path(), script));
    compare.sides.add(false, PathBuf::from("a.perfdb"));
    compare.sides.add(true, PathBuf::from("b.perfdb"));
    harness.run();
    harness.get_by_label("Compare the runs").click();
    harness.step();
    wait(&mut harness);
    assert!(harness.query_by_label("The runs cannot be compared").is_some());
    assert!(harness.query_by_label("! a.perfdb: no such file; check the path").is_some());
}

#[test]
fn a_comparison_can_be_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(Theme::Light, (1000.0, 700.0), 1.0);
    let compare = &mut harness.state_mut().compare;
    compare.program = Some(program(folder.path(), "echo reading >&2; exec sleep 1000"));
    compare.sides.add(false, PathBuf::from("a.perfdb"));
    compare.sides.add(true, PathBuf::from("b.perfdb"));
    harness.run();
    harness.get_by_label("Compare the runs").click();
    while harness.query_by_label("reading").is_none() {
        harness.step();
    }
    harness.get_by_label("Cancel").click();
    harness.step();
    wait(&mut harness);
    assert!(harness.query_by_label("! cancelled").is_some());
}

#[test]
fn the_pages_show_what_made_the_change_and_which_kernels_are_new_gone_or_renamed() {
    let mut harness = answered(MIXED, Theme::Light, (1440.0, 900.0), 1.0);
    harness.get_by_label("What made the change").click();
    harness.run();
    assert!(harness.query_by_label_contains("the parts add up to that").is_some());
    assert!(harness.query_all_by_label_contains("turnaround, idle").next().is_some());
    harness.get_by_label_contains("Kernels (").click();
    harness.run();
    assert!(harness.query_all_by_label_contains(", renamed").next().is_some());
    assert!(harness.query_all_by_label_contains(", gone").next().is_some());
    harness.get_by_label_contains("Environment (").click();
    harness.run();
    assert!(harness.query_all_by_label_contains("driver, = the same").next().is_some());
}

#[test]
fn sides_are_swapped_and_runs_removed() {
    let mut harness = answered(MIXED, Theme::Light, (1440.0, 900.0), 1.0);
    harness.get_by_label("Change the runs").click();
    harness.run();
    harness.get_by_label("Swap").click();
    harness.run();
    assert!(harness.state().compare.sides.base[0].ends_with("after-1.perfdb"));
    harness.get_by_label_contains("Remove runs/after-1.perfdb from Base").click();
    harness.run();
    assert_eq!(harness.state().compare.sides.base.len(), 3);
}

#[test]
fn both_sides_open_in_the_timeline_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = crate::fixture::cpu_file(folder.path());
    let copy = folder.path().join("second.perfdb");
    fs::copy(&path, &copy).unwrap();
    let mut harness = window(Theme::Light, (1440.0, 900.0), 1.0);
    let compare = &mut harness.state_mut().compare;
    compare.sides.add(false, path);
    compare.sides.add(true, copy);
    harness.run();
    harness.get_by_label("Show both in the timeline").click();
    let begun = std::time::Instant::now();
    while harness.state().session().is_none() {
        assert!(begun.elapsed().as_secs() < 60, "loading has not ended within a minute");
        harness.step();
    }
    assert_eq!(harness.state().session().unwrap().document.sources.len(), 2);
}

/// Kineto traces of the same program on two GPUs, where they are there.
#[test]
fn the_real_program_refuses_two_machines_and_compares_them_when_forced() {
    let Some(program) = crate::fixture::perfagent() else { return };
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces/kineto");
    let [one, other] =
        ["a100_simple_add.json.gz", "h100_bert_small.json.gz"].map(|name| traces.join(name));
    if !one.exists() || !other.exists() {
        crate::fixture::skipped(&one);
        return;
    }
    let mut harness = window(Theme::Light, (1440.0, 900.0), 1.0);
    let compare = &mut harness.state_mut().compare;
    compare.program = Some(program);
    compare.sides.add(false, one);
    compare.sides.add(true, other);
    harness.run();
    harness.get_by_label("Compare the runs").click();
    harness.step();
    wait(&mut harness);
    assert!(harness.query_by_label_contains("× Not comparable").is_some());
    harness.get_by_label("Compare all the same").click();
    harness.step();
    wait(&mut harness);
    assert!(
        harness.query_by_label_contains("Compared in spite of different environments").is_some()
    );
}

fn picture(name: &str, mut harness: Harness<'_, App>, page: &str) {
    if !can_draw() {
        return;
    }
    if !page.is_empty() {
        harness.get_by_label_contains(page).click();
        harness.run();
    }
    harness.snapshot(name);
}

#[test]
fn compare_light() {
    let harness = answered(MIXED, Theme::Light, (1440.0, 900.0), 1.0);
    picture("compare_light", harness, "");
}

#[test]
fn compare_parts_dark() {
    let harness = answered(MIXED, Theme::Dark, (1280.0, 720.0), 1.0);
    picture("compare_parts_dark", harness, "What made the change");
}

#[test]
fn compare_refused_large() {
    let harness = answered(REFUSED, Theme::Light, (720.0, 450.0), 2.0);
    picture("compare_refused_large", harness, "");
}
