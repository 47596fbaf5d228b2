//! Random recordings.

use perfagent_recording::table::{Collective, CopyKind, MemoryEvent, Timing};
use perfagent_recording::{ProcessId, Recording};
use proptest::prelude::*;

use crate::builder::{Builder, at};

const OTHER_TEXTS: [&str; 6] =
    ["perfagent", "all_gather", "all_reduce", "float32", "world", "pool"];

const NAMES: [&str; 12] = [
    "sgemm",
    "ncclDevKernel_AllReduce_Sum_f32",
    "flash_fwd",
    "elementwise",
    "aten::mm",
    "data",
    "step",
    "ProfilerStep#3",
    "step 7",
    "c10d::allreduce_",
    "ncclGroupStart",
    "ncclGroupEnd",
];

/// One row: its number, which decides what is in the columns that nothing else decides; (kind, rank, lane, start, length, name).
pub(crate) type Event = (i64, (u8, i64, u8, i64, i64, usize));

/// Rows of all kinds, with numbers in order.
pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    let length = prop_oneof![3 => 0_i64..60, 1 => 0_i64..60_000];
    let start = prop_oneof![3 => 0_i64..300, 1 => 0_i64..100_000];
    let event = (0_u8..10, 0_i64..3, 0_u8..3, start, length, 0..NAMES.len());
    proptest::collection::vec(event, 0..60).prop_map(|events| (0..).zip(events).collect())
}

/// The rows of these ranks of three. The tables of names and threads are always the same.
pub(crate) fn recording(events: &[Event], gpu: bool, ranks: &[i64]) -> Recording {
    let mut run = Builder::new("record");
    for text in NAMES.iter().chain(&OTHER_TEXTS) {
        run.text(text);
    }
    let processes: Vec<(i64, ProcessId)> =
        ranks.iter().map(|&rank| (rank, run.process(rank + 1, Some(rank), Some(3)))).collect();
    for &(_, process) in &processes {
        for lane in 0..3 {
            run.thread(process, &lane.to_string());
            run.stream(process, lane, lane);
        }
    }
    for &(id, (kind, rank, lane, start, length, name)) in events {
        let Some(&(_, process)) = processes.iter().find(|&&(number, _)| number == rank) else {
            continue;
        };
        let span = (start, start + length);
        let (tid, number) = (lane.to_string(), i64::from(lane));
        let name = NAMES[name];
        match kind {
            0 | 1 if gpu => run.kernel(process, (number / 2, number), name, span, Some(id)),
            2 if gpu => {
                let kind = if lane == 0 { CopyKind::DtoD } else { CopyKind::Memset };
                run.copy(process, (0, number), (kind, length), span, Some(id / 2));
            }
            3 => {
                let domain = if lane == 0 { "perfagent" } else { "" };
                let depth = (id % 4 != 0).then_some(id % 3);
                run.range(process, &tid, (domain, name, (id % 5 == 0).then_some(id)), span, depth);
            }
            4 => run.api_call(process, start, start + length, id / 2),
            5 => collective(&mut run, process, (&tid, id), span),
            6 => memory(&mut run, process, (number, id), start),
            7 => counters(&mut run, process, (&tid, id), (name, span)),
            _ => run.operator(process, &tid, name, span),
        }
    }
    run.recording
}

const METRICS: [&str; 4] = [
    "smsp__sass_thread_inst_executed_op_ffma_pred_on.sum",
    "smsp__sass_thread_inst_executed_op_fadd_pred_on.sum",
    "dram__bytes_read.sum",
    "dram__bytes_write.sum",
];

/// A launch and the hardware counters of its kernel; of some the launch, of some a counter is not known.
fn counters(
    run: &mut Builder,
    process: ProcessId,
    (tid, id): (&str, i64),
    (name, span): (&str, (i64, i64)),
) {
    let correlation = 1000 + id;
    run.call(process, tid, "cudaLaunchKernel", span, correlation);
    for (number, metric) in (0..).zip(METRICS).filter(|(number, _)| id % 7 != *number) {
        // Quarters add up exactly.
        let value = (id * 4099 + span.0 * number) as f64 / if id % 3 == 0 { 4.0 } else { 1.0 };
        let launch = (id % 5 != 0).then_some(correlation);
        run.kernel_counter(process, (id, name), (metric, value), launch);
    }
}

fn collective(
    run: &mut Builder,
    process: ProcessId,
    (tid, id): (&str, i64),
    (start, end): (i64, i64),
) {
    let timings = [Timing::Call, Timing::Kernel, Timing::Enqueue, Timing::Length];
    let timing = timings[id as usize % 4];
    let row = Collective {
        process_id: process,
        thread_id: (id % 7 != 0).then(|| run.thread(process, tid)),
        start_ns: at(start),
        end_ns: at(end),
        op_id: run.text(if id % 3 == 0 { "all_gather" } else { "all_reduce" }),
        dtype_id: run.text(if id % 4 == 0 { "" } else { "float32" }),
        group_id: run.text(if id % 5 == 0 { "" } else { "world" }),
        group_size: (id % 6 != 0).then_some(3),
        bytes: (id % 8 != 0).then_some(end - start),
        open: id % 9 == 0,
        timing,
        enqueued_ns: (timing == Timing::Kernel && id % 2 == 1).then_some(at(start - 3)),
        correlation: (id % 3 == 1).then_some(id / 9),
        ..Collective::default()
    };
    run.recording.collectives.push(row);
}

fn memory(run: &mut Builder, process: ProcessId, (device, id): (i64, i64), time: i64) {
    let kind_id = (id % 7 == 0).then(|| run.text("pool"));
    let row = MemoryEvent {
        process_id: process,
        device_id: (device > 0).then(|| run.device(process, device)),
        time_ns: at(time),
        bytes: (id % 2 == 0).then_some(time - 100),
        allocated_bytes: (id % 3 == 0).then_some(time),
        reserved_bytes: (id % 5 == 0).then_some(2 * time),
        device_bytes: (id % 11 == 0).then_some(3 * time),
        kind_id,
        ..MemoryEvent::default()
    };
    run.recording.memory.push(row);
}
