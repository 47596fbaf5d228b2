//! Recording from the window, and recordings that grow while they are looked at.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use egui::{Theme, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use perfagent_gui::app::App;
use perfagent_gui::computed;
use perfagent_gui::job;
use perfagent_gui::model::live::partial::Partial;
use perfagent_gui::model::viewport::Viewport;
use perfagent_gui::pane::Pane;
use perfagent_gui::session::Session;
use perfagent_gui::watch::{News, Watch, find};
use perfagent_recording::table::{Host, Process, Range, Thread};
use perfagent_recording::{HostId, ProcessId, Reader, ThreadId, Writer};
use rustix::fs::{FlockOperation, flock};

use crate::fixture::at;
use crate::pictures::can_draw;

/// A recording that a test writes as a recorder would.
struct Recorder {
    partial: Partial,
    writer: Writer,
    thread: (ProcessId, ThreadId),
    steps: i64,
    _lock: File,
}

impl Recorder {
    fn start(output: &Path) -> Self {
        let partial = Partial::of_output(output);
        fs::create_dir(&partial.folder).unwrap();
        let lock = File::create(partial.lock()).unwrap();
        flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
        let mut writer = Writer::create(&partial.database()).unwrap();
        let host: HostId = writer.insert(&Host { name: "here".into(), ..Host::default() }).unwrap();
        let process: ProcessId = writer
            .insert(&Process {
                host_id: host,
                pid: 7,
                rank: Some(0),
                name: "train".into(),
                ..Process::default()
            })
            .unwrap();
        let thread: ThreadId =
            writer.insert(&Thread { process_id: process, tid: 7, name: "main".into() }).unwrap();
        writer.commit().unwrap();
        Self { partial, writer, thread: (process, thread), steps: 0, _lock: lock }
    }

    /// Records so many more steps of 10 ms and commits them.
    fn step(&mut self, count: i64) {
        let name_id = self.writer.string("step").unwrap();
        for _ in 0..count {
            let start = self.steps * 10_000_000;
            let (process_id, thread_id) = self.thread;
            self.writer
                .append(&Range {
                    process_id,
                    thread_id,
                    start_ns: at(start),
                    end_ns: at(start + 9_000_000),
                    name_id,
                    ..Range::default()
                })
                .unwrap();
            self.steps += 1;
        }
        self.writer.commit().unwrap();
    }

    fn finish(self) -> PathBuf {
        self.writer.finish().unwrap();
        fs::rename(self.partial.database(), &self.partial.output).unwrap();
        fs::remove_dir_all(&self.partial.folder).unwrap();
        self.partial.output
    }
}

fn window(theme: Theme, size: (f32, f32), scale: f32) -> Harness<'static, App> {
    let mut app = App::new(Vec::new(), &egui::Context::default());
    app.open_first(Some(Pane::Live));
    let mut harness = Harness::builder()
        .with_size(Vec2::from(size))
        .with_pixels_per_point(scale)
        .with_theme(theme)
        .with_context_setup(perfagent_gui::palette::apply)
        .build_ui_state(|ui, app: &mut App| app.content(ui), app);
    settle(&mut harness);
    harness
}

fn settle(harness: &mut Harness<'_, App>) {
    harness.step();
    while computed::running() > 0 {
        thread::yield_now();
        harness.step();
    }
    harness.step();
}

/// Steps until something is so.
fn until(
    harness: &mut Harness<'_, App>,
    what: &str,
    mut is_so: impl FnMut(&Harness<'_, App>) -> bool,
) {
    let begun = std::time::Instant::now();
    while !is_so(harness) {
        assert!(begun.elapsed().as_secs() < 60, "not within a minute: {what}");
        thread::yield_now();
        harness.step();
    }
}

fn events(harness: &Harness<'_, App>) -> u64 {
    harness.state().session().map_or(0, |session| session.document.summary.events)
}

#[test]
fn a_recording_can_be_read_while_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::start(&folder.path().join("run.perfdb"));
    for steps in 1..=5 {
        recorder.step(3);
        // Not committed: not there.
        let reader = Reader::open(&recorder.partial.database()).unwrap();
        assert_eq!(reader.count("ranges").unwrap(), steps * 3);
        let document = job::load(&[recorder.partial.database()], &|_| {}).unwrap();
        assert_eq!(document.summary.events, steps as u64 * 3);
    }
    let output = recorder.finish();
    assert_eq!(job::load(&[output], &|_| {}).unwrap().summary.events, 15);
}

#[test]
fn a_reader_delays_the_end_of_a_recording_and_does_not_break_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::start(&folder.path().join("run.perfdb"));
    recorder.step(1000);
    let reader = Reader::open(&recorder.partial.database()).unwrap();
    assert_eq!(reader.count("ranges").unwrap(), 1000);
    let started = Arc::new(Barrier::new(2));
    let finishing = {
        let started = Arc::clone(&started);
        thread::spawn(move || {
            started.wait();
            recorder.finish()
        })
    };
    started.wait();
    for _ in 0..100 {
        assert_eq!(reader.count("ranges").unwrap(), 1000);
        thread::yield_now();
    }
    drop(reader);
    let output = finishing.join().unwrap();
    assert_eq!(Reader::open(&output).unwrap().count("ranges").unwrap(), 1000);
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["run.perfdb"]);
}

#[test]
fn growth_is_noticed_and_the_finished_file_is_the_last_news() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::start(&folder.path().join("run.perfdb"));
    recorder.step(2);
    let pace = Duration::from_millis(5);
    let watch = Watch::start_every(recorder.partial.clone(), &egui::Context::default(), pace);
    let next = || loop {
        match watch.poll() {
            Some(news) => return news,
            None => thread::yield_now(),
        }
    };
    assert!(watch.poll().is_none(), "nothing is looked at while nobody looks");
    watch.set_shown(true);
    assert!(matches!(next(), News::Grown(document) if document.summary.events == 2));
    recorder.step(3);
    assert!(matches!(next(), News::Grown(document) if document.summary.events == 5));
    recorder.finish();
    // What was seen of it in between may be told once more.
    let last = loop {
        match next() {
            News::Grown(document) => assert_eq!(document.summary.events, 5),
            other => break other,
        }
    };
    assert!(matches!(last, News::Finished(document) if document.summary.events == 5));
}

#[test]
fn an_interrupted_recorder_is_told_with_the_command_that_completes_its_recording() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::start(&folder.path().join("run.perfdb"));
    recorder.step(2);
    let partial = recorder.partial.clone();
    assert!(find(folder.path())[0].at_work);
    drop(recorder);
    assert!(!find(folder.path())[0].at_work);
    let pace = Duration::from_millis(5);
    let watch = Watch::start_every(partial, &egui::Context::default(), pace);
    watch.set_shown(true);
    let message = loop {
        match watch.poll() {
            Some(News::Ended(message)) => break message,
            _ => thread::yield_now(),
        }
    };
    assert!(message.contains("perfagent recover"), "{message}");
}

#[test]
fn the_look_at_a_recording_stays_when_it_grows() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::start(&folder.path().join("run.perfdb"));
    recorder.step(10);
    let load =
        |recorder: &Recorder| Arc::new(job::load(&[recorder.partial.database()], &|_| {}).unwrap());
    let mut session = Session::new(load(&recorder));
    let name = session.document.names.find("step").unwrap();
    session.look_for(name);
    let selected = session.document.event(session.selected.unwrap()).unwrap();
    session.mark(Viewport::new(selected.start, selected.end));
    session.go_to(Viewport::new(selected.start, selected.start + 30_000_000));
    let view = session.view;
    recorder.step(5);
    let session = session.with_document(&load(&recorder), false);
    assert_eq!(session.view, view);
    let again = session.document.event(session.selected.unwrap()).unwrap();
    assert_eq!(again.start, selected.start);
    assert_eq!(session.search.matches.count(), 15);
    assert!(session.range.is_some());
    recorder.step(5);
    let followed = session.with_document(&load(&recorder), true);
    assert_eq!(followed.view.length(), view.length());
    assert!(followed.view.end() >= followed.document.whole().end());
}

/// A recording of four steps in a folder, and a window that follows it.
fn following(folder: &Path) -> (Recorder, Harness<'static, App>) {
    let mut recorder = Recorder::start(&folder.join("run.perfdb"));
    recorder.step(4);
    let mut harness = window(Theme::Light, (1440.0, 900.0), 1.0);
    harness.state_mut().live.form.folder = folder.display().to_string();
    settle(&mut harness);
    harness.get_by_label("Follow run.perfdb").click();
    until(&mut harness, "the first steps are shown", |harness| events(harness) == 4);
    (recorder, harness)
}

/// Before, all views but the timeline started anew.
#[test]
fn what_was_chosen_in_all_views_stays_when_a_recording_grows() {
    let folder = tempfile::tempdir().unwrap();
    let (mut recorder, mut harness) = following(folder.path());
    harness.state_mut().open_first(Some(Pane::Operations));
    settle(&mut harness);
    assert!(harness.query_by_label_contains("step, 36").is_some());
    let session = harness.state_mut().session_mut().unwrap();
    session.memory.told.options = "--num-layers 12".to_owned();
    session.table.wanted.filter = "st".to_owned();
    recorder.step(4);
    harness.state_mut().open_first(Some(Pane::Live));
    until(&mut harness, "the next steps are shown", |harness| events(harness) == 8);
    harness.state_mut().open_first(Some(Pane::Operations));
    settle(&mut harness);
    let session = harness.state().session().unwrap();
    assert_eq!(session.memory.told.options, "--num-layers 12");
    assert_eq!(session.table.wanted.filter, "st");
    assert!(harness.query_by_label_contains("step, 72").is_some(), "of the grown recording");
}

#[test]
fn the_window_follows_a_recording_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let (mut recorder, mut harness) = following(folder.path());
    recorder.step(4);
    until(&mut harness, "the next steps are shown", |harness| events(harness) == 8);
    assert!(harness.query_by_label_contains("Following run.perfdb").is_some());
    let output = recorder.finish();
    until(&mut harness, "the finished file is open", |harness| {
        harness.state().session().is_some_and(|session| session.document.sources[0].path == output)
    });
    assert_eq!(events(&harness), 8);
    assert!(harness.state().live.watch().is_none());
}

/// A program that records as `perfagent` would: with a recording that is there already.
fn program(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("perfagent");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_program_is_recorded_from_the_window_and_its_recording_opens() {
    let folder = tempfile::tempdir().unwrap();
    let ready = crate::fixture::cpu_file(folder.path());
    let script = format!(
        "echo \"$@\" > {0}/call; echo 'perfagent: recorded' >&2; cp {1} {0}/out.perfdb; \
         echo '{{\"exit_code\": 3, \"duration_ns\": 5000000, \"path\": \"out.perfdb\"}}'; exit 3",
        folder.path().display(),
        ready.display()
    );
    let mut harness = window(Theme::Light, (1440.0, 900.0), 1.0);
    harness.state_mut().live.program = Some(program(folder.path(), &script));
    for (field, text) in [
        ("Command to record", "python train.py --steps 5"),
        ("Folder to run in", folder.path().to_str().unwrap()),
        ("Range to capture", "epoch"),
    ] {
        harness.get_by_label(field).focus();
        harness.step();
        harness.get_by_label(field).type_text(text);
        harness.step();
    }
    harness.state_mut().live.form.output = "out.perfdb".into();
    harness.get_by_label("CUDA API calls").click();
    settle(&mut harness);
    harness.get_by_label("Start recording").click();
    until(&mut harness, "the recording is open", |harness| harness.state().session().is_some());
    let call = fs::read_to_string(folder.path().join("call")).unwrap();
    assert!(call.starts_with("record --json -o out.perfdb --api --capture-range epoch"), "{call}");
    assert!(call.ends_with("-- python train.py --steps 5\n"), "{call}");
    assert!(harness.query_by_label_contains("the program ended with code 3").is_some());
    assert!(harness.query_by_label("recorded").is_some());
}

#[test]
fn a_recording_is_stopped_from_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let script = "trap 'echo \"perfagent: nothing was recorded; try again\" >&2; exit 2' INT; echo ready >&2; \
                  while :; do sleep 0.01; done";
    let mut harness = window(Theme::Light, (1440.0, 900.0), 1.0);
    harness.state_mut().live.program = Some(program(folder.path(), script));
    harness.state_mut().live.form.command = "sleep 1000".into();
    harness.step();
    harness.get_by_label("Start recording").click();
    until(&mut harness, "the recorder says that it runs", |harness| {
        harness.query_by_label("ready").is_some()
    });
    harness.step();
    harness.get_by_label("Stop recording").click();
    until(&mut harness, "the recorder has ended", |harness| !harness.state().live.is_recording());
    assert!(harness.state().live.outcome().unwrap().is_err());
}

#[test]
fn what_cannot_be_recorded_is_told_in_the_programs_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo 'perfagent: run.perfdb: is there already; choose another name' >&2; exit 2";
    let mut harness = window(Theme::Light, (1000.0, 700.0), 1.0);
    harness.state_mut().live.program = Some(program(folder.path(), script));
    harness.state_mut().live.form.command = "true".into();
    harness.step();
    harness.get_by_label("Start recording").click();
    until(&mut harness, "the recorder has ended", |harness| {
        harness.state().live.outcome().is_some()
    });
    harness.step();
    assert!(harness.query_by_label_contains("! run.perfdb: is there already").is_some());
}

#[test]
fn the_real_recorder_is_followed_from_start_to_end() {
    let Some(program) = crate::fixture::perfagent() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(Theme::Light, (1440.0, 900.0), 1.0);
    let live = &mut harness.state_mut().live;
    live.program = Some(program);
    live.form.folder = folder.path().display().to_string();
    live.form.command = "sh -c 'sleep 0.2; exit 5'".into();
    harness.step();
    harness.get_by_label("Start recording").click();
    let output = folder.path().join("run.perfdb");
    until(&mut harness, "the finished file is open", |harness| {
        harness.state().session().is_some_and(|session| session.document.sources[0].path == output)
    });
    harness.step();
    let outcome = harness.state().live.outcome().unwrap().clone().unwrap();
    assert!(outcome.contains("ended with code 5"), "{outcome}");
}

fn picture(name: &str, theme: Theme, size: (f32, f32), scale: f32) {
    if !can_draw() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window(theme, size, scale);
    let live = &mut harness.state_mut().live;
    live.program = Some(program(
        folder.path(),
        "echo 'perfagent: run.perfdb: is there already; choose another name, or replace it with -f' >&2; exit 2",
    ));
    live.form.command = "torchrun --nproc-per-node 8 train.py --model 'gpt 2'".into();
    live.form.capture_range = "epoch".into();
    harness.step();
    harness.get_by_label("Start recording").click();
    until(&mut harness, "the recorder has ended", |harness| {
        harness.state().live.outcome().is_some()
    });
    settle(&mut harness);
    harness.run();
    harness.snapshot(name);
}

#[test]
fn live_light() {
    picture("live_light", Theme::Light, (1280.0, 720.0), 1.0);
}

#[test]
fn live_dark_large() {
    picture("live_dark_large", Theme::Dark, (720.0, 450.0), 2.0);
}
