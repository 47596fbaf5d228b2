//! Writes recordings that look like those of a training run, as large as one likes: for measurements of what reads them.
//!
//! ```text
//! cargo run --release -p perfagent-recording --example synthesise -- 10000000 1 run.perfdb
//! cargo run --release -p perfagent-recording --example synthesise -- 1000000 64 'rank-{}.perfdb'
//! ```
//!
//! The first number is events a rank, the second ranks, each a file of its own when the name holds `{}`, else all in one. An event
//! is an operator, a call, a kernel, a copy, a collective or a change of memory. Steps take 25 ms;
//! ranks start collectives at slightly different times and end them together. The same arguments make the same recording.

use std::error::Error;
use std::path::Path;

use perfagent_recording::table::{
    ApiCall, Collective, Copy, CopyKind, Device, Host, Kernel, MemoryEvent, Operator, Payload,
    Process, Range, Stream, Thread, Timing,
};
use perfagent_recording::{
    DeviceId, HostId, ProcessId, StreamId, StringId, ThreadId, Timestamp, WriteError, Writer,
};

/// When every recording begins, ns since the Unix epoch.
const BEGIN: i64 = 1_700_000_000_000_000_000;
/// Layers of the model.
const LAYERS: i64 = 48;
/// Operators of a layer and pass; each has one within it, which launches one kernel.
const OPERATORS: i64 = 12;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [events, ranks, name] = &arguments[..] else {
        return Err("usage: synthesise EVENTS_A_RANK RANKS NAME.perfdb".into());
    };
    let (events, ranks): (u64, i64) = (events.parse()?, ranks.parse()?);
    let mut shared = None;
    for rank in 0..ranks {
        let mut writer = match shared.take() {
            Some(writer) => writer,
            None => create(&name.replace("{}", &rank.to_string()))?,
        };
        Rank::new(&mut writer, rank, ranks)?.run(&mut writer, events)?;
        if name.contains("{}") || rank + 1 == ranks {
            writer.finish()?;
        } else {
            shared = Some(writer);
        }
    }
    Ok(())
}

fn create(name: &str) -> Result<Writer, WriteError> {
    let mut writer = Writer::create(Path::new(name))?;
    writer.set_meta("source", "synthesised")?;
    writer.set_meta("boot_id", "synthesised")?;
    writer.set_meta("clock_offset_ns", "0")?;
    Ok(writer)
}

struct Rank {
    process: ProcessId,
    device: DeviceId,
    compute: StreamId,
    network: StreamId,
    thread: ThreadId,
    kernels: Vec<StringId>,
    operators: Vec<StringId>,
    shapes: Vec<StringId>,
    texts: Texts,
    random: u64,
    written: u64,
    correlation: i64,
    ranks: i64,
}

struct Texts {
    launch: StringId,
    reduce: StringId,
    all_reduce: StringId,
    dtype: StringId,
    group: StringId,
    nccl: StringId,
    step: StringId,
    domain: StringId,
    source: StringId,
}

impl Rank {
    fn new(writer: &mut Writer, rank: i64, ranks: i64) -> Result<Self, WriteError> {
        let host: HostId =
            writer.insert(&Host { name: format!("node{}", rank / 8), ..Host::default() })?;
        let process: ProcessId = writer.insert(&Process {
            host_id: host,
            pid: 1000 + rank,
            rank: Some(rank),
            local_rank: Some(rank % 8),
            world_size: Some(ranks),
            name: "train.py".to_owned(),
            start_ns: at(0),
            ..Process::default()
        })?;
        let device: DeviceId = writer.insert(&Device {
            process_id: process,
            ordinal: rank % 8,
            name: "Synthetic GPU".to_owned(),
            total_bytes: Some(80 << 30),
            ..Device::default()
        })?;
        let mut stream = |number| {
            writer.insert(&Stream {
                process_id: process,
                device_id: device,
                stream: number,
                ..Stream::default()
            })
        };
        let (compute, network) = (stream(7)?, stream(20)?);
        let thread = writer.insert(&Thread {
            process_id: process,
            tid: 1000 + rank,
            name: String::new(),
        })?;
        let mut many =
            |count: i64, text: &dyn Fn(i64) -> String| -> Result<Vec<StringId>, WriteError> {
                (0..count).map(|number| writer.string(&text(number))).collect()
            };
        let kernels = many(60, &|number| match number % 3 {
            0 => format!(
                "sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize128x{number}x64_warpgroupsize2x1x1_execute_segment_k_off_kernel__5x_cublas"
            ),
            1 => format!(
                "void at::native::vectorized_elementwise_kernel<4, at::native::CUDAFunctor_add<c10::BFloat16, {number}>, std::array<char*, 3ul> >(int, at::native::CUDAFunctor_add<c10::BFloat16>, std::array<char*, 3ul>)"
            ),
            _ => format!(
                "void at::native::reduce_kernel<512, {number}, at::native::ReduceOp<float, at::native::MeanOps<float, float, float, float>, unsigned int, float, 4, 4> >(float)"
            ),
        })?;
        let operators = many(40, &|number| format!("aten::operator_{number}"))?;
        let shapes =
            many(30, &|number| format!("[[8, 1024, {}], [{}, 4096]]", number * 64, number * 64))?;
        let mut text = |text| writer.string(text);
        let texts = Texts {
            launch: text("cudaLaunchKernel")?,
            reduce: text(
                "ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgsStorage<4096ul>)",
            )?,
            all_reduce: text("all_reduce")?,
            dtype: text("bfloat16")?,
            group: text("data_parallel")?,
            nccl: text("nccl")?,
            step: text("step")?,
            domain: text("perfagent")?,
            source: text("synthesised")?,
        };
        let random = 0x9E37_79B9_7F4A_7C15 ^ (rank as u64 + 1);
        Ok(Self {
            process,
            device,
            compute,
            network,
            thread,
            kernels,
            operators,
            shapes,
            texts,
            random,
            written: 0,
            correlation: 0,
            ranks,
        })
    }

    /// A number below `most`, from a xorshift generator.
    fn below(&mut self, most: i64) -> i64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random % most.unsigned_abs()).cast_signed()
    }

    fn run(mut self, writer: &mut Writer, events: u64) -> Result<(), WriteError> {
        let (mut host, mut step) = (0, 0);
        while self.written < events {
            // Every rank begins a step at the same time, as they waited for each other.
            let begin = step * 25_000_000;
            host = host.max(begin);
            let end = self.step(writer, host, step, events)?;
            writer.append(&Range {
                process_id: self.process,
                thread_id: self.thread,
                start_ns: at(host),
                end_ns: at(end),
                depth: Some(0),
                domain_id: self.texts.domain,
                category_id: StringId(0),
                name_id: self.texts.step,
                color: None,
                payload: Payload::Integer(step),
                open: false,
            })?;
            step += 1;
            writer.commit()?;
        }
        Ok(())
    }

    fn step(
        &mut self,
        writer: &mut Writer,
        begin: i64,
        step: i64,
        events: u64,
    ) -> Result<i64, WriteError> {
        let (mut host, mut gpu, mut allocated) = (begin, begin + 20_000, 1_i64 << 30);
        for layer in 0..2 * LAYERS {
            for number in 0..OPERATORS {
                if self.written >= events {
                    return Ok(host.max(gpu));
                }
                let kind = layer * OPERATORS + number;
                let length = 15_000 + self.below(10_000);
                for depth in 0..2 {
                    writer.append(&Operator {
                        process_id: self.process,
                        thread_id: self.thread,
                        start_ns: at(host + depth * 1_000),
                        end_ns: at(host + length - depth * 1_000),
                        depth,
                        name_id: self.operators[((kind + depth) % 40) as usize],
                        shapes_id: self.shapes[(kind % 30) as usize],
                        sequence: Some(step * 10_000 + kind),
                        ..Operator::default()
                    })?;
                }
                self.correlation += 1;
                writer.append(&ApiCall {
                    process_id: self.process,
                    thread_id: self.thread,
                    start_ns: at(host + 3_000),
                    end_ns: at(host + 8_000 + self.below(2_000)),
                    name_id: self.texts.launch,
                    correlation: Some(self.correlation),
                    result: Some(0),
                })?;
                gpu = gpu.max(host + 9_000) + 1_000;
                let ends = gpu + 5_000 + 500 * (kind % 40) + self.below(2_000);
                self.kernel(
                    writer,
                    (self.compute, self.kernels[(kind % 60) as usize]),
                    (gpu, ends),
                    kind,
                )?;
                gpu = ends;
                self.written += 4;
                host += length;
            }
            let change = if layer < LAYERS { 50 << 20 } else { -(50 << 20) };
            allocated += change;
            writer.append(&MemoryEvent {
                process_id: self.process,
                device_id: Some(self.device),
                time_ns: at(host),
                bytes: Some(change),
                address: Some(0x7f00_0000_0000 + layer.min(2 * LAYERS - layer) * (50 << 20)),
                allocated_bytes: Some(allocated),
                reserved_bytes: Some(8 << 30),
                source_id: self.texts.source,
                ..MemoryEvent::default()
            })?;
            writer.append(&Copy {
                process_id: self.process,
                device_id: self.device,
                stream_id: self.compute,
                start_ns: at(gpu),
                end_ns: at(gpu + 2_000),
                kind: CopyKind::DtoD,
                bytes: 1 << 20,
                correlation: None,
                graph: None,
                graph_node: None,
            })?;
            gpu += 2_000;
            self.written += 2;
            if layer >= LAYERS {
                self.collective(writer, step * 2 * LAYERS + layer, begin + layer * 240_000)?;
            }
        }
        Ok(host.max(gpu))
    }

    fn kernel(
        &mut self,
        writer: &mut Writer,
        (stream_id, name_id): (StreamId, StringId),
        (start, end): (i64, i64),
        kind: i64,
    ) -> Result<(), WriteError> {
        writer.append(&Kernel {
            process_id: self.process,
            device_id: self.device,
            stream_id,
            start_ns: at(start),
            end_ns: at(end),
            name_id,
            correlation: Some(self.correlation),
            grid_x: Some(64 + kind % 100),
            grid_y: Some(1 + kind % 4),
            grid_z: Some(1),
            block_x: Some(256),
            block_y: Some(1),
            block_z: Some(1),
            registers: Some(64 + kind % 60),
            static_shared_bytes: Some(0),
            dynamic_shared_bytes: Some(49_152),
            graph: None,
            graph_node: None,
        })
    }

    fn collective(
        &mut self,
        writer: &mut Writer,
        sequence: i64,
        ready: i64,
    ) -> Result<(), WriteError> {
        // Ranks are late by up to 50 µs; all end together.
        let (start, end) = (ready + self.below(50_000), ready + 200_000);
        self.correlation += 1;
        self.kernel(writer, (self.network, self.texts.reduce), (start, end), 0)?;
        writer.append(&Collective {
            process_id: self.process,
            thread_id: None,
            stream_id: Some(self.network),
            start_ns: at(start),
            end_ns: at(end),
            op_id: self.texts.all_reduce,
            dtype_id: self.texts.dtype,
            bytes: Some(25 << 20),
            group_id: self.texts.group,
            group_size: Some(self.ranks),
            sequence: Some(sequence),
            source_id: self.texts.nccl,
            open: false,
            timing: Timing::Kernel,
            enqueued_ns: None,
            correlation: Some(self.correlation),
        })?;
        self.written += 2;
        Ok(())
    }
}

fn at(nanos: i64) -> Timestamp {
    Timestamp::from_unix_nanos(BEGIN + nanos)
}
