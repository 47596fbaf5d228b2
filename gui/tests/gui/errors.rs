//! Loading: how it ends well, and the plain page when it does not.

use std::path::PathBuf;

use egui::Vec2;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use perfagent_gui::app::App;
use perfagent_gui::job;

use crate::fixture::{cpu_file, settle};

/// Opens paths in a window and waits until loading has ended.
fn open(paths: Vec<PathBuf>) -> Harness<'static, App> {
    let app = App::new(paths, &egui::Context::default());
    let mut harness = Harness::builder()
        .with_size(Vec2::new(900.0, 600.0))
        .build_ui_state(|ui, app: &mut App| app.content(ui), app);
    wait(&mut harness);
    settle(&mut harness);
    harness
}

/// Steps until loading has ended; a test that waits for ever tells nobody what is wrong.
fn wait(harness: &mut Harness<'_, App>) {
    let begun = std::time::Instant::now();
    while harness.state().session().is_none() && harness.state().failure().is_none() {
        assert!(begun.elapsed().as_secs() < 60, "loading has not ended within a minute");
        std::thread::yield_now();
        harness.step();
    }
}

#[test]
fn a_recording_is_loaded_by_the_worker() {
    let folder = tempfile::tempdir().unwrap();
    let harness = open(vec![cpu_file(folder.path())]);
    let session = harness.state().session().unwrap();
    assert_eq!(session.document.groups.len(), 2);
    assert_eq!(session.document.groups[0].steps.len(), 6);
    assert!(session.document.summary.events > 1000);
}

#[test]
fn two_recordings_stand_side_by_side() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let harness = open(vec![cpu_file(first.path()), cpu_file(second.path())]);
    let session = harness.state().session().unwrap();
    let labels: Vec<_> = session.document.groups.iter().map(|group| group.label.as_str()).collect();
    assert_eq!(labels, ["Rank 0", "Rank 0", "Rank 1", "Rank 1"]);
}

#[test]
fn the_ranks_of_one_run_can_be_aligned_at_a_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = open(vec![cpu_file(folder.path())]);
    let starts = |harness: &Harness<'_, App>| -> Vec<i64> {
        let groups = &harness.state().session().unwrap().document.groups;
        groups.iter().map(|group| group.steps[0].start).collect()
    };
    let before = starts(&harness);
    assert_ne!(before[0], before[1]);
    harness.get_by_label("Align").click();
    settle(&mut harness);
    harness.get_by_label("First steps").click();
    harness.step();
    harness.step();
    wait(&mut harness);
    let after = starts(&harness);
    assert_eq!((after[0], after[1]), (before[0], before[0]));
    let session = harness.state().session().unwrap();
    let raw = before[1] + 1_000;
    assert!([0, before[0] - before[1]].contains(&(session.document.on_axis(raw) - raw)));
}

#[test]
fn every_broken_file_gets_a_page_with_the_reason_and_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let whole = std::fs::read(cpu_file(folder.path())).unwrap();
    let nothing = folder.path().join("nothing");
    std::fs::create_dir(&nothing).unwrap();
    for (path, reason) in [
        (folder.path().join("missing.perfdb"), "no such file"),
        (nothing, "is a directory"),
        (write("empty.perfdb", b""), "is empty"),
        (write("text.perfdb", b"hello"), "is not a recording"),
        (write("cut.perfdb", &whole[..whole.len() / 2]), "is cut off"),
    ] {
        let harness = open(vec![path]);
        assert!(harness.query_by_label("This file cannot be opened").is_some());
        assert!(harness.query_by_label_contains(reason).is_some(), "{reason}");
        assert!(harness.state().failure().unwrap().lines().count() == 1);
    }
}

#[test]
fn a_folder_opens_as_all_the_recordings_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = cpu_file(folder.path());
    std::fs::copy(&first, folder.path().join("another.perfdb")).unwrap();
    let harness = open(vec![folder.path().to_owned()]);
    assert_eq!(harness.state().session().unwrap().document.sources.len(), 2);
}

#[test]
fn every_public_trace_opens_as_it_is() {
    let traces = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces");
    if !traces.is_dir() {
        println!("skipped: {} is absent", traces.display());
        return;
    }
    let mut opened = 0;
    for format in ["kineto", "nsys", "nccl"] {
        for entry in std::fs::read_dir(traces.join(format)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() || path.metadata().unwrap().len() > 20 << 20 {
                continue;
            }
            let harness = open(vec![path.clone()]);
            match harness.state().failure() {
                None => opened += 1,
                // What lies beside the traces: lists, licences.
                Some(message) => {
                    assert_eq!(message.lines().count(), 1, "{message}");
                    assert!(
                        job::check(std::slice::from_ref(&path)).is_err(),
                        "{}: {message}",
                        path.display()
                    );
                }
            }
        }
    }
    assert!(opened >= 5, "{opened}");
}

#[test]
fn every_damaged_file_shows_its_message_and_leaves_the_window_usable() {
    let broken =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces/broken");
    if !broken.is_dir() {
        println!("skipped: {} is absent", broken.display());
        return;
    }
    for entry in std::fs::read_dir(&broken).unwrap() {
        let path = entry.unwrap().path();
        let mut harness = open(vec![path.clone()]);
        if harness.state().failure().is_some() {
            assert!(harness.query_by_label("This file cannot be opened").is_some());
            let folder = tempfile::tempdir().unwrap();
            let good = cpu_file(folder.path()).display().to_string();
            harness.get_by_label("Path of a recording").focus();
            harness.run();
            harness.get_by_label("Path of a recording").type_text(&good);
            harness.run();
            harness.get_by_label("Open").click();
            harness.step();
            harness.step();
            wait(&mut harness);
        }
        assert!(harness.state().session().is_some(), "{}", path.display());
    }
}

#[test]
fn a_damaged_page_is_an_error_not_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let path = cpu_file(folder.path());
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 40_000].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();
    let harness = open(vec![path]);
    assert!(harness.query_by_label_contains("is damaged in table").is_some());
}

#[test]
fn the_window_goes_on_while_a_file_does_not_answer() {
    let (gate, stalled) = crossbeam::channel::bounded::<()>(0);
    let ctx = egui::Context::default();
    let job = job::Job::run(vec!["slow.perfdb".into()], &ctx, move |_, tell| {
        tell(vec!["8 ranks on node-1".into()]);
        let _ = stalled.recv();
        Err("nobody waits for this".into())
    });
    let app = App::with_job(job, &ctx);
    let mut harness = Harness::builder()
        .with_size(Vec2::new(900.0, 600.0))
        .build_ui_state(|ui, app: &mut App| app.content(ui), app);
    for _ in 0..100 {
        harness.step();
    }
    assert!(harness.query_by_label("Loading").is_some());
    assert!(harness.query_by_label("8 ranks on node-1").is_some());
    harness.get_by_label("Cancel").click();
    harness.run();
    assert!(harness.query_by_label("No recording is open").is_some());
    drop(gate);
}

#[test]
fn without_a_file_the_window_asks_for_one() {
    let mut harness = Harness::builder().build_ui_state(
        |ui, app: &mut App| app.content(ui),
        App::new(Vec::new(), &egui::Context::default()),
    );
    harness.run();
    assert!(harness.query_by_label("No recording is open").is_some());
    harness.get_by_label("Path of a recording").focus();
    harness.run();
    harness.get_by_label("Path of a recording").type_text("/nowhere/run.perfdb");
    harness.run();
    harness.get_by_label("Open").click();
    wait(&mut harness);
    assert!(harness.state().failure().unwrap().contains("/nowhere/run.perfdb"));
}
