//! The report against a second implementation that is as simple as can be (`tests/naive`).

use std::fs::File;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use perfagent_analysis::report;
use perfagent_import::{ImportOptions, import};
use perfagent_naive::differences;
use perfagent_recording::table::{Collective, CopyKind, MemoryEvent, Timing};
use perfagent_recording::{ProcessId, Reader, Recording, WriteError, Writer};
use proptest::prelude::*;
use serde_json::Value;

use crate::builder::{Builder, at};

/// Everything in which the report of the recording at `path` and the naive figures differ.
fn different(path: &Path) -> Vec<String> {
    let recording = Recording::load(&Reader::open(path).unwrap(), &mut |_progress| {}).unwrap();
    let report = serde_json::to_value(report(&recording, "run.perfdb")).unwrap();
    differences(&report["ranks"], &Value::Array(perfagent_naive::ranks(path)))
}

/// Writes a recording that was made in memory.
fn store(recording: &Recording, path: &Path) -> Result<(), WriteError> {
    let mut writer = Writer::create(path)?;
    for (id, text) in recording.strings.iter() {
        assert_eq!(writer.string(text)?, id);
    }
    macro_rules! rows {
        ($($table:ident),+) => {$(
            for row in recording.$table.iter() {
                writer.insert::<_, i64>(&row.clone())?;
            }
        )+};
    }
    rows!(hosts, processes, threads, devices, streams, kernels, copies, api_calls);
    rows!(ranges, operators, collectives, memory);
    writer.finish()
}

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

/// (kind, process, lane, start, length, name)
type Event = (u8, u8, u8, i64, i64, usize);

fn events() -> impl Strategy<Value = Vec<Event>> {
    let length = prop_oneof![3 => 0_i64..60, 1 => 0_i64..60_000];
    let start = prop_oneof![3 => 0_i64..300, 1 => 0_i64..100_000];
    let event = (0_u8..9, 0_u8..3, 0_u8..3, start, length, 0..NAMES.len());
    proptest::collection::vec(event, 0..60)
}

fn recording(events: &[Event], gpu: bool) -> Recording {
    let mut run = Builder::new("record");
    let processes: Vec<ProcessId> =
        (0..3).map(|rank| run.process(rank + 1, Some(rank), Some(3))).collect();
    for (id, &(kind, process, lane, start, length, name)) in events.iter().enumerate() {
        let (process, span) = (processes[usize::from(process)], (start, start + length));
        let (tid, id, number) = (lane.to_string(), id as i64, i64::from(lane));
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
            _ => run.operator(process, &tid, name, span),
        }
    }
    run.recording
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn of_random_recordings(events in events(), gpu in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.perfdb");
        store(&recording(&events, gpu), &path).unwrap();
        prop_assert_eq!(different(&path), Vec::<String>::new());
    }
}

/// Every file of a folder and of the folders in it.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
    found.sort();
}

#[test]
fn of_recordings_of_a_real_gpu() {
    let mut recordings = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/h200"), &mut recordings);
    recordings.retain(|path| path.to_string_lossy().ends_with(".perfdb.gz"));
    assert!(recordings.len() > 8, "{recordings:?}");
    for packed in recordings {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.perfdb");
        let mut bytes = GzDecoder::new(File::open(&packed).unwrap());
        std::io::copy(&mut bytes, &mut File::create(&path).unwrap()).unwrap();
        assert_eq!(different(&path), [] as [&str; 0], "{}", packed.display());
    }
}

/// Traces of other tools, through the importer.
#[test]
fn of_real_traces() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/traces");
    if !folder.join("reference.json").is_file() {
        println!("skipped: no folder shared/traces beside the repository");
        return;
    }
    let mut traces = Vec::new();
    for kind in ["kineto", "nsys", "nccl"] {
        files(&folder.join(kind), &mut traces);
    }
    assert!(traces.len() > 30, "{traces:?}");
    for input in traces {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("run.perfdb");
        let options =
            ImportOptions { inputs: vec![input.clone()], output: output.clone(), force: false };
        // What cannot be imported is the importer's affair.
        if import(&options).is_ok() {
            assert_eq!(different(&output), [] as [&str; 0], "{}", input.display());
        }
    }
}
