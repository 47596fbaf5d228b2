//! The critical path: paths worked out by hand, its identities on random and on real recordings, and a second, deliberately
//! naive way to find it.

use perfagent_analysis::{CriticalPath, PathKind, PathRow, Rules, analyse, report};
use perfagent_recording::table::{CopyKind, Synchronization, WaitKind};
use perfagent_recording::{ProcessId, Recording};
use proptest::prelude::*;

use crate::builder::{Builder, at};
use crate::naive_path::{Naive, Piece};
use crate::traces;

fn path(recording: &Recording) -> CriticalPath {
    analyse(recording, Rules::built_in())[0].critical_path(recording, None)
}

fn shown(recording: &Recording, path: &CriticalPath) -> Vec<(i64, i64, &'static str, String)> {
    path.segments
        .iter()
        .map(|segment| {
            let name = segment.name.text(recording).to_owned();
            (segment.start_ns, segment.end_ns, segment.kind.as_str(), name)
        })
        .collect()
}

#[track_caller]
fn assert_path(run: &Builder, expected: &[(i64, i64, &str, &str)]) {
    let path = path(&run.recording);
    let shown = shown(&run.recording, &path);
    let shown: Vec<_> =
        shown.iter().map(|(start, end, kind, name)| (*start, *end, *kind, name.as_str())).collect();
    assert_eq!(shown, expected);
    check(&path);
}

fn check(path: &CriticalPath) {
    let mut now = path.window.0;
    for segment in &path.segments {
        assert_eq!(segment.start_ns, now, "{segment:?}");
        assert!(segment.start_ns < segment.end_ns, "{segment:?}");
        now = segment.end_ns;
    }
    assert_eq!(now, path.window.1, "the segments fill the window");
}

fn waits_for(
    run: &mut Builder,
    process: ProcessId,
    kind: WaitKind,
    ids: (i64, Option<i64>),
    stream: i64,
) {
    run.recording.synchronizations.push(Synchronization {
        process_id: process,
        kind,
        stream: Some(stream),
        correlation: Some(ids.0),
        recorded_by: ids.1,
        ..Synchronization::default()
    });
}

/// `forward` launches two kernels; the second begins when the first ends; the thread waits for it.
#[test]
fn a_wait_leads_over_the_stream_to_the_launch() {
    let mut run = Builder::new("record");
    let rank = run.process(1, None, None);
    run.operator(rank, "main", "forward", (0, 40));
    run.call(rank, "main", "cudaLaunchKernel", (10, 15), 1);
    run.call(rank, "main", "cudaLaunchKernel", (20, 25), 2);
    run.call(rank, "main", "cudaStreamSynchronize", (50, 130), 3);
    run.operator(rank, "main", "item", (140, 150));
    run.kernel(rank, (0, 7), "a", (22, 60), Some(1));
    run.kernel(rank, (0, 7), "ncclDevKernel_AllReduce_Sum_f32", (63, 120), Some(2));
    assert_path(
        &run,
        &[
            (0, 10, "host", "forward"),
            (10, 15, "host", "cudaLaunchKernel"),
            (15, 22, "launch_delay", "(launch delay)"),
            (22, 60, "kernel", "a"),
            (60, 63, "wait", "(between operations of a stream)"),
            (63, 120, "communication", "ncclDevKernel_AllReduce_Sum_f32"),
            (120, 130, "wait", "cudaStreamSynchronize"),
            (130, 140, "host", "(between operators)"),
            (140, 150, "host", "item"),
        ],
    );
    let report = report(&run.recording, "path.perfdb");
    let figures = report.ranks[0].critical_path.as_ref().unwrap();
    assert_eq!((figures.window_ns, figures.segments), (150, 9));
    assert_eq!(figures.by_kind.iter().map(|row| row.total_ns).sum::<i64>(), 150);
    let first = &figures.by_kind[0];
    assert_eq!((first.kind.as_str(), first.count, first.total_ns), ("communication", 1, 57));
    assert!((figures.by_name[0].share_pct - 38.0).abs() < 1e-9);
}

/// The second kernel is launched after the first has ended: the host holds it up, from within the call itself.
#[test]
fn a_late_launch_leads_to_the_host() {
    let mut run = Builder::new("record");
    let rank = run.process(1, None, None);
    run.operator(rank, "main", "slow", (0, 100));
    run.call(rank, "main", "cudaLaunchKernel", (5, 8), 1);
    run.call(rank, "main", "cudaLaunchKernel", (90, 96), 2);
    run.kernel(rank, (0, 7), "a", (10, 20), Some(1));
    run.kernel(rank, (0, 7), "b", (94, 200), Some(2));
    assert_path(
        &run,
        &[
            (0, 5, "host", "slow"),
            (5, 8, "host", "cudaLaunchKernel"),
            (8, 90, "host", "slow"),
            (90, 94, "host", "cudaLaunchKernel"),
            (94, 200, "kernel", "b"),
        ],
    );
}

/// `b` on stream 20 was told to wait for what stream 7 had when the event was recorded, with a row and, without one, by the
/// calls.
#[test]
fn a_stream_that_waits_for_an_event_leads_to_the_other_stream() {
    for with_rows in [true, false] {
        let mut run = Builder::new("record");
        let rank = run.process(1, None, None);
        run.call(rank, "main", "cudaLaunchKernel", (0, 2), 1);
        run.call(rank, "main", "cudaEventRecord", (3, 4), 2);
        run.call(rank, "main", "cudaStreamWaitEvent", (5, 6), 3);
        run.call(rank, "main", "cudaLaunchKernel", (7, 9), 4);
        run.call(rank, "main", "cudaLaunchKernel", (10, 11), 5);
        run.kernel(rank, (0, 7), "a", (4, 50), Some(1));
        run.kernel(rank, (0, 20), "b", (52, 90), Some(4));
        run.kernel(rank, (0, 7), "c", (50, 60), Some(5));
        if with_rows {
            waits_for(&mut run, rank, WaitKind::StreamEvent, (3, Some(2)), 20);
        }
        assert_path(
            &run,
            &[
                (0, 2, "host", "cudaLaunchKernel"),
                (2, 4, "launch_delay", "(launch delay)"),
                (4, 50, "kernel", "a"),
                (50, 52, "wait", "(for an event of another stream)"),
                (52, 90, "kernel", "b"),
            ],
        );
    }
}

/// A wait for a stream that is told by its row is not taken for one of another stream that ends later.
#[test]
fn a_row_tells_which_stream_was_waited_for() {
    let mut run = Builder::new("record");
    let rank = run.process(1, None, None);
    run.call(rank, "main", "cudaLaunchKernel", (0, 2), 1);
    run.call(rank, "main", "cudaLaunchKernel", (3, 5), 2);
    run.call(rank, "main", "cudaStreamSynchronize", (10, 60), 3);
    run.kernel(rank, (0, 7), "a", (2, 50), Some(1));
    run.kernel(rank, (0, 20), "b", (5, 55), Some(2));
    let through = |run: &Builder| {
        let path = path(&run.recording);
        let kernel = path.segments.iter().find(|segment| segment.kind == PathKind::Kernel).unwrap();
        kernel.row
    };
    assert_eq!(through(&run), Some(PathRow::Kernel(1)), "by the times alone");
    waits_for(&mut run, rank, WaitKind::Stream, (3, None), 7);
    assert_eq!(through(&run), Some(PathRow::Kernel(0)), "by the row");
}

/// The thread `autograd` begins with the backward of the last forward operator; `main` goes on when it is done.
#[test]
fn a_backward_pass_leads_over_its_thread() {
    let mut run = Builder::new("record");
    let rank = run.process(1, None, None);
    for (thread, name, span, sequence) in [
        ("main", "linear", (0, 20), 1),
        ("main", "loss", (20, 30), 2),
        ("autograd", "LossBackward", (40, 50), 2),
        ("autograd", "LinearBackward", (55, 80), 1),
    ] {
        run.operator(rank, thread, name, span);
        assert!(run.recording.operators.change_last(|row| row.sequence = Some(sequence)));
    }
    run.operator(rank, "main", "optimizer", (90, 100));
    assert_path(
        &run,
        &[
            (0, 20, "host", "linear"),
            (20, 30, "host", "loss"),
            (30, 40, "wait", "(for another thread)"),
            (40, 50, "host", "LossBackward"),
            (50, 55, "host", "(between operators)"),
            (55, 80, "host", "LinearBackward"),
            (80, 90, "host", "(between operators)"),
            (90, 100, "host", "optimizer"),
        ],
    );
}

/// A copy that its call waits for; what has no cause; a window that cuts.
#[test]
fn copies_that_block_and_operations_without_a_cause() {
    let mut run = Builder::new("record");
    let rank = run.process(1, None, None);
    run.kernel(rank, (0, 7), "unknown", (10, 40), None);
    run.call(rank, "main", "cudaMemcpyAsync", (30, 100), 1);
    run.copy(rank, (0, 7), (CopyKind::DtoH, 8), (45, 90), Some(1));
    assert_path(
        &run,
        &[
            (10, 30, "idle", "(nothing recorded)"),
            (30, 45, "host", "cudaMemcpyAsync"),
            (45, 90, "copy", "DtoH"),
            (90, 100, "wait", "cudaMemcpyAsync"),
        ],
    );
    let ranks = analyse(&run.recording, Rules::built_in());
    let cut = ranks[0].critical_path(&run.recording, Some((at(50), at(95))));
    check(&cut);
    let cut = shown(&run.recording, &cut);
    assert_eq!(cut.iter().map(|piece| piece.2).collect::<Vec<_>>(), ["copy", "wait"]);
}

/// (stream, launching thread, start of the call, its length, delay, length)
type Work = (i64, usize, i64, i64, i64, i64);

const THREADS: [&str; 2] = ["main", "other"];

/// Operations on two streams with their calls, blocking copies, and waits of threads for streams.
fn random(work: &[Work], waits: &[(i64, usize, i64, i64)]) -> Recording {
    let mut run = Builder::new("record");
    let rank = run.process(1, None, None);
    for (position, &(stream, thread, start, length, delay, time)) in work.iter().enumerate() {
        let id = position as i64;
        let begin = start + delay;
        let span = (begin, begin + time);
        if id % 4 == 3 {
            run.call(rank, THREADS[thread], "cudaMemcpy", (start, start + length), id);
            run.copy(rank, (0, stream), (CopyKind::DtoH, 1), span, Some(id));
        } else {
            run.call(rank, THREADS[thread], "cudaLaunchKernel", (start, start + length), id);
            run.kernel(rank, (0, stream), "k", span, (id % 5 != 4).then_some(id));
        }
    }
    for (position, &(stream, thread, start, length)) in waits.iter().enumerate() {
        let id = 1000 + position as i64;
        run.call(rank, THREADS[thread], "cudaStreamSynchronize", (start, start + length), id);
        waits_for(&mut run, rank, WaitKind::Stream, (id, None), stream);
    }
    run.recording
}

/// The pieces of a path without what the threads ran, adjoining ones together.
fn pieces(path: &CriticalPath) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for segment in &path.segments {
        let row = segment.row.filter(|row| matches!(row, PathRow::Kernel(_) | PathRow::Copy(_)));
        let piece = (segment.start_ns, segment.end_ns, segment.kind.as_str(), row);
        match pieces.last_mut() {
            Some(last)
                if segment.thread.is_some()
                    && (last.2, last.3, last.1) == (piece.2, None, piece.0) =>
            {
                last.1 = piece.1;
            }
            _ => pieces.push(piece),
        }
    }
    pieces
}

fn work() -> impl Strategy<Value = Vec<Work>> {
    let one = (7_i64..9, 0_usize..2, 0_i64..60, 0_i64..15, -2_i64..40, 0_i64..20);
    proptest::collection::vec(one, 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn agrees_with_a_look_at_every_pair(
        work in work(),
        waits in proptest::collection::vec((7_i64..9, 0_usize..2, 0_i64..90, 1_i64..40), 0..5),
    ) {
        let recording = random(&work, &waits);
        let path = path(&recording);
        check(&path);
        let mut naive = Naive::of(&recording).path();
        // Two stretches of a thread that follow each other are one piece for us.
        naive.dedup_by(|next, last| {
            let same = (last.2, last.1, last.3, next.3) == (next.2, next.0, None, None)
                && ["host", "wait"].contains(&last.2);
            if same {
                last.1 = next.1;
            }
            same
        });
        prop_assert_eq!(pieces(&path), naive);
    }

    #[test]
    fn fills_every_window(
        work in work(),
        waits in proptest::collection::vec((7_i64..9, 0_usize..2, 0_i64..90, 1_i64..40), 0..5),
        window in (-10_i64..100, 1_i64..80),
    ) {
        let recording = random(&work, &waits);
        let window = (at(window.0), at(window.0 + window.1));
        for rank in analyse(&recording, Rules::built_in()) {
            check(&rank.critical_path(&recording, Some(window)));
        }
    }
}

#[test]
fn the_paths_of_real_traces_are_whole() {
    for name in traces::WITH_OPERATORS {
        let Some(recording) = traces::load(name) else {
            println!("skipped: no folder shared/traces beside the repository");
            return;
        };
        let rank = &analyse(&recording, Rules::built_in())[0];
        check(&rank.critical_path(&recording, None));
        for step in rank.steps() {
            let window = (at(step.start_ns), at(step.start_ns + step.duration_ns));
            check(&rank.critical_path(&recording, Some(window)));
        }
        let report = report(&recording, name);
        let figures = report.ranks[0].critical_path.as_ref().unwrap();
        let kinds: Vec<_> = figures
            .by_kind
            .iter()
            .map(|row| format!("{} {:.1} %", row.kind, row.share_pct))
            .collect();
        println!(
            "{name}: {} ns, {} segments: {}",
            figures.window_ns,
            figures.segments,
            kinds.join(", ")
        );
        for row in figures.by_name.iter().take(6) {
            println!("    {:.1} % {} {:.60}", row.share_pct, row.kind, row.name);
        }
    }
}

/// A recording of 20 steps with more events than the path of the report looks at.
#[test]
fn a_long_recording_has_the_path_of_whole_steps_in_its_middle() {
    const STEPS: i64 = 20;
    const CALLS: i64 = 13_000;
    let mut run = Builder::new("record");
    let rank = run.process(1, None, None);
    for step in 0..STEPS {
        let begin = step * 100 * CALLS;
        run.range(rank, "main", ("perfagent", "step", None), (begin, begin + 99 * CALLS), Some(0));
        for call in 0..CALLS {
            let (start, number) = (begin + call * 99, step * CALLS + call);
            run.call(rank, "main", "cudaLaunchKernel", (start, start + 10), number);
            run.kernel(rank, (0, 7), "gemm", (start + 20, start + 90), Some(number));
        }
    }
    let figures = report(&run.recording, "run.perfdb").ranks[0].critical_path.clone().unwrap();
    // 500,000 of 520,020 events: 19 steps.
    assert_eq!(figures.start_ns, at(0).unix_nanos());
    assert_eq!(figures.window_ns, 18 * 100 * CALLS + 99 * CALLS);
    let analysis = &analyse(&run.recording, Rules::built_in())[0];
    let window = (at(0), at(18 * 100 * CALLS + 99 * CALLS));
    let whole = analysis.critical_path(&run.recording, Some(window));
    assert_eq!(figures.segments, whole.segments.len() as i64);
    let of_kind = |kind: PathKind| -> i64 {
        let same = whole.segments.iter().filter(|segment| segment.kind == kind);
        same.map(|segment| segment.end_ns - segment.start_ns).sum()
    };
    for row in &figures.by_kind {
        let kinds = [
            PathKind::Host,
            PathKind::LaunchDelay,
            PathKind::Kernel,
            PathKind::Wait,
            PathKind::Idle,
        ];
        let kind = kinds.into_iter().find(|kind| kind.as_str() == row.kind).unwrap();
        assert_eq!(row.total_ns, of_kind(kind), "{}", row.kind);
    }
}
