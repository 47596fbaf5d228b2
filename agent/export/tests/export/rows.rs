//! The events of a recording as texts that say everything, without ids, which mean nothing in another recording.

use std::collections::BTreeMap;

use perfagent_recording::{
    CounterId, DeviceId, HostId, ProcessId, Recording, StreamId, StringId, ThreadId,
};

/// Sorted rows by table.
pub(crate) type Rows = BTreeMap<&'static str, Vec<String>>;

struct Names<'a>(&'a Recording);

impl Names<'_> {
    fn text(&self, id: StringId) -> &str {
        self.0.strings.get(id)
    }

    /// No text is as good as an empty one.
    fn some(&self, id: Option<StringId>) -> &str {
        id.map_or("", |id| self.text(id))
    }

    fn host(&self, id: HostId) -> String {
        format!("{:?}", self.0.hosts.get(usize::try_from(id.0 - 1).unwrap()))
    }

    /// A process by all that is known of it but its machine's number.
    fn process(&self, id: ProcessId) -> String {
        let process = self.0.process(id).unwrap();
        format!("{:?} {:?} {}", process.rank, process.pid, process.name)
    }

    fn thread(&self, id: ThreadId) -> String {
        let thread = self.0.thread(id).unwrap();
        format!("{} thread {} {}", self.process(thread.process_id), thread.tid, thread.name)
    }

    fn device(&self, id: DeviceId) -> String {
        let device = self.0.device(id).unwrap();
        let process = self.process(device.process_id);
        format!("{process} GPU {} {:?} {:?}", device.ordinal, device.uuid, device.total_bytes)
    }

    fn stream(&self, id: StreamId) -> String {
        let stream = self.0.stream(id).unwrap();
        let device = self.device(stream.device_id);
        let of = (stream.stream, stream.context, &stream.name, stream.priority, &stream.kind);
        format!("{device} stream {of:?}")
    }

    fn counter(&self, id: CounterId) -> String {
        let counter = &self.0.counters[usize::try_from(id.0 - 1).unwrap()];
        let process = counter.process_id.map(|id| self.process(id));
        let device = counter.device_id.map(|id| self.device(id));
        let host = self.host(counter.host_id);
        let of = (&counter.name, &counter.unit, counter.gpu_index);
        format!("{host} {process:?} {device:?} {of:?}")
    }
}

/// All events.
pub(crate) fn rows(recording: &Recording) -> Rows {
    let names = Names(recording);
    let mut rows = Rows::new();
    rows.insert(
        "kernels",
        recording
            .kernels
            .iter()
            .map(|row| {
                let (stream, name) = (names.stream(row.stream_id), names.text(row.name_id));
                let sizes = [
                    row.grid_x,
                    row.grid_y,
                    row.grid_z,
                    row.block_x,
                    row.block_y,
                    row.block_z,
                    row.registers,
                ];
                let shared = (row.static_shared_bytes, row.dynamic_shared_bytes);
                let links = (row.correlation, row.graph, row.graph_node);
                format!(
                    "{stream} {:?} {name} {links:?} {sizes:?} {shared:?}",
                    (row.start_ns, row.end_ns)
                )
            })
            .collect(),
    );
    rows.insert(
        "copies",
        recording
            .copies
            .iter()
            .map(|row| {
                let links = (row.correlation, row.graph, row.graph_node);
                format!(
                    "{} {:?} {links:?} {:?} {}",
                    names.stream(row.stream_id),
                    (row.start_ns, row.end_ns),
                    row.kind,
                    row.bytes
                )
            })
            .collect(),
    );
    rows.insert(
        "api_calls",
        recording
            .api_calls
            .iter()
            .map(|row| {
                let (thread, name) = (names.thread(row.thread_id), names.text(row.name_id));
                format!(
                    "{thread} {:?} {name} {:?} {:?}",
                    (row.start_ns, row.end_ns),
                    row.correlation,
                    row.result
                )
            })
            .collect(),
    );
    rows.insert(
        "synchronizations",
        recording
            .synchronizations
            .iter()
            .map(|row| {
                let of = (
                    row.context,
                    row.stream,
                    row.event,
                    row.correlation,
                    row.recorded_by,
                    row.recorded_on,
                );
                format!(
                    "{} {:?} {:?} {of:?}",
                    names.process(row.process_id),
                    (row.start_ns, row.end_ns),
                    row.kind
                )
            })
            .collect(),
    );
    rows.insert(
        "kernel_counters",
        recording
            .kernel_counters
            .iter()
            .map(|row| {
                let device = row.device_id.map(|id| names.device(id));
                let texts = [row.name_id, row.metric_id].map(|id| names.text(id));
                format!(
                    "{} {device:?} {:?} {} {texts:?} {:?} {:?}",
                    names.process(row.process_id),
                    (row.start_ns, row.end_ns),
                    row.range_index,
                    row.value,
                    row.correlation
                )
            })
            .collect(),
    );
    rows.insert(
        "ranges",
        recording
            .ranges
            .iter()
            .map(|row| {
                let texts = [row.domain_id, row.category_id, row.name_id].map(|id| names.text(id));
                let of = (row.depth, row.color, row.payload, row.open);
                format!(
                    "{} {:?} {texts:?} {of:?}",
                    names.thread(row.thread_id),
                    (row.start_ns, row.end_ns)
                )
            })
            .collect(),
    );
    rows.insert(
        "marks",
        recording
            .marks
            .iter()
            .map(|row| {
                let texts = [row.domain_id, row.category_id, row.name_id].map(|id| names.text(id));
                format!(
                    "{} {:?} {texts:?} {:?}",
                    names.thread(row.thread_id),
                    row.time_ns,
                    row.payload
                )
            })
            .collect(),
    );
    rows.insert(
        "operators",
        recording
            .operators
            .iter()
            .map(|row| {
                let texts =
                    (names.text(row.name_id), names.text(row.shapes_id), names.some(row.types_id));
                let of = (row.depth, row.flops, row.sequence, row.open);
                format!(
                    "{} {:?} {texts:?} {of:?}",
                    names.thread(row.thread_id),
                    (row.start_ns, row.end_ns)
                )
            })
            .collect(),
    );
    rows.insert(
        "collectives",
        recording
            .collectives
            .iter()
            .map(|row| {
                let process = names.process(row.process_id);
                let thread = row.thread_id.map(|id| names.thread(id));
                let stream = row.stream_id.map(|id| names.stream(id));
                let texts =
                    [row.op_id, row.dtype_id, row.group_id, row.source_id].map(|id| names.text(id));
                let of = (
                    row.bytes,
                    row.group_size,
                    row.sequence,
                    row.open,
                    row.timing,
                    row.enqueued_ns,
                    row.correlation,
                );
                format!(
                    "{process} {thread:?} {stream:?} {:?} {texts:?} {of:?}",
                    (row.start_ns, row.end_ns)
                )
            })
            .collect(),
    );
    rows.insert(
        "memory",
        recording
            .memory
            .iter()
            .map(|row| {
                let device = row.device_id.map(|id| names.device(id));
                let sizes = (
                    row.bytes,
                    row.address,
                    row.allocated_bytes,
                    row.reserved_bytes,
                    row.device_bytes,
                );
                let texts =
                    (names.text(row.source_id), names.some(row.kind_id), names.some(row.site_id));
                format!(
                    "{} {device:?} {:?} {sizes:?} {texts:?} {:?}",
                    names.process(row.process_id),
                    row.time_ns,
                    row.correlation
                )
            })
            .collect(),
    );
    rows.insert(
        "counter_samples",
        recording
            .counter_samples
            .iter()
            .map(|row| {
                format!("{} {:?} {:?}", names.counter(row.counter_id), row.time_ns, row.value)
            })
            .collect(),
    );
    for rows in rows.values_mut() {
        rows.sort();
    }
    rows
}

/// Compares the events of two recordings, and says which differ.
pub(crate) fn assert_same(what: &str, before: &Recording, after: &Recording) -> usize {
    let (before, after) = (rows(before), rows(after));
    for (table, before) in &before {
        let after = &after[table];
        if before == after {
            continue;
        }
        let only = |rows: &[String], other: &[String]| -> Vec<String> {
            rows.iter().filter(|row| other.binary_search(row).is_err()).take(3).cloned().collect()
        };
        panic!(
            "{what}: {table}: {} rows before, {} after; only before {:#?}; only after {:#?}",
            before.len(),
            after.len(),
            only(before, after),
            only(after, before)
        );
    }
    before.values().map(Vec::len).sum()
}
