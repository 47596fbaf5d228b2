//! How much of the communication on a critical path was waiting for other ranks.

use perfagent_analysis::report::Rank;
use perfagent_analysis::{Report, Summary, merge, report};
use perfagent_recording::Recording;
use perfagent_recording::table::{Collective, Meta, Timing};
use serde_json::Value;

use crate::builder::Builder;

/// Adds a rank with the kernel of an all-reduce, `[begin, 210)`, and a step, `[from, 400)`; the recording's clock is ahead by
/// `offset`.
fn add(
    run: &mut Builder,
    (number, begin): (i64, i64),
    (from, offset): (i64, i64),
    change: &dyn Fn(&mut Collective),
) {
    let at = |start, end| (start + offset, end + offset);
    let rank = run.process(number + 1, Some(number), Some(2));
    run.range(rank, "main", ("", "step 0", None), at(from, 400), Some(0));
    run.call(rank, "main", "cudaLaunchKernel", at(begin - 10, begin), 7);
    let name = "ncclDevKernel_AllReduce_Sum_f32_RING_LL";
    run.kernel(rank, (0, 3), name, at(begin, 210), Some(7));
    run.call(rank, "main", "cudaLaunchKernel", at(begin, begin + 5), 8);
    run.kernel(rank, (0, 3), "gemm", at(210, 400), Some(8));
    let what = ("all_reduce", "float32", Some(2), Some(1000));
    run.collective(rank, Some("main"), what, at(begin, 210));
    let group = run.text("dp");
    let last = run.recording.collectives.len() - 1;
    assert!(run.recording.collectives.change(last, |call| {
        (call.group_id, call.sequence) = (group, Some(0));
        (call.timing, call.correlation) = (Timing::Kernel, Some(7));
        change(call);
    }));
}

/// When the all-reduce begins on each rank.
const RANKS: [(i64, i64); 2] = [(0, 20), (1, 150)];

fn two_ranks_that_meet(from: i64, change: impl Fn(&mut Collective)) -> Recording {
    let mut run = Builder::new("record");
    for rank in RANKS {
        add(&mut run, rank, (from, 0), &change);
    }
    run.recording
}

/// Time of the communication on each rank's path, of it matched, of that waiting.
fn communication(report: Report) -> Vec<(i64, Option<i64>, Option<i64>)> {
    let of_rank = |rank: Rank| {
        let rows = rank.critical_path.unwrap().by_kind;
        let row = rows.into_iter().find(|row| row.kind == "communication").unwrap();
        (row.total_ns, row.matched_ns, row.waiting_ns)
    };
    report.ranks.into_iter().map(of_rank).collect()
}

fn told(recording: &Recording) -> Vec<(i64, Option<i64>, Option<i64>)> {
    communication(report(recording, "run.perfdb"))
}

#[test]
fn communication_on_the_path_is_told_apart_from_waiting_for_the_last_rank() {
    let recording = two_ranks_that_meet(0, |_| {});
    let expected = [(190, Some(190), Some(130)), (60, Some(60), Some(0))];
    assert_eq!(told(&recording), expected);
    // Of what begins before the step, only what lies within it.
    let recording = two_ranks_that_meet(100, |_| {});
    assert_eq!(told(&recording)[0], (110, Some(110), Some(50)));
    let recording = two_ranks_that_meet(180, |_| {});
    assert_eq!(told(&recording), [(30, Some(30), Some(0)); 2]);
}

#[test]
fn of_a_collective_that_is_not_found_on_all_ranks_no_waiting_is_told() {
    for recording in [
        two_ranks_that_meet(0, |call| call.group_size = Some(4)),
        two_ranks_that_meet(0, |call| call.sequence = None),
        two_ranks_that_meet(0, |call| call.correlation = Some(9)),
        two_ranks_that_meet(0, |call| call.timing = Timing::Call),
    ] {
        assert_eq!(told(&recording), [(190, None, None), (60, None, None)]);
    }
}

/// Each rank has a recording of its own, of one machine, and summaries are made apart and stored. Those of a version that knew
/// nothing of paths are still read.
#[test]
fn ranks_in_recordings_of_their_own_are_put_together() {
    let mut stored: Vec<Value> = Vec::new();
    for (rank, offset) in RANKS.into_iter().zip([1_000, 5_000]) {
        let mut run = Builder::new("record");
        add(&mut run, rank, (0, offset), &|_| {});
        for (key, value) in
            [("boot_id", "boot".to_owned()), ("clock_offset_ns", offset.to_string())]
        {
            run.recording.meta.push(Meta { key: key.to_owned(), value });
        }
        let summary = Summary::of(&run.recording, &format!("{}.perfdb", rank.0));
        stored.push(serde_json::to_value(summary).unwrap());
    }
    let read = |stored: &[Value]| {
        merge(stored.iter().map(|of| serde_json::from_value(of.clone()).unwrap()).collect())
    };
    let expected = [(190, Some(190), Some(130)), (60, Some(60), Some(0))];
    assert_eq!(communication(read(&stored)), expected);
    for summary in &mut stored {
        let rank = &mut summary["ranks"][0];
        assert!(rank.as_object_mut().unwrap().remove("on_path").is_some());
        let row = rank["rank"]["kernels"][0].as_object_mut().unwrap();
        for key in ["p50_ns", "p90_ns", "p99_ns", "std_ns", "histogram"] {
            assert!(row.remove(key).is_some(), "{key}");
        }
    }
    assert_eq!(communication(read(&stored)), [(190, None, None), (60, None, None)]);
}
