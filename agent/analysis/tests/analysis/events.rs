//! Waits of streams for events of others: which operations they tie together.

use perfagent_analysis::{PathKind, PathRow, Rules, analyse};
use perfagent_recording::table::{Synchronization, WaitKind};
use perfagent_recording::{ProcessId, Recording, Timestamp};

use crate::builder::Builder;
use crate::traces;

/// (of the operation that waits, of the one waited for), by the correlation of the call that launched it.
fn pairs(recording: &Recording) -> Vec<(i64, i64)> {
    let correlation = |row| match row {
        PathRow::Kernel(row) => recording.kernels.get(row as usize).unwrap().correlation.unwrap(),
        PathRow::Copy(row) => recording.copies.get(row as usize).unwrap().correlation.unwrap(),
        _ => panic!("{row:?} is no operation"),
    };
    let rank = &analyse(recording, Rules::built_in())[0];
    let waits = rank.event_waits(recording);
    let mut pairs: Vec<_> =
        waits.iter().map(|wait| (correlation(wait.waiting), correlation(wait.awaited))).collect();
    pairs.sort_unstable();
    pairs
}

/// The stream `ids.0` is told by the call `ids.1` to wait for what the call `by` recorded on the stream `on`.
fn waits(run: &mut Builder, process: ProcessId, ids: (i64, i64), on: i64, by: Option<i64>) {
    run.recording.synchronizations.push(Synchronization {
        process_id: process,
        kind: WaitKind::StreamEvent,
        stream: Some(ids.0),
        correlation: Some(ids.1),
        recorded_by: by,
        recorded_on: Some(on),
        ..Synchronization::default()
    });
}

/// Derived by hand from the rows of the file. The only wait of a stream, call 1389, lets stream 24 wait for what call 1385 had
/// recorded on stream 20: the first operation of stream 24 after it is the memset of call 1411, the last of stream 20 before it
/// the kernel of call 27. The thread's last launch before the record, which would be guessed without the stream, was that of
/// the kernel 57 on stream 28. The path ends with the wait of the host for the context, whose last kernel is 1413.
#[test]
fn of_the_trace_a100_event_sync_streams() {
    let Some(recording) = traces::load("a100_event_sync_streams.json.gz") else {
        println!("skipped: no folder shared/traces beside the repository");
        return;
    };
    let told: Vec<_> = recording
        .synchronizations
        .iter()
        .map(|wait| (wait.kind.as_str(), wait.stream, wait.recorded_on, wait.recorded_by))
        .collect();
    assert_eq!(
        told,
        [
            ("event", None, None, None),
            ("event", None, Some(20), Some(32)),
            ("stream-event", Some(24), Some(20), Some(1385)),
            ("event", None, Some(28), Some(62)),
            ("context", None, None, None),
        ]
    );
    assert_eq!(pairs(&recording), [(1411, 27)]);
    let rank = &analyse(&recording, Rules::built_in())[0];
    let path = rank.critical_path(&recording, None);
    let last = path.segments.iter().rfind(|segment| segment.kind == PathKind::Kernel).unwrap();
    let Some(PathRow::Kernel(last)) = last.row else { panic!("{last:?}") };
    assert_eq!(recording.kernels.get(last as usize).unwrap().correlation, Some(1413));
}

/// Derived by hand from the rows of the file, which tell the streams and not who recorded the events. Twice a convolution
/// goes over to stream 20 and back: its first kernel there waits for what stream 7 was given before, the second for the
/// kernel that stream 7 was given between, and stream 7 goes on after the last of stream 20. The streams 21 to 27 are waited
/// for as well and were given nothing.
#[test]
fn of_the_trace_a100_simple_add() {
    let Some(recording) = traces::load("a100_simple_add.json.gz") else {
        println!("skipped: no folder shared/traces beside the repository");
        return;
    };
    let first = [(5181, 5144), (5188, 5178), (5213, 5190)];
    let second = [(5597, 5560), (5604, 5594), (5629, 5606)];
    assert_eq!(pairs(&recording), [first, second].concat());
}

/// Three streams and a thread that records on one and lets another wait while it launched on the third last: without the
/// stream of the record the wrong kernel is taken.
#[test]
fn the_stream_of_the_record_decides() {
    let run = |on: i64, by: Option<i64>| {
        let mut run = Builder::new("record");
        let rank = run.process(1, None, None);
        for (id, stream) in [(1, 7), (2, 20)] {
            run.call(rank, "main", "cudaLaunchKernel", (10 * id, 10 * id + 2), id);
            run.kernel(rank, (0, stream), "k", (10 * id + 2, 10 * id + 8), Some(id));
        }
        run.call(rank, "main", "cudaEventRecord", (30, 32), 3);
        run.call(rank, "main", "cudaLaunchKernel", (33, 35), 4);
        run.kernel(rank, (0, 7), "k", (36, 38), Some(4));
        run.call(rank, "main", "cudaStreamWaitEvent", (40, 42), 5);
        run.call(rank, "main", "cudaLaunchKernel", (50, 52), 6);
        run.kernel(rank, (0, 30), "k", (60, 70), Some(6));
        waits(&mut run, rank, (30, 5), on, by);
        pairs(&run.recording)
    };
    assert_eq!(run(20, Some(3)), [(6, 2)]);
    assert_eq!(run(7, Some(3)), [(6, 1)], "what came after the record is not waited for");
    assert_eq!(run(7, None), [(6, 4)], "recorded at some time before the wait");
    assert_eq!(run(30, Some(3)), [], "a stream's own order needs no event");
    assert_eq!(run(99, Some(3)), [], "a stream that was given nothing");
}

/// A stream that is only told to wait hands on what it waits for: 7 → 99 → 30.
#[test]
fn a_stream_without_operations_hands_on_what_it_waits_for() {
    let mut run = Builder::new("record");
    let rank = run.process(1, None, None);
    run.call(rank, "main", "cudaLaunchKernel", (0, 2), 1);
    run.kernel(rank, (0, 7), "k", (2, 80), Some(1));
    for (id, name) in [
        (2, "cudaEventRecord"),
        (3, "cudaStreamWaitEvent"),
        (4, "cudaEventRecord"),
        (5, "cudaStreamWaitEvent"),
    ] {
        run.call(rank, "main", name, (10 * id, 10 * id + 2), id);
    }
    run.call(rank, "main", "cudaLaunchKernel", (60, 62), 6);
    run.kernel(rank, (0, 30), "k", (82, 90), Some(6));
    waits(&mut run, rank, (99, 3), 7, Some(2));
    waits(&mut run, rank, (30, 5), 99, Some(4));
    assert_eq!(pairs(&run.recording), [(6, 1)]);
    run.call(rank, "main", "cudaStreamWaitEvent", (55, 56), 7);
    waits(&mut run, rank, (99, 7), 30, Some(2));
    assert_eq!(pairs(&run.recording), [(6, 1)], "what was told after the record is not handed on");
}

/// The host waits for an event that was recorded on a stream which had only been told to wait itself.
#[test]
fn the_host_waits_for_the_stream_that_the_event_was_recorded_on() {
    let mut run = Builder::new("record");
    let rank = run.process(1, None, None);
    run.call(rank, "main", "cudaLaunchKernel", (0, 2), 1);
    run.kernel(rank, (0, 7), "slow", (2, 80), Some(1));
    run.call(rank, "main", "cudaLaunchKernel", (3, 5), 2);
    run.kernel(rank, (0, 20), "other", (5, 79), Some(2));
    run.call(rank, "main", "cudaEventRecord", (10, 12), 3);
    run.call(rank, "main", "cudaEventSynchronize", (20, 90), 4);
    run.recording.synchronizations.push(Synchronization {
        process_id: rank,
        kind: WaitKind::Event,
        correlation: Some(4),
        recorded_by: Some(3),
        recorded_on: Some(7),
        ..Synchronization::default()
    });
    let waited = |recording: &Recording| {
        let path = analyse(recording, Rules::built_in())[0].critical_path(recording, None);
        path.segments.iter().find(|segment| segment.kind == PathKind::Kernel).unwrap().row
    };
    assert_eq!(waited(&run.recording), Some(PathRow::Kernel(0)));
    run.recording.synchronizations.change(0, |row| row.recorded_on = Some(20));
    assert_eq!(waited(&run.recording), Some(PathRow::Kernel(1)));
}

/// Holistic Trace Analysis 0.5 on the second `measure|forward` of this trace: six operations, 508 µs of work and 9 µs between
/// them, end its path, after a launch that took 17 µs from the start of its call. Its path ends with the last operation; seen
/// up to there, ours is the same on the GPU. Seen up to the end of the range, 661 µs later, no operation held anything up.
#[test]
fn as_holistic_trace_analysis_sees_a100_simple_add() {
    let Some(recording) = traces::load("a100_simple_add.json.gz") else {
        println!("skipped: no folder shared/traces beside the repository");
        return;
    };
    let rank = &analyse(&recording, Rules::built_in())[0];
    let name = "[param|pytorch.model.alex_net|0|0|0|measure|forward]";
    let range = recording
        .ranges
        .iter()
        .filter(|range| recording.strings.get(range.name_id) == name)
        .nth(1)
        .unwrap();
    let time_of = |end: Timestamp, kinds: &[PathKind]| {
        let path = rank.critical_path(&recording, Some((range.start_ns, end)));
        let of_kind = path.segments.iter().filter(|segment| kinds.contains(&segment.kind));
        let times: Vec<i64> = of_kind.map(|segment| segment.end_ns - segment.start_ns).collect();
        (times.len(), times.iter().sum::<i64>())
    };
    let last = Timestamp::from_unix_nanos(1_694_040_010_096_880_000);
    assert_eq!(time_of(last, &[PathKind::Kernel, PathKind::Copy]), (6, 508_000));
    assert_eq!(time_of(last, &[PathKind::Wait]), (5, 9_000));
    let end = range.end_ns;
    assert_eq!(time_of(end, &[PathKind::Host]).1, end.unix_nanos() - range.start_ns.unix_nanos());
}
