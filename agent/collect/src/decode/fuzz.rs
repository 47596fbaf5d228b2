//! Records in any order, with any numbers and texts in them: whatever a ring holds becomes rows or is counted.

use std::path::Path;

use perfagent_fuzz::{Unstructured, each_input, number, text};
use perfagent_recording::table::{
    Collective, Kernel, Mark, MemoryEvent, Operator, Process, Range, Synchronization, Timing,
};
use perfagent_recording::{HostId, ProcessId, Span, Timestamp, Writer};
use perfagent_spool::{LossCause, MonotonicNs, NO_STREAM, Payload, RealtimeNs, Record};

use super::{Decoder, Memory, Names, Source, Tables};
use crate::clock::Clock;
use crate::host;
use crate::window::Window;

/// Inputs that one recording takes.
const OF_ONE: u64 = 100_000;
/// Texts that mean something to a decoder.
const TEXTS: [&str; 15] = [
    "",
    "torch",
    "perfagent.collective",
    "NCCL",
    "step",
    "aten::addmm, seq = 12, sizes = [[2, 3], [3, 4]]",
    "aten::mm, op_id = 7",
    r#"aten::mm, sizes = [[2, 3], [3, 4]], types = ["float", "float"]"#,
    "all_reduce dtype=float32 bytes=4096 group=data_parallel size=2",
    "wait group=data_parallel",
    "ncclAllReduce",
    "ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)",
    "AllGather",
    "ncclFloat32",
    "größe 日本 🚀",
];

fn small(from: &mut Unstructured<'_>) -> u32 {
    from.int_in_range(0..=5).unwrap_or_default()
}

fn any(from: &mut Unstructured<'_>) -> u32 {
    number(from) as u32
}

fn name(from: &mut Unstructured<'_>) -> u32 {
    from.int_in_range(0..=25).unwrap_or_default()
}

fn flag(from: &mut Unstructured<'_>) -> bool {
    from.arbitrary().unwrap_or_default()
}

/// Near others, so that records have to do with each other, or anywhere.
fn time(from: &mut Unstructured<'_>) -> MonotonicNs {
    let near = from.ratio(7, 8).unwrap_or(true);
    MonotonicNs(if near { 1_000_000 + number(from) % 5000 } else { number(from) })
}

fn payload(from: &mut Unstructured<'_>) -> Payload {
    match small(from) {
        0 => Payload::None,
        1 | 2 => Payload::U64(number(from)),
        3 => Payload::I64(number(from) as i64),
        _ => Payload::F64(f64::from_bits(number(from))),
    }
}

fn stream(from: &mut Unstructured<'_>) -> u32 {
    if from.ratio(1, 8).unwrap_or(false) { NO_STREAM } else { small(from) }
}

/// A record of the kind with this number, where there is one.
fn record<'a>(kind: u32, from: &mut Unstructured<'_>, text: &'a str) -> Record<'a> {
    let (tid, domain, correlation) = (small(from), small(from), small(from));
    let (device, context) = (small(from), small(from));
    let (start, end) = (time(from), time(from));
    let (graph, graph_node) = (small(from) / 4 * any(from), number(from));
    let axes = |from: &mut Unstructured<'_>| [any(from), any(from), any(from)];
    match kind {
        2 => Record::ThreadName { tid, name: name(from) },
        3 => Record::Domain { domain, name: name(from) },
        4 => Record::Category { domain, category: small(from), name: name(from) },
        5 => Record::RangePush {
            time: start,
            tid,
            domain,
            category: small(from),
            color: any(from),
            name: name(from),
            payload: payload(from),
        },
        6 => Record::RangePop { time: start, tid, domain },
        7 => Record::RangeStart {
            time: start,
            tid,
            id: small(from).into(),
            domain,
            category: small(from),
            color: any(from),
            name: name(from),
            payload: payload(from),
        },
        8 => Record::RangeEnd { time: start, tid, id: small(from).into() },
        9 => Record::Mark {
            time: start,
            tid,
            domain,
            category: small(from),
            color: any(from),
            name: name(from),
            payload: payload(from),
        },
        10 => Record::Device {
            ordinal: device,
            name: name(from),
            uuid: from.arbitrary().unwrap_or_default(),
            total_bytes: number(from),
            sm_count: any(from),
            cc_major: any(from),
            cc_minor: any(from),
        },
        11 => Record::Kernel {
            start,
            end,
            device,
            context,
            stream: stream(from),
            correlation,
            name: name(from),
            grid: axes(from),
            block: axes(from),
            registers: any(from) as u16,
            static_smem: any(from),
            dynamic_smem: any(from),
            graph,
            graph_node,
        },
        12 => Record::Memcpy {
            start,
            end,
            device,
            context,
            stream: stream(from),
            correlation,
            bytes: number(from),
            kind: any(from) as u8,
            src_kind: any(from) as u8,
            dst_kind: any(from) as u8,
            peer_device: any(from) as i32,
            graph,
            graph_node,
        },
        13 => Record::Memset {
            start,
            end,
            device,
            context,
            stream: stream(from),
            correlation,
            bytes: number(from),
            value: any(from),
            graph,
            graph_node,
        },
        14 => {
            Record::Api { start, end, tid, correlation, name: name(from), result: any(from) as i32 }
        }
        15 => Record::Anchor { monotonic: start, realtime: RealtimeNs(number(from) as i64) },
        16 => Record::Note { time: start, text: name(from) },
        17 => Record::Gap {
            start,
            end,
            cause: LossCause::from_code(any(from) as u16 % 20),
            count: number(from),
        },
        18 => Record::NcclCommunicator {
            communicator: small(from),
            hash: number(from),
            name: name(from),
            rank: any(from) as i32,
            ranks: any(from) as i32,
            nodes: any(from) as i32,
            version: any(from) as u8,
        },
        19 => Record::NcclCall {
            time: start,
            tid,
            communicator: small(from),
            op: name(from),
            dtype: name(from),
            user_dtype: name(from),
            count: number(from),
            sequence: flag(from).then(|| number(from)),
            peer: any(from) as i32,
            plan: small(from).into(),
            correlation: small(from),
            kernel: flag(from),
            captured: flag(from),
        },
        20 => Record::ExternalCorrelation { correlation, id: small(from).into() },
        21 => Record::Memory {
            time: start,
            device,
            context,
            stream: stream(from),
            correlation,
            address: number(from),
            bytes: number(from),
            freed: flag(from),
            kind: any(from) as u8,
            pool: number(from),
        },
        22 => Record::MemoryPool {
            time: start,
            device,
            correlation,
            address: number(from),
            operation: any(from) as u8,
            size: number(from),
            used: number(from),
        },
        23 => Record::Synchronization {
            start,
            end,
            kind: any(from) as u8,
            context,
            stream: stream(from),
            event: any(from),
            correlation,
            recorded_by: any(from),
            recorded_on: stream(from),
        },
        24 => Record::Overhead { start, end, kind: any(from), tid, correlation },
        25 => Record::GraphLaunch {
            start,
            end,
            device,
            context,
            stream: stream(from),
            correlation,
            graph,
        },
        26 => Record::Context { context, device, null_stream: small(from) },
        27 => Record::Stream {
            context,
            stream: stream(from),
            priority: any(from) as i32,
            flag: small(from),
        },
        28 => Record::Capture { time: start, name: name(from), state: small(from) as u8 },
        29 => Record::NcclTimes { plan: small(from).into(), start, end },
        _ => Record::String { id: name(from), text },
    }
}

/// A recording that takes records, and how many it took that are a row of their own.
struct Run {
    decoder: Decoder,
    tables: Tables,
    kernels: u64,
    marks: u64,
    waits: u64,
}

impl Run {
    fn new(folder: &Path) -> Self {
        let clock =
            Clock::from_anchor(MonotonicNs(1_000_000), RealtimeNs(1_700_000_000_000_000_000));
        let mut writer = Writer::create(&folder.join("run.perfdb")).unwrap();
        let host: HostId = writer.insert(&host::this_host()).unwrap();
        let process: ProcessId =
            writer.insert(&Process { host_id: host, pid: 1, ..Process::default() }).unwrap();
        let names = Names::open(&folder.join("names")).unwrap();
        let window = Window::new(clock.at(MonotonicNs(0)), Span::ZERO, None);
        let source = Source { host, process, pid: u32::MAX, clock, window };
        Self {
            decoder: Decoder::new(source, names, Memory::default()),
            tables: Tables::new(writer).unwrap(),
            kernels: 0,
            marks: 0,
            waits: 0,
        }
    }

    fn apply(&mut self, record: &Record<'_>) {
        // A time that no clock has is outside every window.
        let clock = self.decoder.source.clock;
        let counts = |time: MonotonicNs| u64::from(clock.at(time) < Timestamp::MAX);
        match *record {
            Record::Kernel { start, .. } | Record::GraphLaunch { start, .. } => {
                self.kernels += counts(start);
            }
            Record::Mark { time, .. } => self.marks += counts(time),
            Record::Synchronization { start, .. } => self.waits += counts(start),
            _ => {}
        }
        self.decoder.apply(record, &mut self.tables).unwrap();
    }

    /// A checkpoint is written and read again, as when a recorder is killed.
    fn save_and_restore(self, folder: &Path) -> Self {
        let Self { mut decoder, tables, .. } = self;
        decoder.names.save().unwrap();
        let text = serde_json::to_vec(&decoder.memory()).unwrap();
        let memory = serde_json::from_slice(&text).unwrap();
        let names = Names::open(&folder.join("names")).unwrap();
        let decoder = Decoder::new(*decoder.source(), names, memory);
        let again = serde_json::to_vec(&decoder.memory()).unwrap();
        assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&text));
        Self { decoder, tables, ..self }
    }

    /// Everything is closed, and what came in is there.
    fn finish(mut self) {
        let counted = [(LossCause::RingFull, 5)];
        self.decoder.finish(&mut self.tables, MonotonicNs(7), &counted).unwrap();
        let writer = &mut self.tables.writer;
        assert_eq!(writer.rows::<Mark>().unwrap().len() as u64, self.marks);
        assert_eq!(writer.rows::<Synchronization>().unwrap().len() as u64, self.waits);
        let kernels = writer.rows::<Kernel>().unwrap();
        assert_eq!(kernels.len() as u64, self.kernels);
        assert!(kernels.iter().all(|(_, kernel)| kernel.end_ns >= kernel.start_ns));
        let ranges = writer.rows::<Range>().unwrap();
        assert!(ranges.iter().all(|(_, range)| range.end_ns >= range.start_ns));
        let operators = writer.rows::<Operator>().unwrap();
        assert!(operators.iter().all(|(_, operator)| operator.depth >= 0));
        let collectives = writer.rows::<Collective>().unwrap();
        assert!(collectives.iter().all(|(_, collective)| collective.end_ns >= collective.start_ns));
        writer.rows::<MemoryEvent>().unwrap();
        writer.commit().unwrap();
    }
}

#[test]
fn times_of_a_call_that_ends_before_it_starts_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::new(folder.path());
    run.apply(&Record::NcclCall {
        time: MonotonicNs(500),
        tid: 1,
        communicator: 0,
        op: 0,
        dtype: 0,
        user_dtype: 0,
        count: 1,
        sequence: None,
        peer: 0,
        plan: 5,
        correlation: 0,
        kernel: true,
        captured: false,
    });
    run.apply(&Record::NcclTimes { plan: 5, start: MonotonicNs(800), end: MonotonicNs(700) });
    run.decoder.finish(&mut run.tables, MonotonicNs(900), &[]).unwrap();
    let calls = run.tables.writer.rows::<Collective>().unwrap();
    let [(_, only)] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!((only.timing, only.start_ns), (Timing::Enqueue, only.end_ns));
}

#[test]
fn fuzz_decoder() {
    let mut folder = tempfile::tempdir().unwrap();
    let mut run = Some(Run::new(folder.path()));
    let mut inputs = 0;
    each_input("decoder", 20_000, |from| {
        let Some(mut current) = run.take() else { return };
        let kind = from.int_in_range(1..=29).unwrap_or_default();
        let text = text(from, &TEXTS);
        let text = String::from_utf8_lossy(&text);
        current.apply(&record(kind, from, &text));
        inputs += 1;
        if from.ratio(1, 2000).unwrap_or(false) {
            current.decoder.corrupt(&mut current.tables, number(from) >> 32).unwrap();
        }
        if from.ratio(1, 5000).unwrap_or(false) {
            current = current.save_and_restore(folder.path());
        }
        if inputs % OF_ONE == 0 {
            current.finish();
            folder = tempfile::tempdir().unwrap();
            current = Run::new(folder.path());
        }
        run = Some(current);
    });
    run.unwrap().finish();
}

/// Their sum overflowed.
#[test]
fn gaps_of_impossible_size_are_summed() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::new(folder.path());
    let time = MonotonicNs(1_000_000);
    for _ in 0..2 {
        let cause = LossCause::RingFull;
        run.apply(&Record::Gap { start: time, end: time, cause, count: u64::MAX });
    }
    run.finish();
}
