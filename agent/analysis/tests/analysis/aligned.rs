//! Ranks of different machines, whose clocks are put on each other by the collectives in which they met.

use perfagent_analysis::{Report, report_many};
use perfagent_recording::Recording;
use perfagent_recording::table::{Collective, Meta};

use crate::builder::Builder;

/// What the second machine's clock shows more.
const OFFSET: i64 = 7_000_000_123;

/// One rank a machine, with all-reduces at these times.
fn recording(rank: i64, boot: &str, calls: &[(i64, i64)]) -> Recording {
    let mut run = Builder::new("record");
    run.recording.hosts[0].name = format!("node-{rank}");
    for (key, value) in [("boot_id", boot), ("clock_offset_ns", "0")] {
        run.recording.meta.push(Meta { key: key.into(), value: value.into() });
    }
    let process = run.process(100 + rank, Some(rank), Some(2));
    let group_id = run.text("dp");
    for (number, &span) in calls.iter().enumerate() {
        run.collective(process, Some("main"), ("all_reduce", "float32", Some(2), Some(1000)), span);
        let only = |call: &mut Collective| {
            (call.group_id, call.sequence) = (group_id, Some(number as i64));
        };
        assert!(run.recording.collectives.change(number, only));
    }
    run.recording
}

/// Each in turn comes 100 µs late; transfers take 50 µs; ends differ by up to `noise`.
fn run(count: i64, noise: i64) -> Report {
    let late = |number: i64, rank: i64| if number % 2 == rank { 100_000 } else { 0 };
    let calls = |rank: i64| -> Vec<(i64, i64)> {
        let shift = rank * OFFSET;
        let call = |number: i64| {
            let begin = 1_000_000 * number;
            let end = begin + 150_000 + rank * (number * 7919 % 11 - 5) * noise / 5;
            (begin + late(number, rank) + shift, end + shift)
        };
        (0..count).map(call).collect()
    };
    let files = [recording(0, "boot-0", &calls(0)), recording(1, "boot-1", &calls(1))];
    report_many(&[(&files[0], "a.perfdb"), (&files[1], "b.perfdb")])
}

fn waits(report: &Report) -> [Option<i64>; 2] {
    [0, 1].map(|rank| report.ranks[rank].collectives[0].wait_ns)
}

#[test]
fn waits_between_machines_are_told_with_their_uncertainty() {
    let report = run(40, 2_000);
    let [alignment] = report.recording.alignment[..] else { panic!("{report:?}") };
    assert!(alignment.used && alignment.residual_ns <= 2_000, "{alignment:?}");
    assert_eq!((alignment.clock, alignment.reference, alignment.matches), (1, 0, 40));
    assert!((alignment.offset_ns - OFFSET).abs() <= alignment.residual_p90_ns, "{alignment:?}");
    for wait in waits(&report) {
        // Each waits 20 times for the other.
        let off = (wait.unwrap() - 20 * 100_000).abs();
        assert!(off <= 40 * alignment.residual_p90_ns, "{wait:?}, {alignment:?}");
    }
    let [warning] = &report.warnings[..] else { panic!("{:?}", report.warnings) };
    assert!(
        warning.starts_with("the clock of node-1 was put on that of node-0 by 40 collectives"),
        "{warning}"
    );
}

#[test]
fn too_few_or_too_scattered_collectives_are_not_split() {
    for (count, noise) in [(9, 0), (40, 100_000)] {
        let report = run(count, noise);
        assert_eq!(waits(&report), [None, None], "{count} collectives, {noise} ns");
        assert!(report.recording.alignment.iter().all(|alignment| !alignment.used));
        let [warning] = &report.warnings[..] else { panic!("{:?}", report.warnings) };
        assert!(warning.contains("no clock in common (node-0, node-1)"), "{warning}");
    }
}

#[test]
fn ranks_of_one_clock_are_as_they_were() {
    let mut files = [0, 1].map(|rank| recording(rank, "boot-0", &[(100 * rank, 1000)]));
    files[1].hosts[0].name = "node-0".into();
    let report = report_many(&[(&files[0], "a.perfdb"), (&files[1], "b.perfdb")]);
    assert_eq!(waits(&report), [Some(100), Some(0)]);
    assert_eq!(report.recording.alignment, []);
}
