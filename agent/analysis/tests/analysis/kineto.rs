//! Just enough of a reader for Kineto traces to check the analysis against them.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use perfagent_recording::table::{CopyKind, MemoryEvent};
use perfagent_recording::{ProcessId, Recording};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::builder::{Builder, at};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trace<'a> {
    #[serde(borrow)]
    trace_events: Vec<Event<'a>>,
    distributed_info: Option<Value>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(default)]
    ph: Value,
    #[serde(default)]
    cat: Value,
    #[serde(default)]
    name: Value,
    #[serde(borrow)]
    ts: Option<&'a RawValue>,
    #[serde(borrow)]
    dur: Option<&'a RawValue>,
    #[serde(default)]
    tid: Value,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
}

/// Reads one trace as one process.
pub(crate) fn read(path: &Path) -> Recording {
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "gz") {
        MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    } else {
        std::io::BufReader::new(file).read_to_string(&mut text).unwrap();
    }
    let trace: Trace<'_> = serde_json::from_str(&text).unwrap();
    let mut builder = Builder::new("kineto");
    let fact = |key: &str| trace.distributed_info.as_ref().and_then(|info| info.get(key)?.as_i64());
    let process = builder.process(1, fact("rank"), fact("world_size"));
    for event in &trace.trace_events {
        add(&mut builder, process, event);
    }
    builder.recording
}

fn add(builder: &mut Builder, process: ProcessId, event: &Event<'_>) {
    let name = event.name.as_str().unwrap_or_default();
    let category = event.cat.as_str().unwrap_or_default().to_ascii_lowercase();
    let Some(start) = event.ts.map(nanos) else { return };
    if name == "[memory]" && event.ph != "X" {
        memory(builder, process, start, &args(event));
        return;
    }
    if event.ph != "X" {
        return;
    }
    let end = start + event.dur.map_or(0, nanos).max(0);
    let tid = event.tid.to_string();
    match category.as_str() {
        "kernel" | "concurrent_kernel" => {
            let args = args(event);
            let place = (int(&args, "device").unwrap_or(0), int(&args, "stream").unwrap_or(0));
            builder.kernel(process, place, name, (start, end), int(&args, "correlation"));
            if let Some(collective) = args.get("Collective name").and_then(Value::as_str) {
                let dtype = args.get("dtype").and_then(Value::as_str).unwrap_or_default();
                let elements = int(&args, "In msg nelems").max(int(&args, "Out msg nelems"));
                let bytes = elements.zip(size_of(dtype)).map(|(count, size)| count * size);
                let facts = (operation(collective), dtype, int(&args, "Group size"), bytes);
                builder.collective(process, None, facts, (start, end));
            }
        }
        "gpu_memcpy" | "gpu_memset" | "memcpy" | "memset" => {
            let args = args(event);
            let place = (int(&args, "device").unwrap_or(0), int(&args, "stream").unwrap_or(0));
            let kind =
                if category.ends_with("memset") { CopyKind::Memset } else { copy_kind(name) };
            let bytes = int(&args, "bytes").unwrap_or(0);
            let correlation = int(&args, "correlation");
            builder.copy(process, place, (kind, bytes), (start, end), correlation);
        }
        "cuda_runtime" | "cuda_driver" | "hip_runtime" | "runtime" | "driver" => {
            if let Some(correlation) = int(&args(event), "correlation") {
                builder.api_call(process, start, end, correlation);
            }
        }
        _ if category.starts_with("gpu_") => {}
        _ if name.starts_with("ProfilerStep") || category == "user_annotation" => {
            builder.range(process, &tid, ("", name, None), (start, end), None);
        }
        "cpu_op" | "operator" => builder.operator(process, &tid, name, (start, end)),
        _ => {}
    }
}

fn memory(builder: &mut Builder, process: ProcessId, time: i64, args: &HashMap<String, Value>) {
    let on_device = int(args, "Device Type").is_some_and(|kind| kind != 0);
    let ordinal = int(args, "Device Id").unwrap_or(0);
    let device_id = on_device.then(|| builder.device(process, ordinal));
    builder.recording.memory.push(MemoryEvent {
        process_id: process,
        device_id,
        time_ns: at(time),
        bytes: int(args, "Bytes"),
        allocated_bytes: int(args, "Total Allocated"),
        reserved_bytes: int(args, "Total Reserved"),
        ..MemoryEvent::default()
    });
}

fn args(event: &Event<'_>) -> HashMap<String, Value> {
    event.args.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

fn int(args: &HashMap<String, Value>, key: &str) -> Option<i64> {
    args.get(key).and_then(|value| value.as_i64().or_else(|| value.as_str()?.trim().parse().ok()))
}

/// Decimal microseconds to nanoseconds, exactly.
fn nanos(raw: &RawValue) -> i64 {
    let text = raw.get().trim_matches('"');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    assert!(fraction.len() <= 3 && !text.contains(['e', 'E']), "{text} is finer than a nanosecond");
    let digits: i64 = format!("{fraction:0<3}").parse().unwrap();
    let whole_nanos = whole.parse::<i64>().unwrap() * 1000;
    if text.starts_with('-') { whole_nanos - digits } else { whole_nanos + digits }
}

fn copy_kind(name: &str) -> CopyKind {
    let rest = name.strip_prefix("Memcpy ").unwrap_or(name);
    match rest.get(..4) {
        Some("HtoD") => CopyKind::HtoD,
        Some("DtoH") => CopyKind::DtoH,
        Some("DtoD") => CopyKind::DtoD,
        Some("HtoH") => CopyKind::HtoH,
        Some("PtoP") => CopyKind::PtoP,
        _ => CopyKind::Other,
    }
}

fn size_of(dtype: &str) -> Option<i64> {
    Some(match dtype {
        "Byte" | "Char" | "Bool" => 1,
        "Half" | "BFloat16" | "Short" => 2,
        "Float" | "Int" => 4,
        "Double" | "Long" => 8,
        _ => return None,
    })
}

fn operation(collective: &str) -> &str {
    match collective {
        "allreduce" => "all_reduce",
        "_allgather_base" | "allgather" => "all_gather",
        "_reduce_scatter_base" | "reduce_scatter" => "reduce_scatter",
        "all_to_all" | "all_to_allv" | "alltoall" => "all_to_all",
        other => other,
    }
}
