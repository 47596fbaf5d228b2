//! How much of the communication on a critical path was waiting for other ranks.

use perfagent_analysis::report;
use perfagent_analysis::report::Rank;
use perfagent_recording::Recording;
use perfagent_recording::table::{Collective, Timing};

use crate::builder::Builder;

/// Two ranks on one machine with a kernel of an all-reduce each, of which rank 1's begins 130 ns later; their step is
/// `[from, 400)`.
fn two_ranks_that_meet(from: i64, change: impl Fn(&mut Collective)) -> Recording {
    let mut run = Builder::new("record");
    for (number, begin) in [(0, 20), (1, 150)] {
        let rank = run.process(number + 1, Some(number), Some(2));
        run.range(rank, "main", ("", "step 0", None), (from, 400), Some(0));
        run.call(rank, "main", "cudaLaunchKernel", (begin - 10, begin), 7);
        run.kernel(rank, (0, 3), "ncclDevKernel_AllReduce_Sum_f32_RING_LL", (begin, 210), Some(7));
        run.call(rank, "main", "cudaLaunchKernel", (begin, begin + 5), 8);
        run.kernel(rank, (0, 3), "gemm", (210, 400), Some(8));
        run.collective(
            rank,
            Some("main"),
            ("all_reduce", "float32", Some(2), Some(1000)),
            (begin, 210),
        );
        let group = run.text("dp");
        let last = run.recording.collectives.len() - 1;
        assert!(run.recording.collectives.change(last, |call| {
            (call.group_id, call.sequence) = (group, Some(0));
            (call.timing, call.correlation) = (Timing::Kernel, Some(7));
            change(call);
        }));
    }
    run.recording
}

/// Time of the communication on each rank's path, of it matched, of that waiting.
fn communication(recording: &Recording) -> Vec<(i64, Option<i64>, Option<i64>)> {
    let of_rank = |rank: Rank| {
        let rows = rank.critical_path.unwrap().by_kind;
        let row = rows.into_iter().find(|row| row.kind == "communication").unwrap();
        (row.total_ns, row.matched_ns, row.waiting_ns)
    };
    report(recording, "run.perfdb").ranks.into_iter().map(of_rank).collect()
}

#[test]
fn communication_on_the_path_is_told_apart_from_waiting_for_the_last_rank() {
    let recording = two_ranks_that_meet(0, |_| {});
    let expected = [(190, Some(190), Some(130)), (60, Some(60), Some(0))];
    assert_eq!(communication(&recording), expected);
    // Of what begins before the step, only what lies within it.
    let recording = two_ranks_that_meet(100, |_| {});
    assert_eq!(communication(&recording)[0], (110, Some(110), Some(50)));
    let recording = two_ranks_that_meet(180, |_| {});
    assert_eq!(communication(&recording), [(30, Some(30), Some(0)); 2]);
}

#[test]
fn of_a_collective_that_is_not_found_on_all_ranks_no_waiting_is_told() {
    for recording in [
        two_ranks_that_meet(0, |call| call.group_size = Some(4)),
        two_ranks_that_meet(0, |call| call.sequence = None),
        two_ranks_that_meet(0, |call| call.correlation = Some(9)),
        two_ranks_that_meet(0, |call| call.timing = Timing::Call),
    ] {
        assert_eq!(communication(&recording), [(190, None, None), (60, None, None)]);
    }
}
