//! Recordings that are larger than the memory for them: opened part by part.

use std::path::{Path, PathBuf};
use std::time::Instant;

use egui::Vec2;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use perfagent_gui::app::App;
use perfagent_gui::budget::{Budget, LEAST_BYTES};
use perfagent_gui::job::{self, Doing, Wanted};
use perfagent_recording::table::{Host, Process, Range, Thread};
use perfagent_recording::{Timestamp, Writer};

use crate::fixture::{ORIGIN, cpu_file, settle};

/// Ranges of 200 ms, one after the other.
const LENGTH_NS: i64 = 200_000_000;

/// A recording of so many ranges and one around them all.
fn ranges(path: &Path, count: i64) -> PathBuf {
    let mut writer = Writer::create(path).unwrap();
    let host_id = writer.insert(&Host { name: "node-1".into(), ..Host::default() }).unwrap();
    let process = Process { host_id, pid: 7, ..Process::default() };
    let process_id = writer.insert(&process).unwrap();
    let thread = Thread { process_id, tid: 7, name: "main".into() };
    let thread_id = writer.insert(&thread).unwrap();
    let (around, work) = (writer.string("around").unwrap(), writer.string("work").unwrap());
    let at = |ns: i64| Timestamp::from_unix_nanos(ORIGIN + ns);
    let range = Range { process_id, thread_id, depth: Some(0), ..Range::default() };
    let whole = Range { end_ns: at(count * LENGTH_NS), start_ns: at(0), name_id: around, ..range };
    for number in 0..count {
        let start = number * LENGTH_NS;
        let (start_ns, end_ns) = (at(start), at(start + LENGTH_NS));
        let inner = Range { start_ns, end_ns, name_id: work, depth: Some(1), ..whole.clone() };
        writer.append(&inner).unwrap();
    }
    writer.append(&whole).unwrap();
    writer.finish().unwrap();
    path.to_owned()
}

#[test]
fn a_part_holds_what_is_in_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = ranges(&folder.path().join("long.perfdb"), 1000);
    let load = |part, counted| {
        let (paths, most_events) = (vec![path.clone()], Some(300));
        let wanted = Wanted { paths, most_events, part, counted, ..Wanted::default() };
        let doings = std::cell::RefCell::new(Vec::new());
        let note = |stage: job::Stage| doings.borrow_mut().push(stage.doing);
        let document = job::load_wanted(wanted, &note, &|_| {}).unwrap();
        (document, doings.into_inner())
    };
    let (first, doings) = load(0, Vec::new());
    assert!(doings.contains(&Doing::Counting));
    let portion = first.portion.clone().unwrap();
    assert_eq!((portion.number, portion.count, portion.events), (0, 4, 1001));
    // Those that begin in it, the one that begins where it ends left out, and the one around all.
    assert!((290..=301).contains(&first.summary.events), "{}", first.summary.events);
    assert!(first.summary.warnings[0].contains("part 1 of 4"), "{:?}", first.summary.warnings);
    let mut inner = first.summary.events - 1;
    for part in 1..4 {
        let (document, doings) = load(part, portion.counted.clone());
        assert!(!doings.contains(&Doing::Counting), "counted once for all parts");
        let names: Vec<_> =
            document.lanes.iter().map(|lane| document.names.text(lane.name(0))).collect();
        assert_eq!(names, ["around", "work"]);
        // The first may be the one that ends where the part begins.
        inner += document.lanes[1].len() as u64;
    }
    assert!((1000..=1003).contains(&inner), "{inner}");
    let (last, _) = load(99, portion.counted.clone());
    assert_eq!(last.portion.unwrap().number, 3);
    // Another recording in its place is counted anew.
    std::fs::remove_file(&path).unwrap();
    ranges(&path, 700);
    let (other, doings) = load(1, portion.counted);
    assert!(doings.contains(&Doing::Counting));
    assert_eq!(other.portion.unwrap().events, 701);
}

#[test]
fn several_recordings_share_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    let paths = vec![
        ranges(&folder.path().join("long.perfdb"), 900),
        ranges(&folder.path().join("short.perfdb"), 100),
    ];
    let wanted = Wanted { paths, most_events: Some(500), ..Wanted::default() };
    let document = job::load_wanted(wanted, &|_| {}, &|_| {}).unwrap();
    let of_source = |source| {
        let tracks = document.tracks.iter().filter(|track| track.source == source);
        tracks.flat_map(|track| track.lanes.clone()).map(|lane| document.lanes[lane].len()).sum()
    };
    let (long, short): (usize, usize) = (of_source(0), of_source(1));
    assert!((430..=460).contains(&long) && (40..=60).contains(&short), "{long} and {short}");
}

#[test]
fn the_bar_leads_through_the_parts() {
    let folder = tempfile::tempdir().unwrap();
    let count = i64::try_from(Budget::of_bytes(LEAST_BYTES).events()).unwrap() * 3 / 2;
    let path = ranges(&folder.path().join("long.perfdb"), count);
    let ctx = egui::Context::default();
    let app = App::new(Vec::new(), &ctx).within(Some(Budget::of_bytes(LEAST_BYTES)));
    let mut harness = Harness::builder()
        .with_size(Vec2::new(1280.0, 720.0))
        .with_context_setup(perfagent_gui::palette::apply)
        .build_ui_state(|ui, app: &mut App| app.content(ui), app);
    harness.state_mut().open(vec![path], &ctx);
    loaded(&mut harness);
    assert!(harness.query_by_label("Part 1 of 2").is_some());
    assert!(harness.query_by_label_contains("more does not fit").is_some());
    harness.get_by_label("Later").click();
    harness.step();
    loaded(&mut harness);
    assert!(harness.query_by_label("Part 2 of 2").is_some());
    assert!(harness.get_by_label("Later").accesskit_node().is_disabled());
    harness.get_by_label("Earlier").click();
    harness.step();
    loaded(&mut harness);
    assert!(harness.query_by_label("Part 1 of 2").is_some());
    // With more memory all of it is opened.
    let memory = harness.get_by_label("Memory for recordings, GiB");
    memory.click();
    harness.step();
    let memory = harness.get_by_label("Memory for recordings, GiB");
    memory.type_text("1");
    harness.step();
    harness.key_press(egui::Key::Enter);
    harness.step();
    loaded(&mut harness);
    assert!(harness.query_by_label_contains("Part ").is_none());
    let session = harness.state().session().unwrap();
    assert_eq!(session.document.summary.events, count as u64 + 1);
}

#[test]
fn what_fits_is_opened_whole() {
    let folder = tempfile::tempdir().unwrap();
    let wanted =
        Wanted { most_events: Some(100_000), ..Wanted::all(vec![cpu_file(folder.path())]) };
    let document = job::load_wanted(wanted, &|_| {}, &|_| {}).unwrap();
    assert!(document.portion.is_none());
}

fn loaded(harness: &mut Harness<'_, App>) {
    let begun = Instant::now();
    // What is asked for in a frame is begun in it or in the next one.
    harness.step();
    harness.step();
    while harness.state().session().is_none() {
        assert!(harness.state().failure().is_none(), "{:?}", harness.state().failure());
        assert!(begun.elapsed().as_secs() < 120, "loading has not ended within two minutes");
        std::thread::yield_now();
        harness.step();
    }
    settle(harness);
}
