//! Recordings with everything in them that a recording can hold, in every combination.

use std::path::Path;

use perfagent_recording::table::{
    ApiCall, Collective, Context, Copy, CopyKind, Counter, CounterSample, Device, Host, Kernel,
    KernelCounter, Mark, MemoryEvent, Operator, Overhead, Payload, Process, Range, Stream,
    Synchronization, Thread, Timing, WaitKind,
};
use perfagent_recording::{
    CounterId, DeviceId, HostId, ProcessId, StreamId, ThreadId, Timestamp, Writer,
};
use proptest::prelude::*;

use crate::bed::Bed;
use crate::round_trip::check;

const TEXTS: [&str; 12] = [
    "aten::mm",
    "ProfilerStep#4",
    "void f<\"x\">(int)\\",
    "[memory]",
    "größe 日本 🚀\n\t\u{1}",
    "ncclDevKernel_AllReduce_Sum_f32_RING_LL",
    "[[8, 128], [128, 128]]",
    "[\"long int\", \"\"]",
    "[[8,128]]",
    "cuLaunchKernel",
    "torch",
    "nccl",
];
const OPS: [&str; 6] =
    ["all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast", "allreduce"];
const TYPES: [&str; 5] = ["Float", "float32", "BFloat16", "", "strange"];
const KINDS: [CopyKind; 10] = [
    CopyKind::Other,
    CopyKind::HtoD,
    CopyKind::DtoH,
    CopyKind::DtoD,
    CopyKind::HtoH,
    CopyKind::PtoP,
    CopyKind::UnifiedHtoD,
    CopyKind::UnifiedDtoH,
    CopyKind::UnifiedDtoD,
    CopyKind::Memset,
];
const WAITS: [WaitKind; 5] =
    [WaitKind::Other, WaitKind::Event, WaitKind::StreamEvent, WaitKind::Stream, WaitKind::Context];
const TIMINGS: [Timing; 3] = [Timing::Call, Timing::Kernel, Timing::Enqueue];

/// Choices, one after the other; when they are used up the first of everything.
struct Choices(std::vec::IntoIter<u32>);

impl Choices {
    fn below(&mut self, count: usize) -> usize {
        self.0.next().unwrap_or(0) as usize % count
    }

    fn of<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())].clone()
    }

    fn some<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(3) > 0).then(|| value(self))
    }

    fn small(&mut self) -> i64 {
        self.below(5) as i64
    }

    fn size(&mut self) -> i64 {
        self.of(&[0, 1, 7, 4096, 1 << 40, i64::MAX])
    }

    /// Close together, so that spans nest, overlap and are equal.
    fn times(&mut self) -> (Timestamp, Timestamp) {
        let start = 1_772_366_400_000_000_000 + self.below(40) as i64;
        let end = start + self.below(20) as i64;
        (Timestamp::from_unix_nanos(start), Timestamp::from_unix_nanos(end))
    }

    fn payload(&mut self) -> Payload {
        match self.below(4) {
            0 => Payload::None,
            1 => Payload::Integer(self.of(&[0, -5, i64::MIN, i64::MAX])),
            _ => Payload::Real(self.of(&[0.5, 5.0, -1e300, 1e-310, f64::INFINITY])),
        }
    }
}

/// What rows refer to.
struct Places {
    processes: Vec<ProcessId>,
    threads: Vec<(ProcessId, ThreadId)>,
    streams: Vec<(ProcessId, DeviceId, StreamId)>,
    counters: Vec<CounterId>,
}

fn places(writer: &mut Writer, choices: &mut Choices) -> Places {
    let mut places =
        Places { processes: vec![], threads: vec![], streams: vec![], counters: vec![] };
    let hosts: Vec<HostId> = ["node-1", "node-2"]
        .map(|name| writer.insert(&Host { name: name.to_owned(), ..Host::default() }).unwrap())
        .to_vec();
    for index in 0..=choices.below(3) {
        let host_id = choices.of(&hosts);
        let process = Process {
            host_id,
            // Numbers of processes may be those of GPUs, and of processes of other machines.
            pid: choices.of(&[0, 1, 77, 77, 4_194_304, 9_000_000]),
            parent_pid: choices.some(Choices::small),
            rank: choices.some(|_| index as i64),
            local_rank: choices.some(Choices::small),
            world_size: choices.some(Choices::small),
            // Told apart by it where the numbers are equal.
            name: format!("python-{index}"),
            command: "python train.py \"a\"".to_owned(),
            start_ns: Timestamp::from_unix_nanos(1_772_366_400_000_000_000),
            end_ns: choices.some(|choices| choices.times().1),
            exit_code: choices.some(Choices::small),
            exit_signal: choices.some(Choices::small),
        };
        let process_id: ProcessId = writer.insert(&process).unwrap();
        places.processes.push(process_id);
        for name in ["", "worker", "worker"] {
            let tid = choices.of(&[0, 1, 77, 6_000_000, -3]);
            let thread = Thread { process_id, tid, name: name.to_owned() };
            places.threads.push((process_id, writer.insert(&thread).unwrap()));
        }
        for ordinal in 0..2 {
            let device = Device {
                process_id,
                ordinal,
                uuid: choices.some(|_| "GPU-1".to_owned()),
                name: "NVIDIA H200".to_owned(),
                total_bytes: choices.some(Choices::size),
                sm_count: Some(132),
                cc_major: Some(9),
                cc_minor: None,
            };
            let device_id: DeviceId = writer.insert(&device).unwrap();
            for (context, stream) in [(Some(1), 7), (Some(2), 7), (None, 7), (Some(1), 13)] {
                let stream = Stream {
                    process_id,
                    device_id,
                    stream,
                    context,
                    name: choices.of(&["", "side"]).to_owned(),
                    priority: choices.some(Choices::small),
                    kind: choices.some(|_| "default".to_owned()),
                };
                let id = writer.insert(&stream).unwrap();
                places.streams.push((process_id, device_id, id));
            }
            let context = Context { process_id, device_id, context: ordinal + 1, null_stream: 7 };
            writer.append(&context).unwrap();
            for process_id in [Some(process_id), None] {
                let counter = Counter {
                    host_id,
                    process_id,
                    device_id: process_id.and_then(|_| choices.some(|_| device_id)),
                    gpu_index: choices.some(Choices::small),
                    name: choices.of(&["power", "cpu"]).to_owned(),
                    unit: "W".to_owned(),
                };
                places.counters.push(writer.insert(&counter).unwrap());
            }
        }
    }
    places
}

fn write(path: &Path, choices: &mut Choices, rows: usize) {
    let mut writer = Writer::create(path).unwrap();
    let places = places(&mut writer, choices);
    let text = |writer: &mut Writer, text: &str| writer.string(text).unwrap();
    let mut kernels = Vec::new();
    for row in 0..rows {
        let (start_ns, end_ns) = choices.times();
        let (process_id, thread_id) = choices.of(&places.threads);
        let name_id = text(&mut writer, choices.of(&TEXTS));
        let some = |choices: &mut Choices, writer: &mut Writer| {
            choices.some(|choices| writer.string(choices.of(&TEXTS)).unwrap())
        };
        match choices.below(12) {
            0 | 1 => {
                let (process_id, device_id, stream_id) = choices.of(&places.streams);
                let kernel = Kernel {
                    process_id,
                    device_id,
                    stream_id,
                    start_ns,
                    end_ns,
                    name_id,
                    correlation: choices.some(Choices::small),
                    grid_x: choices.some(|_| 8),
                    grid_y: choices.some(|_| 1),
                    grid_z: choices.some(|_| 1),
                    block_x: choices.some(|_| 256),
                    block_y: None,
                    block_z: None,
                    registers: choices.some(|_| 90),
                    static_shared_bytes: choices.some(|_| 1024),
                    dynamic_shared_bytes: choices.some(|_| 0),
                    graph: choices.some(|_| 5),
                    graph_node: choices.some(|_| 6),
                };
                kernels.push(kernel.clone());
                writer.append(&kernel).unwrap();
            }
            2 => {
                let (process_id, device_id, stream_id) = choices.of(&places.streams);
                let kind = choices.of(&KINDS);
                let copy = Copy {
                    process_id,
                    device_id,
                    stream_id,
                    start_ns,
                    end_ns,
                    kind,
                    bytes: choices.size(),
                    correlation: choices.some(Choices::small),
                    graph: choices.some(|_| 5),
                    graph_node: choices.some(|_| 6),
                };
                writer.append(&copy).unwrap();
            }
            3 => {
                let correlation = choices.some(Choices::small);
                let result = choices.some(Choices::small);
                let call = ApiCall {
                    process_id,
                    thread_id,
                    start_ns,
                    end_ns,
                    name_id,
                    correlation,
                    result,
                };
                writer.append(&call).unwrap();
            }
            4 => {
                let wait = Synchronization {
                    process_id,
                    start_ns,
                    end_ns,
                    kind: choices.of(&WAITS),
                    context: 1 + choices.small(),
                    stream: choices.some(|_| 7),
                    event: choices.some(|choices| choices.of(&[0, 9, i64::from(u32::MAX)])),
                    correlation: choices.some(Choices::small),
                    recorded_by: choices.some(Choices::small),
                    recorded_on: choices.some(Choices::small),
                };
                writer.append(&wait).unwrap();
            }
            5 => {
                let range = Range {
                    process_id,
                    thread_id,
                    start_ns,
                    end_ns,
                    depth: choices.some(Choices::small),
                    domain_id: some(choices, &mut writer).unwrap_or_default(),
                    category_id: some(choices, &mut writer).unwrap_or_default(),
                    name_id,
                    color: choices.some(|_| 0xff00_00ff),
                    payload: choices.payload(),
                    open: choices.below(2) == 1,
                };
                writer.append(&range).unwrap();
            }
            6 => {
                let mark = Mark {
                    process_id,
                    thread_id,
                    time_ns: start_ns,
                    domain_id: some(choices, &mut writer).unwrap_or_default(),
                    category_id: some(choices, &mut writer).unwrap_or_default(),
                    name_id,
                    payload: choices.payload(),
                };
                writer.append(&mark).unwrap();
            }
            7 => {
                let operator = Operator {
                    process_id,
                    thread_id,
                    start_ns,
                    end_ns,
                    depth: choices.small(),
                    name_id,
                    shapes_id: some(choices, &mut writer).unwrap_or_default(),
                    types_id: some(choices, &mut writer),
                    flops: choices.some(Choices::size),
                    sequence: choices.some(Choices::size),
                    open: choices.below(2) == 1,
                };
                writer.append(&operator).unwrap();
            }
            8 => collective(&mut writer, choices, &places, &kernels),
            9 => {
                let (_, device_id, _) = choices.of(&places.streams);
                let of_device = places.streams.iter().find(|stream| stream.1 == device_id);
                let memory = MemoryEvent {
                    process_id: of_device.map(|stream| stream.0).unwrap(),
                    device_id: choices.some(|_| device_id),
                    time_ns: start_ns,
                    bytes: choices.some(|choices| choices.of(&[-512, 512])),
                    address: choices.some(Choices::size),
                    allocated_bytes: choices.some(Choices::size),
                    reserved_bytes: choices.some(Choices::size),
                    device_bytes: choices.some(Choices::size),
                    source_id: text(&mut writer, choices.of(&["kineto", "cupti"])),
                    kind_id: some(choices, &mut writer),
                    site_id: some(choices, &mut writer),
                    correlation: choices.some(Choices::small),
                };
                writer.append(&memory).unwrap();
            }
            10 => measured(&mut writer, choices, &places, row as i64),
            _ => {
                let counter_id = choices.of(&places.counters);
                let value = choices.of(&[0.1, 5.0, -1e300, 312.5]);
                writer.append(&CounterSample { counter_id, time_ns: start_ns, value }).unwrap();
                let overhead = Overhead { process_id, start_ns, end_ns, ..Overhead::default() };
                writer.append(&overhead).unwrap();
            }
        }
    }
    writer.finish().unwrap();
}

/// A range with its hardware counters.
fn measured(writer: &mut Writer, choices: &mut Choices, places: &Places, range_index: i64) {
    let (start_ns, end_ns) = choices.times();
    let (process_id, device_id, _) = choices.of(&places.streams);
    let device_id = choices.some(|_| device_id);
    let name_id = writer.string(choices.of(&TEXTS)).unwrap();
    let correlation = choices.some(Choices::small);
    for metric in
        &["dram__bytes_read.sum", "sm__throughput.avg.pct", "größe \"x\"\n"][choices.below(3)..]
    {
        let row = KernelCounter {
            process_id,
            device_id,
            range_index,
            start_ns,
            end_ns,
            name_id,
            metric_id: writer.string(metric).unwrap(),
            value: choices.of(&[0.0, 0.1, -1e300, 18_014_398_509_481_984.0]),
            correlation,
        };
        writer.append(&row).unwrap();
    }
}

/// A collective: anything, or what a kernel tells.
fn collective(writer: &mut Writer, choices: &mut Choices, places: &Places, kernels: &[Kernel]) {
    let (start_ns, end_ns) = choices.times();
    let thread = choices.of(&places.threads);
    let op_id = writer.string(choices.of(&OPS)).unwrap();
    let dtype_id = writer.string(choices.of(&TYPES)).unwrap();
    let group_id = writer.string(choices.of(&["", "0", "data_parallel"])).unwrap();
    let mut row = Collective {
        process_id: thread.0,
        thread_id: choices.some(|_| thread.1),
        stream_id: None,
        start_ns,
        end_ns,
        op_id,
        dtype_id,
        bytes: choices.some(|choices| choices.of(&[0, 4, 7, 4096])),
        group_id,
        group_size: choices.some(|choices| choices.of(&[1, 2, 8])),
        sequence: choices.some(Choices::small),
        source_id: writer.string(choices.of(&["nccl", "nvtx", "kineto"])).unwrap(),
        open: choices.below(2) == 1,
        timing: choices.of(&TIMINGS),
        enqueued_ns: choices.some(|_| start_ns),
        correlation: choices.some(Choices::small),
    };
    if let (1.., Some(kernel)) = (choices.below(4), kernels.last()) {
        (row.process_id, row.thread_id) = (kernel.process_id, None);
        (row.start_ns, row.end_ns) = (kernel.start_ns, kernel.end_ns);
        (row.stream_id, row.timing) = (Some(kernel.stream_id), Timing::Kernel);
        if choices.below(2) == 1 {
            row.source_id = writer.string("kineto").unwrap();
            (row.open, row.enqueued_ns, row.correlation) = (false, None, None);
        }
    }
    writer.append(&row).unwrap();
}

proptest! {
    // Recordings are synchronised to the disk, which takes longest.
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_is_exported_and_imported_is_the_same(choices in prop::collection::vec(any::<u32>(), 0..1500), rows in 1_usize..100) {
        let bed = Bed::new();
        let mut choices = Choices(choices.into_iter());
        write(&bed.path("before.perfdb"), &mut choices, rows);
        check(&bed, "generated");
    }
}
