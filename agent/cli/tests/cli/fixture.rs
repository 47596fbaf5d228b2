//! Small recordings with round figures.

use std::fs;
use std::path::{Path, PathBuf};

use perfagent_recording::table::{
    ApiCall, Collective, Copy, CopyKind, Counter, CounterSample, Device, Host, Kernel, Loss, Mark,
    MemoryEvent, Note, Operator, Payload, Process, Range, Severity, Stream, Thread,
};
use perfagent_recording::{
    CounterId, DeviceId, HostId, ProcessId, StreamId, ThreadId, Timestamp, Writer,
};

const MILLISECOND: i64 = 1_000_000;

/// 2026-03-01 12:00:00 UTC and some milliseconds.
fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_unix_nanos(1_772_366_400_000_000_000 + milliseconds * MILLISECOND)
}

fn host(writer: &mut Writer, name: &str) -> HostId {
    let host = Host {
        name: name.into(),
        cpu_model: Some("EPYC 9354".into()),
        logical_cores: Some(2),
        memory_bytes: Some(8 << 30),
        system: Some("Linux 6.1".into()),
        driver_version: None,
    };
    writer.insert(&host).unwrap()
}

fn process(writer: &mut Writer, host_id: HostId, rank: i64, world_size: i64) -> ProcessId {
    process_of(writer, host_id, (rank, world_size), "train --steps 3")
}

fn process_of(
    writer: &mut Writer,
    host_id: HostId,
    (rank, world_size): (i64, i64),
    command: &str,
) -> ProcessId {
    let process = Process {
        host_id,
        pid: 1000 + rank,
        rank: Some(rank),
        local_rank: Some(rank),
        world_size: Some(world_size),
        name: "train".into(),
        command: command.into(),
        start_ns: at(0),
        end_ns: Some(at(400)),
        exit_code: Some(0),
        ..Process::default()
    };
    writer.insert(&process).unwrap()
}

fn step(
    writer: &mut Writer,
    process_id: ProcessId,
    thread_id: ThreadId,
    number: i64,
    from: i64,
    to: i64,
) {
    let range = Range {
        process_id,
        thread_id,
        start_ns: at(from),
        end_ns: at(to),
        depth: Some(0),
        domain_id: writer.string("perfagent").unwrap(),
        name_id: writer.string("step").unwrap(),
        payload: Payload::Integer(number),
        ..Range::default()
    };
    writer.append(&range).unwrap();
}

/// Two ranks on a CPU: three steps of 100 ms, of which 60 ms are a matrix product and 20 ms an
/// all-reduce of 1 MiB.
pub(crate) fn cpu_run(path: &Path) {
    let mut writer = Writer::create(path).unwrap();
    writer.set_meta("source", "record").unwrap();
    writer.set_meta("command", "perfagent-bench gpt --nproc 2").unwrap();
    let host_id = host(&mut writer, "node-1");
    for rank in 0..2 {
        cpu_rank(&mut writer, host_id, rank);
    }
    writer.finish().unwrap();
}

/// One of the two ranks of [`cpu_run`], as the recorder of its node has it.
pub(crate) struct NodeFile {
    /// The machine's name.
    pub(crate) host: &'static str,
    /// Which boot of it.
    pub(crate) boot: &'static str,
    /// The distributed job.
    pub(crate) job: &'static str,
    /// The rank.
    pub(crate) rank: i64,
    /// How its command ended.
    pub(crate) exit_code: &'static str,
}

/// A recording of one rank.
pub(crate) fn node_run(path: &Path, told: &NodeFile) {
    let mut writer = Writer::create(path).unwrap();
    for (key, value) in [
        ("source", "record"),
        ("command", "perfagent-bench gpt"),
        ("job", told.job),
        ("boot_id", told.boot),
        ("clock_offset_ns", "1772366000000000000"),
        ("exit_code", told.exit_code),
    ] {
        writer.set_meta(key, value).unwrap();
    }
    let host_id = host(&mut writer, told.host);
    cpu_rank(&mut writer, host_id, told.rank);
    writer.finish().unwrap();
}

fn cpu_rank(writer: &mut Writer, host_id: HostId, rank: i64) {
    let process_id = process(writer, host_id, rank, 2);
    let thread = Thread { process_id, tid: 1000 + rank, name: "main".into() };
    let thread_id = writer.insert(&thread).unwrap();
    for number in 0..3 {
        let from = number * 100 + rank * 2;
        step(writer, process_id, thread_id, number, from, from + 100);
        let operator = Operator {
            process_id,
            thread_id,
            start_ns: at(from + 5),
            end_ns: at(from + 65),
            name_id: writer.string("aten::addmm").unwrap(),
            shapes_id: writer.string("[[8, 128], [128, 128]]").unwrap(),
            ..Operator::default()
        };
        writer.append(&operator).unwrap();
        let collective = Collective {
            process_id,
            thread_id: Some(thread_id),
            start_ns: at(from + 70),
            end_ns: at(from + 90),
            op_id: writer.string("all_reduce").unwrap(),
            dtype_id: writer.string("float32").unwrap(),
            bytes: Some(1 << 20),
            group_id: writer.string("world").unwrap(),
            group_size: Some(2),
            sequence: Some(number),
            source_id: writer.string("nvtx").unwrap(),
            ..Collective::default()
        };
        writer.append(&collective).unwrap();
    }
    for (name, unit, values) in [
        ("cpu", "pct", [90.0, 110.0]),
        ("rss", "bytes", [512.0 * 1_048_576.0, 1024.0 * 1_048_576.0]),
        ("threads", "count", [4.0, 5.0]),
    ] {
        let counter = Counter {
            host_id,
            process_id: Some(process_id),
            name: name.into(),
            unit: unit.into(),
            ..Counter::default()
        };
        let counter_id: CounterId = writer.insert(&counter).unwrap();
        for (index, value) in values.into_iter().enumerate() {
            let sample = CounterSample { counter_id, time_ns: at(index as i64 * 100), value };
            writer.append(&sample).unwrap();
        }
    }
}

/// A run of a benchmark on one GPU.
pub(crate) struct Job {
    /// Length of a step; the run's own noise comes on top.
    pub(crate) step_ns: i64,
    /// How long the one kernel of a step takes.
    pub(crate) kernel_ns: i64,
    /// How many steps there are.
    pub(crate) steps: i64,
    /// The kernel's name.
    pub(crate) kernel: &'static str,
    /// The GPU's name.
    pub(crate) gpu: &'static str,
    /// The machine's name.
    pub(crate) host: &'static str,
    /// The clock that samples saw, MHz.
    pub(crate) clock_mhz: Option<f64>,
    /// Heat held the clock down for the whole run.
    pub(crate) throttled: bool,
    /// So many kernels more in a step, each with a long name of its own.
    pub(crate) more_kernels: i64,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            step_ns: 100 * MILLISECOND,
            kernel_ns: 60 * MILLISECOND,
            steps: 12,
            kernel: "gemm_bf16",
            gpu: "NVIDIA H100 80GB HBM3",
            host: "node-1",
            clock_mhz: None,
            throttled: false,
            more_kernels: 0,
        }
    }
}

/// Records a job: steps with one kernel each, tokens a step, memory.
pub(crate) fn job_run(path: &Path, job: &Job) {
    let mut writer = Writer::create(path).unwrap();
    writer.set_meta("source", "record").unwrap();
    let host = Host {
        name: job.host.into(),
        cpu_model: Some("EPYC 9354".into()),
        logical_cores: Some(32),
        driver_version: Some("580.65".into()),
        ..Host::default()
    };
    let host_id = writer.insert(&host).unwrap();
    let process_id = process(&mut writer, host_id, 0, 1);
    let thread_id = writer.insert(&Thread { process_id, tid: 1000, name: "main".into() }).unwrap();
    let device = Device { process_id, ordinal: 0, name: job.gpu.into(), ..Device::default() };
    let device_id: DeviceId = writer.insert(&device).unwrap();
    let stream = Stream { process_id, device_id, stream: 7, ..Stream::default() };
    let stream_id: StreamId = writer.insert(&stream).unwrap();
    let said =
        r#"run {"model":"gpt","precision":"bf16","tokens_per_step":8192,"peak_flops":1.5e12}"#;
    let mark = Mark {
        process_id,
        thread_id,
        time_ns: at(0),
        domain_id: writer.string("perfagent").unwrap(),
        name_id: writer.string(said).unwrap(),
        ..Mark::default()
    };
    writer.append(&mark).unwrap();
    for number in 0..job.steps {
        let from = at(0).unix_nanos() + number * job.step_ns;
        let range = Range {
            process_id,
            thread_id,
            start_ns: Timestamp::from_unix_nanos(from),
            end_ns: Timestamp::from_unix_nanos(from + job.step_ns),
            depth: Some(0),
            domain_id: writer.string("perfagent").unwrap(),
            name_id: writer.string("step").unwrap(),
            payload: Payload::Integer(number),
            ..Range::default()
        };
        writer.append(&range).unwrap();
        let kernel = Kernel {
            process_id,
            device_id,
            stream_id,
            start_ns: Timestamp::from_unix_nanos(from + MILLISECOND),
            end_ns: Timestamp::from_unix_nanos(from + MILLISECOND + job.kernel_ns),
            name_id: writer.string(job.kernel).unwrap(),
            ..Kernel::default()
        };
        writer.append(&kernel).unwrap();
        for more in 0..job.more_kernels {
            let start = kernel.end_ns.unix_nanos() + more * 100_000;
            let name =
                format!("void at::native::elementwise_kernel<{more}, {}>(int)", "T".repeat(200));
            let another = Kernel {
                start_ns: Timestamp::from_unix_nanos(start),
                end_ns: Timestamp::from_unix_nanos(start + 90_000),
                name_id: writer.string(&name).unwrap(),
                ..kernel
            };
            writer.append(&another).unwrap();
        }
    }
    for (name, unit, value) in [
        ("sm_clock", "MHz", job.clock_mhz),
        ("throttle_hw_thermal", "state", job.throttled.then_some(1.0)),
    ] {
        let Some(value) = value else { continue };
        let counter = Counter {
            host_id,
            device_id: Some(device_id),
            name: name.into(),
            unit: unit.into(),
            ..Counter::default()
        };
        let counter_id: CounterId = writer.insert(&counter).unwrap();
        for time in [0, 400, 800] {
            let sample = CounterSample { counter_id, time_ns: at(time), value };
            writer.append(&sample).unwrap();
        }
    }
    let memory = MemoryEvent {
        process_id,
        device_id: Some(device_id),
        time_ns: at(10),
        device_bytes: Some(20 << 30),
        source_id: writer.string("nvml").unwrap(),
        ..MemoryEvent::default()
    };
    writer.append(&memory).unwrap();
    writer.finish().unwrap();
}

/// One rank on a GPU, of which events were lost: a long kernel name, a copy, launches, memory.
pub(crate) fn gpu_run(path: &Path) {
    gpu_run_of(path, "train --steps 3");
}

/// The same of a program with this command line.
pub(crate) fn gpu_run_of(path: &Path, command: &str) {
    let mut writer = Writer::create(path).unwrap();
    writer.set_meta("source", "record").unwrap();
    let host_id = host(&mut writer, "node-1");
    let process_id = process_of(&mut writer, host_id, (0, 1), command);
    let thread_id = writer.insert(&Thread { process_id, tid: 1000, name: "main".into() }).unwrap();
    let device = Device {
        process_id,
        ordinal: 0,
        name: "NVIDIA H100 80GB HBM3".into(),
        total_bytes: Some(80 << 30),
        ..Device::default()
    };
    let device_id: DeviceId = writer.insert(&device).unwrap();
    let stream = Stream { process_id, device_id, stream: 7, ..Stream::default() };
    let stream_id: StreamId = writer.insert(&stream).unwrap();
    step(&mut writer, process_id, thread_id, 0, 0, 100);
    let gemm =
        "void cutlass::Kernel<cutlass_80_tensorop_bf16_s16816gemm_relu_128x256|align8>(Params)";
    for (number, (name, from, to)) in
        [(gemm, 10, 50), ("ncclDevKernel_AllReduce_Sum_bf16_RING_LL", 40, 70), (gemm, 80, 90)]
            .into_iter()
            .enumerate()
    {
        let kernel = Kernel {
            process_id,
            device_id,
            stream_id,
            start_ns: at(from),
            end_ns: at(to),
            name_id: writer.string(name).unwrap(),
            correlation: Some(number as i64 + 1),
            ..Kernel::default()
        };
        writer.append(&kernel).unwrap();
        let call = ApiCall {
            process_id,
            thread_id,
            start_ns: at(from - 2),
            end_ns: at(from - 1),
            name_id: writer.string("cudaLaunchKernel").unwrap(),
            correlation: Some(number as i64 + 1),
            ..ApiCall::default()
        };
        writer.append(&call).unwrap();
    }
    let copy = Copy {
        process_id,
        device_id,
        stream_id,
        start_ns: at(0),
        end_ns: at(4),
        kind: CopyKind::HtoD,
        bytes: 100_000_000,
        ..Copy::default()
    };
    writer.append(&copy).unwrap();
    let memory = MemoryEvent {
        process_id,
        device_id: Some(device_id),
        time_ns: at(10),
        device_bytes: Some(20 << 30),
        source_id: writer.string("nvml").unwrap(),
        ..MemoryEvent::default()
    };
    writer.append(&memory).unwrap();
    let loss = Loss {
        process_id: Some(process_id),
        cause: "ring_full".into(),
        count: 1234,
        start_ns: Some(at(50)),
        end_ns: Some(at(60)),
    };
    writer.append(&loss).unwrap();
    let note = Note {
        process_id: None,
        time_ns: None,
        severity: Severity::Warning,
        text: "the clock of the GPU was not calibrated".into(),
    };
    writer.append(&note).unwrap();
    writer.finish().unwrap();
}

/// A folder with `run.perfdb`, the CPU run.
pub(crate) fn cpu_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    cpu_run(&folder.path().join("run.perfdb"));
    folder
}

/// Files in `folder` that are no recordings, each with what the message must name besides the file.
pub(crate) fn bad_files(folder: &Path) -> Vec<(PathBuf, &'static str)> {
    let whole = folder.join("whole.perfdb");
    cpu_run(&whole);
    let bytes = fs::read(&whole).unwrap();
    let put = |name: &str, bytes: &[u8]| {
        fs::write(folder.join(name), bytes).unwrap();
        PathBuf::from(name)
    };
    let with = |at: usize, word: u32| {
        let mut changed = bytes.clone();
        changed[at..at + 4].copy_from_slice(&word.to_be_bytes());
        changed
    };
    fs::create_dir(folder.join("directory")).unwrap();
    // A page of a table in the middle of the file: the header is whole, the content is not.
    let mut damaged = bytes.clone();
    let page = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    for page_bytes in damaged.chunks_mut(page).skip(1) {
        page_bytes.fill(0xa5);
    }
    vec![
        ("missing.perfdb".into(), "no such file"),
        ("directory".into(), "is a directory"),
        (put("empty.perfdb", b""), "is empty"),
        (put("text.perfdb", b"step 1 loss 4.2\n"), "is not a recording"),
        (put("newer.perfdb", &with(60, 9)), "schema version 9"),
        (put("foreign.perfdb", &with(68, 0)), "not a recording"),
        (put("cut.perfdb", &bytes[..bytes.len() / 2]), "is cut off"),
        (put("damaged.perfdb", &damaged), "damaged"),
    ]
}
