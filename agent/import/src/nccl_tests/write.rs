//! Runs of a benchmark to rows of a recording.

use std::path::Path;

use perfagent_recording::table::{CollectiveTest, Device, Process};
use perfagent_recording::{DeviceId, ProcessId, Timestamp, WriteError, Writer};

use super::operation::{UNKNOWN, by_figures, by_name};
use super::run::{RankLine, Run};
use crate::hosts::Hosts;
use crate::warning::Problems;

/// Writes the runs of the file at `path`, each rank as a process; returns the first of these.
pub(super) fn write(
    path: &Path,
    runs: &[Run],
    problems: &mut Problems,
    writer: &mut Writer,
    hosts: &mut Hosts,
) -> Result<Option<ProcessId>, WriteError> {
    let mut first = None;
    for run in runs {
        let process_id = processes(run, writer, hosts)?;
        first = first.or(Some(process_id));
        let op_id = writer.string(operation(path, run, problems))?;
        for row in &run.measurements {
            let row = CollectiveTest {
                process_id,
                op_id,
                dtype_id: writer.string(&row.dtype)?,
                reduction_id: writer.string(&row.reduction)?,
                bytes: row.bytes,
                elements: Some(row.elements),
                root: row.root,
                ranks: run.world_size(),
                in_place: row.in_place,
                time_ns: row.time_ns,
                algbw_gbps: row.algbw_gbps,
                busbw_gbps: row.busbw_gbps,
                wrong: row.wrong,
            };
            writer.append(&row)?;
        }
    }
    Ok(first)
}

/// Writes the ranks of a run and returns the first; a run that lists none has one process of which nothing is known.
fn processes(run: &Run, writer: &mut Writer, hosts: &mut Hosts) -> Result<ProcessId, WriteError> {
    let (mut first, nobody) = (None, [RankLine { device: -1, ..RankLine::default() }]);
    let lines = if run.ranks.is_empty() { &nobody } else { run.ranks.as_slice() };
    let mut start = ProcessId::default();
    for line in lines {
        let host_id = if line.host.is_empty() {
            hosts.unknown(writer)?
        } else {
            hosts.named(&line.host, writer)?
        };
        let id: ProcessId = writer.insert(&Process {
            host_id,
            pid: line.pid,
            rank: (!run.ranks.is_empty()).then_some(line.rank),
            world_size: run.world_size(),
            name: run.program.clone().unwrap_or_default(),
            start_ns: Timestamp::from_unix_nanos(run.started_ns.unwrap_or(0)),
            ..Process::default()
        })?;
        if line.device >= 0 {
            let name = line.device_name.clone();
            let device = Device { process_id: id, ordinal: line.device, name, ..Device::default() };
            writer.insert::<_, DeviceId>(&device)?;
        }
        start = *first.get_or_insert(id);
    }
    Ok(start)
}

/// The operation of a run, as far as something tells it.
fn operation(path: &Path, run: &Run, problems: &mut Problems) -> &'static str {
    if let Some(op) = run.program.as_deref().and_then(by_name) {
        return op;
    }
    let possible = by_figures(run, run.world_size());
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    if let Some(op) = by_name(&file) {
        // Those that have no figures of their own are taken by name.
        let is_special = matches!(op, "all_to_all_v" | "hypercube" | "bisection");
        if is_special || possible.contains(&op) {
            return op;
        }
        problems.doubt(
            run.first,
            format!("the file is named after {op}, but its figures are not of that operation"),
        );
    }
    if let [op] = possible.as_slice() {
        let text = format!("the operation is not named; only {op} has figures like these");
        problems.doubt(run.first, text);
        return op;
    }
    let mut text = "which operation was measured is not told".to_owned();
    if !possible.is_empty() {
        text = format!("{text}; it could be {}", possible.join(", "));
    }
    problems.doubt(run.first, format!("{text}; name the file after it"));
    UNKNOWN
}
