//! Why GPUs idled, which calls waited for them, and what held their clocks down.

use perfagent_analysis::report;
use perfagent_analysis::report::{GapCause, GapRow, Rank};
use perfagent_recording::table::{
    CopyKind, Counter, CounterSample, Gpu, Note, Synchronization, WaitKind,
};
use perfagent_recording::{CounterId, HostId, ProcessId};

use crate::builder::{Builder, at};

const STREAM: (i64, i64) = (0, 7);

fn rank(run: &Builder) -> Rank {
    report(&run.recording, "run.perfdb").ranks.remove(0)
}

fn row(rank: &Rank, cause: GapCause) -> Option<GapRow> {
    rank.gaps.as_ref().unwrap().causes.iter().find(|row| row.cause == cause).copied()
}

/// Count and time.
fn sum(rank: &Rank, cause: GapCause) -> (i64, i64) {
    row(rank, cause).map_or((0, 0), |row| (row.count, row.total_ns))
}

/// A process with one kernel from 0 to 1000, launched in time.
fn begun() -> (Builder, ProcessId) {
    let mut run = Builder::new("record");
    let process = run.process(1, Some(0), Some(1));
    run.kernel(process, STREAM, "first", (0, 1000), Some(1));
    run.call(process, "main", "cudaLaunchKernel", (-50, -40), 1);
    (run, process)
}

#[test]
fn every_gap_has_its_cause() {
    let (mut run, process) = begun();
    // Launched 500 ns after the GPU had nothing left.
    run.call(process, "main", "cudaLaunchKernel", (1500, 1600), 2);
    run.kernel(process, STREAM, "late", (2000, 3000), Some(2));
    // Launched long before.
    run.call(process, "main", "cudaLaunchKernel", (1610, 1620), 3);
    run.kernel(process, STREAM, "in time", (3400, 4000), Some(3));
    run.call(process, "main", "cudaLaunchKernel", (1630, 1640), 4);
    run.kernel(process, (0, 9), "after another stream", (50_000, 60_000), Some(4));
    run.kernel(process, STREAM, "from nowhere", (90_000, 91_000), None);
    let rank = rank(&run);
    assert_eq!(sum(&rank, GapCause::LateLaunch), (1, 1000));
    assert_eq!(sum(&rank, GapCause::Turnaround), (1, 400));
    assert_eq!(sum(&rank, GapCause::Other), (1, 46_000));
    assert_eq!(sum(&rank, GapCause::Unlinked), (1, 30_000));
    assert_eq!(sum(&rank, GapCause::Synchronization), (0, 0));
    let gaps = rank.gaps.unwrap();
    assert_eq!((gaps.start_ns, gaps.window_ns, gaps.idle_ns), (0, 91_000, 77_400));
    assert_eq!(gaps.causes[0].cause, GapCause::Other, "the greatest first");
    assert_eq!((gaps.causes[0].longest_start_ns, gaps.causes[0].longest_ns), (4000, 46_000));
}

#[test]
fn streams_that_overlap_leave_no_gap() {
    let (mut run, process) = begun();
    run.kernel(process, (0, 9), "beside", (900, 5000), None);
    run.kernel(process, STREAM, "later", (4000, 6000), None);
    assert_eq!(rank(&run).gaps.unwrap().idle_ns, 0);
}

#[test]
fn a_gap_is_behind_a_wait_that_saw_the_gpu_run_out_of_work() {
    let (mut run, process) = begun();
    // Waits for the kernel, and comes back 100 ns after its end; the next launch is 900 ns later.
    run.call(process, "main", "cudaStreamSynchronize_v3020", (400, 1100), 2);
    run.call(process, "main", "cudaLaunchKernel", (2000, 2010), 3);
    run.kernel(process, STREAM, "second", (2500, 3000), Some(3));
    // This one begins when the GPU idles already: the launch is late anyway.
    run.call(process, "main", "cudaDeviceSynchronize", (3100, 3200), 4);
    run.call(process, "main", "cudaLaunchKernel", (3300, 3310), 5);
    run.kernel(process, STREAM, "third", (3500, 4000), Some(5));
    let rank = rank(&run);
    assert_eq!(sum(&rank, GapCause::Synchronization), (1, 1500));
    assert_eq!(row(&rank, GapCause::Synchronization).unwrap().waited_ns, 700, "of 1500");
    assert_eq!(sum(&rank, GapCause::LateLaunch), (1, 500));
    let waits: Vec<_> =
        rank.host_waits.iter().map(|row| (&*row.name, row.count, row.total_ns)).collect();
    assert_eq!(waits, [("cudaStreamSynchronize_v3020", 1, 700), ("cudaDeviceSynchronize", 1, 100)]);
}

#[test]
fn a_copy_that_holds_its_call_up_is_a_wait() {
    let (mut run, process) = begun();
    run.call(process, "main", "cudaMemcpyAsync", (100, 1300), 2);
    run.copy(process, STREAM, (CopyKind::DtoH, 4), (1010, 1200), Some(2));
    // From pinned memory: the call is over long before.
    run.call(process, "main", "cudaMemcpyAsync", (1310, 1320), 3);
    run.copy(process, STREAM, (CopyKind::HtoD, 4), (1400, 1500), Some(3));
    let rank = rank(&run);
    assert_eq!(rank.host_waits.len(), 1);
    assert_eq!(rank.host_waits[0].name, "cudaMemcpyAsync (DtoH)");
    assert_eq!(sum(&rank, GapCause::Synchronization), (1, 200));
}

#[test]
fn waits_without_their_calls_count_once_and_those_of_streams_not_at_all() {
    let (mut run, process) = begun();
    run.call(process, "main", "cudaStreamSynchronize", (500, 1100), 2);
    for (kind, correlation) in [
        (WaitKind::Stream, Some(2)),
        (WaitKind::Context, Some(3)),
        (WaitKind::Event, None),
        (WaitKind::StreamEvent, None),
    ] {
        run.recording.synchronizations.push(Synchronization {
            process_id: process,
            start_ns: at(600),
            end_ns: at(650),
            kind,
            correlation,
            ..Synchronization::default()
        });
    }
    let names: Vec<_> = rank(&run).host_waits.into_iter().map(|row| row.name).collect();
    assert_eq!(names, ["cudaStreamSynchronize", "(context)", "(event)"]);
}

#[test]
fn loading_of_data_is_taken_off_and_steps_bound_the_time() {
    let (mut run, process) = begun();
    run.range(process, "main", ("", "step", Some(0)), (500, 4000), Some(0));
    run.range(process, "main", ("", "data", None), (1000, 1400), Some(1));
    run.call(process, "main", "cudaLaunchKernel", (1500, 1510), 2);
    run.kernel(process, STREAM, "second", (2000, 3000), Some(2));
    run.kernel(process, STREAM, "behind the step", (9000, 9100), None);
    let rank = rank(&run);
    assert_eq!(sum(&rank, GapCause::LateLaunch), (1, 600), "1000 to 2000 but 400 of data");
    assert_eq!(sum(&rank, GapCause::Turnaround), (1, 1000), "the step's end");
    let gaps = rank.gaps.as_ref().unwrap();
    assert_eq!((gaps.start_ns, gaps.window_ns), (500, 3500));
    assert_eq!((gaps.idle_ns, gaps.data_ns), (2000, 400));
    assert_eq!(gaps.idle_ns, rank.training.idle_ns + rank.training.data_ns);
}

#[test]
fn short_kernels_and_what_is_lost_before_them_are_counted() {
    let (mut run, process) = begun();
    for (id, launched, span) in [
        (2, 1200, (2000, 2500)),
        (3, 2600, (3000, 33_000)),
        // Longer than any launch takes: not the kernel's fault.
        (4, 1_500_000, (2_000_000, 2_000_010)),
    ] {
        run.call(process, "main", "cudaLaunchKernel", (launched, launched + 5), id);
        run.kernel(process, STREAM, "some", span, Some(id));
    }
    let rank = rank(&run);
    let short = rank.gaps.as_ref().unwrap().short;
    assert_eq!((short.count, short.total_ns, short.of), (3, 1510, 4));
    let late = row(&rank, GapCause::LateLaunch).unwrap();
    assert_eq!((late.count, late.total_ns), (3, 1000 + 500 + 1_967_000));
    assert_eq!((late.long, late.long_ns), (1, 1_967_000));
    assert_eq!((late.before_short, late.before_short_ns), (1, 1000));
}

#[test]
fn clocks_are_those_of_the_ranks_gpu_and_idling_is_no_throttling() {
    let (mut run, process) = begun();
    run.kernel(process, STREAM, "last", (9000, 10_000), None);
    let mut series = |name: &str, ordinal: i64, samples: &[(i64, f64)]| {
        let device = run.device(process, ordinal);
        run.recording.counters.push(Counter {
            host_id: HostId(1),
            device_id: Some(device),
            name: name.into(),
            ..Counter::default()
        });
        let counter_id = CounterId(run.recording.counters.len() as i64);
        for &(time, value) in samples {
            let sample = CounterSample { counter_id, time_ns: at(time), value };
            run.recording.counter_samples.push(sample);
        }
    };
    series("sm_clock", 0, &[(0, 2000.0), (3000, 1000.0), (5000, 1400.0), (12_000, 2000.0)]);
    series("throttle_hw_thermal", 0, &[(2000, 1.0), (6000, 0.0), (9500, 1.0), (20_000, 1.0)]);
    series("throttle_idle", 0, &[(0, 1.0), (9000, 0.0)]);
    let rank = rank(&run);
    assert_eq!(rank.clocks.len(), 1);
    let clock = &rank.clocks[0];
    assert_eq!((clock.device, clock.samples, clock.max_mhz), (0, 3, Some(2000.0)));
    assert_eq!(clock.throttling.len(), 1);
    let reason = &clock.throttling[0];
    assert_eq!((&*reason.reason, reason.total_ns), ("hw_thermal", 4500), "500 of it at the end");
    assert_eq!(reason.mean_mhz, Some(1200.0));
    assert_eq!((reason.longest_start_ns, reason.longest_ns), (2000, 4000));
}

/// The recorder's own counters name a GPU by its index on the machine, as no process need use it.
#[test]
fn clocks_of_gpus_that_counters_name_by_index_are_those_of_their_uuid() {
    for told_by_a_note in [false, true] {
        let (mut run, process) = begun();
        run.kernel(process, STREAM, "last", (9000, 10_000), None);
        let own = run.device(process, 0);
        run.recording.devices[own.0 as usize - 1].uuid = Some("GPU-own".into());
        for (index, uuid) in [(0, "GPU-other"), (1, "GPU-own")] {
            // The process sees the second GPU of the machine as its first.
            if told_by_a_note {
                let text = format!("GPU {index}: NVIDIA H200, 150.8 GB, {uuid}");
                run.recording.notes.push(Note { text, ..Note::default() });
            } else {
                run.recording.gpus.push(Gpu {
                    host_id: HostId(1),
                    gpu_index: index,
                    uuid: Some(uuid.into()),
                    power_limit_watts: Some(600.0 + index as f64),
                    most_sm_clock_mhz: Some(1980),
                    ..Gpu::default()
                });
            }
            run.recording.counters.push(Counter {
                host_id: HostId(1),
                gpu_index: Some(index),
                name: "sm_clock".into(),
                ..Counter::default()
            });
            let counter_id = CounterId(run.recording.counters.len() as i64);
            let value = 1000.0 + index as f64;
            run.recording.counter_samples.push(CounterSample { counter_id, time_ns: at(0), value });
        }
        let rank = rank(&run);
        let clocks: Vec<_> = rank.clocks.iter().map(|row| (row.device, row.max_mhz)).collect();
        assert_eq!(clocks, [(0, Some(1001.0))], "told by a note: {told_by_a_note}");
        let device = &rank.devices[0];
        let limits = (device.power_limit_watts, device.most_sm_clock_mhz);
        let expected = if told_by_a_note { (None, None) } else { (Some(601.0), Some(1980)) };
        assert_eq!(limits, expected);
    }
}
