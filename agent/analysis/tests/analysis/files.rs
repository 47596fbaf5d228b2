//! Runs whose ranks are in several recordings.

use perfagent_analysis::report::CollectiveRow;
use perfagent_analysis::{Report, Summary, repeated, report_many};
use perfagent_recording::Recording;

use perfagent_recording::table::{Collective, Host, Meta};

use crate::builder::Builder;

/// What a recording is told to be.
#[derive(Clone, Copy)]
struct File {
    host: &'static str,
    /// The boot, and the offset of the recording's clock from the machine's.
    boot: Option<(&'static str, i64)>,
    job: Option<&'static str>,
    rank: i64,
    world: i64,
}

const FIRST: File =
    File { host: "node-1", boot: Some(("boot-1", 1_000)), job: Some("job 1"), rank: 0, world: 2 };
const SECOND: File = File { rank: 1, boot: Some(("boot-1", 5_000)), ..FIRST };

/// A recording of one rank with one all-reduce at these times of the machine's clock.
fn recording(file: File, group: (&str, i64), (start, end): (i64, i64)) -> Recording {
    let mut run = Builder::new("record");
    run.recording.hosts[0] = Host { name: file.host.into(), ..Host::default() };
    let mut meta = |key: &str, value: &str| {
        run.recording.meta.push(Meta { key: key.into(), value: value.into() });
    };
    let offset = file.boot.map_or(0, |(_, offset)| offset);
    if let Some((boot, offset)) = file.boot {
        meta("boot_id", boot);
        meta("clock_offset_ns", &offset.to_string());
    }
    if let Some(job) = file.job {
        meta("job", job);
    }
    let process = run.process(100 + file.rank, Some(file.rank), Some(file.world));
    let span = (start + offset, end + offset);
    run.collective(
        process,
        Some("main"),
        ("all_reduce", "float32", Some(group.1), Some(1000)),
        span,
    );
    let group_id = run.text(group.0);
    let only = |call: &mut Collective| (call.group_id, call.sequence) = (group_id, Some(0));
    assert!(run.recording.collectives.change(0, only));
    run.recording
}

fn together(recordings: &[Recording]) -> Report {
    const PATHS: [&str; 4] = ["a.perfdb", "b.perfdb", "c.perfdb", "d.perfdb"];
    let named: Vec<_> = recordings.iter().zip(PATHS).collect();
    report_many(&named)
}

fn summaries(recordings: &[&Recording]) -> Vec<Summary> {
    recordings.iter().map(|recording| Summary::of(recording, "run.perfdb")).collect()
}

fn rows(report: &Report) -> Vec<&CollectiveRow> {
    report.ranks.iter().flat_map(|rank| &rank.collectives).collect()
}

#[test]
fn recordings_of_one_boot_are_put_on_its_clock() {
    // Rank 1 comes 30 ns late, although its recording's times are 4,030 ns later.
    let parts = [recording(FIRST, ("dp", 2), (100, 200)), recording(SECOND, ("dp", 2), (130, 190))];
    let report = together(&parts);
    let splits: Vec<_> =
        rows(&report).iter().map(|row| (row.matched, row.wait_ns, row.transfer_ns)).collect();
    assert_eq!(splits, [(1, Some(30), Some(70)), (1, Some(0), Some(70))]);
    assert_eq!(report.recording.duration_ns, 100);
    let files = &report.recording.files;
    assert_eq!((files[0].clock, files[1].clock), (0, 0));
    assert_eq!((&files[0].ranks, &files[1].ranks), (&vec![0], &vec![1]));
    assert_eq!(report.warnings, [""; 0]);
}

#[test]
fn without_a_common_clock_collectives_are_matched_and_not_split() {
    let others = [
        File { host: "node-2", boot: Some(("boot-2", 5_000)), ..SECOND },
        // A copy of the virtual machine.
        File { host: "node-2", ..SECOND },
        File { boot: None, ..SECOND },
    ];
    for other in others {
        let parts =
            [recording(FIRST, ("dp", 2), (100, 200)), recording(other, ("dp", 2), (130, 190))];
        let report = together(&parts);
        for row in rows(&report) {
            assert_eq!((row.matched, row.wait_ns, row.transfer_ns), (1, None, None));
            assert_eq!((row.count, row.transfer_busbw_gbps), (1, None));
        }
        assert_ne!(report.recording.files[0].clock, report.recording.files[1].clock);
        let [warning] = &report.warnings[..] else { panic!("{:?}", report.warnings) };
        assert!(warning.starts_with("1 collectives were found on every rank"), "{warning}");
        assert!(warning.contains("no clock in common"), "{warning}");
    }
}

/// Each node has a group of its own, and both groups have one name.
#[test]
fn groups_within_a_node_are_matched_there() {
    let two_ranks = |first: i64, host: &'static str| {
        let file = File { host, boot: Some((host, 0)), rank: first, world: 4, ..FIRST };
        let mut run = recording(file, ("tp", 2), (100, 200));
        let mut process = run.processes[0].clone();
        (process.pid, process.rank) = (process.pid + 1, Some(first + 1));
        run.processes.push(process);
        let mut call = run.collectives.get(0).unwrap();
        call.process_id.0 = 2;
        call.thread_id = None;
        run.collectives.push(call);
        run
    };
    let report = together(&[two_ranks(0, "node-1"), two_ranks(2, "node-2")]);
    let waits: Vec<_> = rows(&report).iter().map(|row| (row.matched, row.wait_ns)).collect();
    assert_eq!(waits, [(1, Some(0)); 4]);
}

fn warnings_of(second: File, at: i64) -> Vec<String> {
    let parts = [recording(FIRST, ("", 2), (100, 200)), recording(second, ("", 2), (at, at + 100))];
    together(&parts).warnings
}

#[test]
fn recordings_of_different_runs_are_told() {
    assert_eq!(warnings_of(SECOND, 100), [""; 0]);
    let job = warnings_of(File { job: Some("job 2"), ..SECOND }, 100);
    assert_eq!(
        job,
        [
            "the recordings are of different runs: a.perfdb (job 1), b.perfdb (job 2); sums over their ranks mean nothing"
        ]
    );
    // A recorder that is not in a job says nothing about it.
    assert_eq!(warnings_of(File { job: None, ..SECOND }, 100), [""; 0]);
    let world = warnings_of(File { world: 4, ..SECOND }, 100);
    assert!(world[0].contains("2 of 4 ranks"), "{world:?}");
    assert!(world[1].contains("a.perfdb (2 ranks), b.perfdb (4 ranks)"), "{world:?}");
    let later = warnings_of(SECOND, 200_000_000_000);
    assert!(later[0].starts_with("b.perfdb begins 200 s after a.perfdb has ended"), "{later:?}");
}

#[test]
fn a_rank_that_is_there_twice_is_told() {
    let twice = warnings_of(File { rank: 0, ..SECOND }, 100);
    assert_eq!(
        twice[0],
        "2 processes call themselves rank 0 (in a.perfdb, b.perfdb); each is reported on its own, and sums count all of them"
    );
}

#[test]
fn one_recording_under_two_names_is_found() {
    let [first, second] = [FIRST, SECOND].map(|file| recording(file, ("", 2), (100, 200)));
    assert_eq!(repeated(&summaries(&[&first, &second])), None);
    assert_eq!(repeated(&summaries(&[&first, &second, &first.clone()])), Some((0, 2)));
    let empty = Recording::default();
    assert_eq!(repeated(&summaries(&[&empty, &empty])), None);
}
