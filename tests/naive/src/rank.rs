//! Which processes are ranks, and all figures of one.

use serde_json::{Value, json};

use crate::cover::{self, Class};
use crate::file::{Call, File, Measured, Operation, Span};
use crate::host::{self, Host};
use crate::rule::Rules;
use crate::{collective, counter, gpu, memory, queue, step};

/// What a process did.
struct Process {
    id: i64,
    pid: i64,
    rank: Option<i64>,
    world_size: Option<i64>,
    operations: Vec<Operation>,
    operators: Vec<Span>,
    ranges: Vec<Span>,
    calls: Vec<Call>,
    measured: Vec<Measured>,
}

/// Processes with GPU operations; where nothing in the file has any, processes that did something on the host. Also those with
/// hardware counters, and those of which only the memory of a GPU is known.
pub(crate) fn ranks(file: &File) -> Vec<Value> {
    let rules = Rules::read();
    let processes: Vec<Process> = file
        .processes()
        .into_iter()
        .map(|(id, pid, rank, world_size)| Process {
            id,
            pid,
            rank,
            world_size,
            operations: file.operations(id),
            operators: file.operators(id),
            ranges: file.ranges(id),
            calls: file.collectives(id),
            measured: file.measured(id),
        })
        .collect();
    let on_gpu = processes.iter().any(|process| !process.operations.is_empty());
    let mut ranks = Vec::new();
    for process in processes {
        let did_something = !process.operators.is_empty()
            || !process.ranges.is_empty()
            || !process.calls.is_empty();
        if is_memory_only(file, &process) || (on_gpu && !process.operations.is_empty()) {
            ranks.push(of_gpu(file, &process, &rules));
        } else if (!on_gpu && did_something) || !process.measured.is_empty() {
            ranks.push(of_host(file, &process, &rules));
        }
    }
    ranks
}

fn is_memory_only(file: &File, process: &Process) -> bool {
    let nothing = process.operations.is_empty()
        && process.operators.is_empty()
        && process.calls.is_empty()
        && process.measured.is_empty();
    nothing
        && !file.has_api_calls(process.id)
        && file
            .memory(process.id)
            .iter()
            .any(|row| row.device.is_some() && row.allocated.is_some() && row.bytes.is_some())
}

fn of_gpu(file: &File, process: &Process, rules: &Rules) -> Value {
    let operations = &process.operations;
    let first = operations.iter().map(|operation| operation.start).min();
    let last = operations.iter().map(|operation| operation.end).max();
    let mut rank = common(file, process, rules, true);
    times(&mut rank, &gpu::stretches(operations, rules), first.zip(last));
    rank["idle_causes"] = gpu::idle_causes(operations).into();
    rank["kernels"] = gpu::kernels(operations, rules).into();
    rank["copies"] = gpu::copies(operations).into();
    rank["launch"] = gpu::launch(operations);
    rank["queue"] = queue::rows(operations).into();
    rank
}

fn of_host(file: &File, process: &Process, rules: &Rules) -> Value {
    let steps = step::steps(&process.ranges, &process.operators);
    let are_ranges = process.operators.is_empty();
    let spans = if are_ranges { &process.ranges } else { &process.operators };
    let Host { stretches, extent, kernels } =
        host::host(spans, are_ranges, &steps, &process.calls, rules);
    let mut rank = common(file, process, rules, false);
    times(&mut rank, &stretches, extent);
    rank["idle_causes"] = json!([]);
    rank["kernels"] = kernels.into();
    rank["copies"] = json!([]);
    rank["launch"] = gpu::launch(&[]);
    rank
}

fn common(file: &File, process: &Process, rules: &Rules, on_gpu: bool) -> Value {
    let (steps, step) = step::rows(&step::steps(&process.ranges, &process.operators));
    let mut rank = json!({
        "process_id": process.id,
        "pid": process.pid,
        "rank": process.rank,
        "world_size": process.world_size,
        "collectives": collective::rows(&process.calls, &process.ranges),
        "memory": memory::peaks(file, process.id, on_gpu),
        "operators": host::operators(&process.operators, rules),
        "steps": steps,
        "step": step,
    });
    if !process.measured.is_empty() {
        rank["kernel_counters"] = counter::counters(&process.measured, &process.operators);
    }
    rank
}

fn times(rank: &mut Value, stretches: &[(i64, i64, Class)], extent: Option<(i64, i64)>) {
    let times = cover::times(stretches);
    let span = extent.map_or(0, |(first, last)| last - first);
    rank["span_ns"] = span.into();
    rank["busy_ns"] = times.busy.into();
    rank["idle_ns"] = (span - times.busy).into();
    rank["compute_ns"] = times.compute.into();
    rank["comm_ns"] = times.comm.into();
    rank["copy_ns"] = times.copy.into();
    rank["exposed_comm_ns"] = times.exposed_comm.into();
    rank["exposed_copy_ns"] = times.exposed_copy.into();
    let overlap = (times.comm > 0).then(|| 100.0 * times.both as f64 / times.comm as f64);
    rank["overlap_pct"] = overlap.into();
}
