//! What stands around the events: the facts that PyTorch writes, and under `perfagent` which process, thread, GPU and
//! counter the tracks stand for, from which `perfagent import` makes the same recording again.

use std::collections::HashSet;
use std::io::{self, Write};

use perfagent_recording::table::Device;
use perfagent_recording::{HostId, ProcessId};
use serde_json::{Map, Value, json};

use super::counters::CounterTrack;
use super::tracks::Tracks;
use crate::scene::{Scene, View};

/// Writes everything up to the first event.
pub(crate) fn begin(
    scene: &Scene<'_>,
    tracks: &Tracks,
    counters: &[CounterTrack],
    base: i64,
    out: &mut dyn Write,
) -> io::Result<()> {
    write!(out, "{{\n  \"schemaVersion\": 1")?;
    write!(out, ",\n  \"deviceProperties\": {}", device_properties(scene))?;
    if let Some((rank, world_size)) = rank(scene) {
        // Holistic Trace Analysis looks for `"rank": ` with the blank.
        write!(out, ",\n  \"distributedInfo\": {{\"rank\": {rank}")?;
        if let Some(world_size) = world_size {
            write!(out, ", \"world_size\": {world_size}")?;
        }
        out.write_all(b"}")?;
    }
    write!(out, ",\n  \"displayTimeUnit\": \"ms\"")?;
    write!(out, ",\n  \"baseTimeNanoseconds\": {base}")?;
    write!(out, ",\n  \"traceName\": {}", Value::from(scene.names().join(", ")))?;
    write!(out, ",\n  \"perfagent\": {}", own(scene, tracks, counters))?;
    out.write_all(b",\n  \"traceEvents\": [")
}

/// Writes everything behind the last event.
pub(crate) fn end(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"\n  ]\n}\n")
}

/// GPUs by their ordinal, each once: the ranks of a machine see the same ones.
fn device_properties(scene: &Scene<'_>) -> Value {
    let mut seen = HashSet::new();
    let mut properties = Vec::new();
    for view in scene.views() {
        let devices = view.recording.devices.iter();
        for device in devices.filter(|device| view.has(device.process_id)) {
            if seen.insert((device.ordinal, device.name.clone(), device.total_bytes)) {
                let mut known = json!({
                    "id": device.ordinal,
                    "name": device.name,
                    "totalGlobalMem": device.total_bytes,
                    "computeMajor": device.cc_major,
                    "computeMinor": device.cc_minor,
                    "numSms": device.sm_count,
                });
                if let Some(known) = known.as_object_mut() {
                    known.retain(|_, value| !value.is_null());
                }
                properties.push(known);
            }
        }
    }
    Value::from(properties)
}

/// Rank and size of the job, where the file is that of one rank.
fn rank(scene: &Scene<'_>) -> Option<(i64, Option<i64>)> {
    let mut processes =
        scene.views().flat_map(|view| view.processes().map(move |id| view.recording.process(id)));
    let process = processes.next().flatten()?;
    let rank = process.rank.filter(|_| processes.next().is_none())?;
    Some((rank, process.world_size))
}

fn own(scene: &Scene<'_>, tracks: &Tracks, counters: &[CounterTrack]) -> Value {
    let mut hosts = Vec::new();
    let mut processes = Vec::new();
    let mut meta = Vec::new();
    // Where hosts and processes of each recording stand in the lists of the file.
    let mut host_offsets = Vec::new();
    let mut process_places: Vec<Vec<(ProcessId, usize)>> = Vec::new();
    for view in scene.views() {
        host_offsets.push(hosts.len());
        hosts.extend(view.recording.hosts.iter().map(|host| {
            json!({
                "name": host.name,
                "cpu_model": host.cpu_model,
                "logical_cores": host.logical_cores,
                "memory_bytes": host.memory_bytes,
                "system": host.system,
                "driver_version": host.driver_version,
            })
        }));
        let mut places = Vec::new();
        for id in view.processes() {
            places.push((id, processes.len()));
            processes.push(process(view, id, tracks, host_offsets[view.place]));
        }
        process_places.push(places);
        let facts = view.recording.meta.iter();
        meta.push(Value::Object(
            facts.map(|fact| (fact.key.clone(), json!(fact.value))).collect::<Map<_, _>>(),
        ));
    }
    let counters: Vec<Value> = scene
        .views()
        .flat_map(|view| {
            let of_view = counters.iter().filter(move |counter| counter.place == view.place);
            of_view.map(move |counter| (view, counter))
        })
        .filter_map(|(view, track)| {
            let counter = view.recording.counters.get(track.index)?;
            Some(json!({
                "track": track.pid,
                "label": track.label,
                "host": place_of(counter.host_id, host_offsets[view.place]),
                "process": place_in(&process_places[view.place], counter.process_id),
                "device": counter.device_id.map(|device| view.ordinal(device)),
                "gpu_index": counter.gpu_index,
                "name": counter.name,
                "unit": counter.unit,
            }))
        })
        .collect();
    let (mut losses, mut notes) = (Vec::new(), Vec::new());
    for view in scene.views() {
        let places = &process_places[view.place];
        let wanted = |id: Option<ProcessId>| id.is_none_or(|id| view.has(id));
        for loss in view.recording.losses.iter().filter(|loss| wanted(loss.process_id)) {
            losses.push(json!({
                "process": place_in(places, loss.process_id),
                "cause": loss.cause,
                "count": loss.count,
                "start_ns": loss.start_ns,
                "end_ns": loss.end_ns,
            }));
        }
        for note in view.recording.notes.iter().filter(|note| wanted(note.process_id)) {
            notes.push(json!({
                "process": place_in(places, note.process_id),
                "time_ns": note.time_ns,
                "severity": note.severity.as_str(),
                "text": note.text,
            }));
        }
    }
    json!({
        "format": 1,
        "version": env!("CARGO_PKG_VERSION"),
        "recordings": meta,
        "hosts": hosts,
        "processes": processes,
        "counters": counters,
        "losses": losses,
        "notes": notes,
    })
}

/// The place of a process in the list of the file.
fn place_in(places: &[(ProcessId, usize)], id: Option<ProcessId>) -> Option<usize> {
    let found = places.iter().find(|(known, _)| Some(*known) == id);
    found.map(|(_, place)| *place)
}

/// The place of a host in the list of the file.
fn place_of(id: HostId, offset: usize) -> usize {
    usize::try_from(id.0 - 1).unwrap_or(0) + offset
}

fn process(view: View<'_>, id: ProcessId, tracks: &Tracks, host_offset: usize) -> Value {
    let recording = view.recording;
    let Some(process) = recording.process(id) else { return Value::Null };
    let mut threads = Vec::new();
    for (index, thread) in recording.threads.iter().enumerate() {
        if thread.process_id == id {
            let track = tracks.thread(view, (index as i64 + 1).into());
            threads.push(json!({ "track": track.1, "tid": thread.tid, "name": thread.name }));
        }
    }
    let mut devices = Vec::new();
    for (index, device) in recording.devices.iter().enumerate() {
        if device.process_id == id {
            let track = tracks.device(view, (index as i64 + 1).into());
            devices.push(device_row(device, track));
        }
    }
    let streams = recording.streams.iter().filter(|stream| stream.process_id == id);
    let streams: Vec<_> = streams
        .map(|stream| {
            json!({
                "device": view.ordinal(stream.device_id),
                "stream": stream.stream,
                "context": stream.context,
                "name": stream.name,
                "priority": stream.priority,
                "kind": stream.kind,
            })
        })
        .collect();
    json!({
        "track": tracks.process(view, id),
        "host": place_of(process.host_id, host_offset),
        "pid": process.pid,
        "parent_pid": process.parent_pid,
        "rank": process.rank,
        "local_rank": process.local_rank,
        "world_size": process.world_size,
        "name": process.name,
        "command": process.command,
        "start_ns": process.start_ns,
        "end_ns": process.end_ns,
        "exit_code": process.exit_code,
        "exit_signal": process.exit_signal,
        "threads": threads,
        "devices": devices,
        "streams": streams,
    })
}

fn device_row(device: &Device, track: i64) -> Value {
    json!({
        "track": track,
        "ordinal": device.ordinal,
        "uuid": device.uuid,
        "name": device.name,
        "total_bytes": device.total_bytes,
        "sm_count": device.sm_count,
        "cc_major": device.cc_major,
        "cc_minor": device.cc_minor,
    })
}
