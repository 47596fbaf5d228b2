//! The health of a fleet: grid, drill-down, distributions, and how a folder is judged.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use egui::{Theme, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use perfagent_gui::app::App;
use perfagent_gui::computed;
use perfagent_gui::model::fleet::document::{Fleet, Node, Status};
use perfagent_gui::model::fleet::node::documents;
use perfagent_gui::pane::Pane;

use crate::pictures::can_draw;

const FLEET: &str = include_str!("fixture/documents/fleet.json");
const NODES: &str = include_str!("fixture/documents/fleet-nodes.jsonl");

fn window(theme: Theme, size: (f32, f32), scale: f32) -> Harness<'static, App> {
    let mut app = App::new(Vec::new(), &egui::Context::default());
    app.open_first(Some(Pane::Fleet));
    let mut harness = Harness::builder()
        .with_size(Vec2::from(size))
        .with_pixels_per_point(scale)
        .with_theme(theme)
        .with_context_setup(perfagent_gui::palette::apply)
        .build_ui_state(|ui, app: &mut App| app.content(ui), app);
    harness.run();
    harness
}

fn opened(theme: Theme, size: (f32, f32), scale: f32) -> Harness<'static, App> {
    let mut harness = window(theme, size, scale);
    let fleet: Fleet = serde_json::from_str(FLEET).unwrap();
    harness.state_mut().fleet.set_fleet(fleet, documents(NODES));
    harness.run();
    harness
}

fn program(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("perfagent");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn wait(harness: &mut Harness<'_, App>) {
    let begun = std::time::Instant::now();
    while harness.state().fleet.is_busy() || computed::running() > 0 {
        assert!(begun.elapsed().as_secs() < 60, "the fleet is not there within a minute");
        std::thread::yield_now();
        harness.step();
    }
    harness.run();
}

#[test]
fn a_folder_of_documents_is_judged_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let nodes = folder.path().join("nodes");
    fs::create_dir(&nodes).unwrap();
    fs::write(nodes.join("all.jsonl"), NODES).unwrap();
    fs::write(folder.path().join("answer.json"), FLEET).unwrap();
    let script = format!(
        "[ \"$1 $2 $4\" = 'health gather --json' ] && cat {}/answer.json; exit 1",
        folder.path().display()
    );
    let mut harness = window(Theme::Light, (1440.0, 900.0), 1.0);
    assert!(harness.query_by_label("No fleet is open").is_some());
    harness.state_mut().fleet.program = Some(program(folder.path(), &script));
    harness.get_by_label("Folder of the fleet").focus();
    harness.run();
    harness.get_by_label("Folder of the fleet").type_text(&nodes.display().to_string());
    harness.run();
    harness.get_by_label("Open fleet").click();
    harness.step();
    wait(&mut harness);
    assert!(harness.query_by_label_contains("24 nodes: 3 critical, 4 unknown").is_some());
    assert!(harness.query_by_label_contains("gpu012, critical").is_some());
    // The values of single nodes were read too.
    harness.get_by_label_contains("gpu012, critical").click();
    harness.run();
    assert!(harness.query_all_by_label("Show the fleet's values").next().is_some());
}

#[test]
fn one_document_opens_without_being_judged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.json");
    fs::write(&path, NODES.lines().find(|line| line.contains("\"gpu004\"")).unwrap()).unwrap();
    let mut harness = window(Theme::Light, (1440.0, 900.0), 1.0);
    harness.state_mut().fleet.open(path);
    harness.step();
    wait(&mut harness);
    assert!(harness.query_by_label_contains("1 node: 1 critical").is_some());
    assert!(harness.query_all_by_label_contains("drain the node and reset").next().is_some());
}

#[test]
fn a_path_that_leads_nowhere_is_told() {
    let mut harness = window(Theme::Light, (1000.0, 700.0), 1.0);
    harness.state_mut().fleet.open(PathBuf::from("/nowhere/fleet"));
    harness.step();
    wait(&mut harness);
    assert!(harness.query_by_label_contains("/nowhere/fleet: cannot be opened").is_some());
}

#[test]
fn this_node_is_examined_by_a_button() {
    let folder = tempfile::tempdir().unwrap();
    let node = NODES.lines().find(|line| line.contains("\"gpu007\"")).unwrap();
    fs::write(folder.path().join("node.json"), node).unwrap();
    let script = format!("cat {}/node.json", folder.path().display());
    let mut harness = window(Theme::Light, (1440.0, 900.0), 1.0);
    harness.state_mut().fleet.program = Some(program(folder.path(), &script));
    harness.get_by_label("Examine this node").click();
    harness.step();
    wait(&mut harness);
    assert!(harness.query_all_by_label("nothing synchronises the clock").next().is_some());
    assert!(harness.query_all_by_label("run chronyd or systemd-timesyncd").next().is_some());
}

#[test]
fn nodes_are_filtered_by_state_and_text() {
    let mut harness = opened(Theme::Dark, (1440.0, 900.0), 1.0);
    harness.get_by_label("· 13 ok").click();
    harness.run();
    assert!(harness.query_by_label_contains("gpu001, ok").is_none());
    assert!(harness.query_by_label_contains("gpu014, warning").is_some());
    harness.get_by_label("Filter nodes").focus();
    harness.run();
    harness.get_by_label("Filter nodes").type_text("mlx5_3");
    harness.run();
    assert!(harness.query_by_label_contains("gpu014, warning").is_some());
    assert!(harness.query_by_label_contains("gpu007, warning").is_none());
}

#[test]
fn a_gpu_leads_to_its_finding_its_remedy_and_the_fleets_values() {
    let mut harness = opened(Theme::Light, (1440.0, 900.0), 1.0);
    harness.get_by_label_contains("gpu012, GPU 2, critical").click();
    harness.run();
    assert!(harness.query_all_by_label_contains("13.7 % below the median").next().is_some());
    assert!(
        harness
            .query_all_by_label_contains("then measure again; drain it if it stays")
            .next()
            .is_some()
    );
    harness.get_by_label("Show the fleet's values").click();
    harness.run();
    assert!(harness.query_by_label_contains("memory bandwidth over the fleet").is_some());
    assert_eq!(harness.state().fleet.metric.as_deref(), Some("memory_bandwidth"));
}

#[test]
fn findings_pairs_and_the_second_pass_have_their_pages() {
    let mut harness = opened(Theme::Light, (1440.0, 900.0), 1.0);
    for (page, row) in [
        ("Findings (", "gpu009, gpu017"),
        ("Metrics (", "matrix_product, 176"),
        ("Slow pairs (", "gpu010, gpu015"),
        ("Second pass (", "gpu012, 2"),
        ("To be known (", "Not read"),
    ] {
        harness.get_by_label_contains(page).click();
        harness.run();
        assert!(harness.query_all_by_label_contains(row).next().is_some(), "{page}");
    }
}

#[test]
fn thousands_of_nodes_lay_out_only_those_in_sight() {
    let node = |number: usize| Node {
        name: format!("node{number:05}"),
        verdict: if number.is_multiple_of(97) { Status::Warning } else { Status::Ok },
        gpus: 8,
        ..Node::default()
    };
    let fleet = Fleet { nodes: (0..5000).map(node).collect(), ..Fleet::default() };
    let mut harness = window(Theme::Light, (1280.0, 720.0), 1.0);
    harness.state_mut().fleet.set_fleet(fleet, Vec::new());
    harness.run();
    let rows = harness.query_all_by_label_contains(", ok").count();
    assert!((10..1000).contains(&rows), "{rows} nodes and GPUs are laid out");
}

#[test]
fn the_real_program_judges_a_folder_as_it_was_judged_before() {
    let Some(program) = crate::fixture::perfagent() else { return };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("all.jsonl"), NODES).unwrap();
    let mut harness = window(Theme::Light, (1440.0, 900.0), 1.0);
    harness.state_mut().fleet.program = Some(program);
    harness.state_mut().fleet.open(folder.path().to_owned());
    harness.step();
    wait(&mut harness);
    // Without the logs of pairs one finding less, and two nodes that nobody expects.
    assert!(harness.query_by_label_contains("22 nodes: 2 critical, 1 unknown").is_some());
    assert!(harness.query_by_label_contains("gpu012, GPU 2, critical").is_some());
}

fn picture(name: &str, mut harness: Harness<'_, App>, clicks: &[&str]) {
    if !can_draw() {
        return;
    }
    for label in clicks {
        harness.get_by_label_contains(label).click();
        harness.run();
    }
    harness.snapshot(name);
}

#[test]
fn fleet_light() {
    let harness = opened(Theme::Light, (1440.0, 900.0), 1.0);
    picture("fleet_light", harness, &["gpu012, GPU 2, critical", "Show the fleet's values"]);
}

#[test]
fn fleet_dark() {
    let harness = opened(Theme::Dark, (1280.0, 720.0), 1.0);
    picture("fleet_dark", harness, &["gpu019, warning"]);
}

#[test]
fn fleet_large() {
    let harness = opened(Theme::Light, (720.0, 450.0), 2.0);
    picture("fleet_large", harness, &[]);
}
