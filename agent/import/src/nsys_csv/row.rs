//! Rows of the two traces to rows of a recording.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use perfagent_recording::table::{self, ApiCall, Copy, CopyKind, Kernel};
use perfagent_recording::{
    DeviceId, HostId, ProcessId, StreamId, ThreadId, Timestamp, WriteError, Writer,
};

use super::fields::Fields;
use super::header::{Column, Header, Kind};
use super::problem::{Problem, Problems};
use super::report::{Process, Report};
use crate::copy_kind;

/// What a GPU is called that the trace does not name.
const UNKNOWN: &str = "unknown GPU";

/// Writes rows.
pub(crate) struct Rows<'a> {
    report: &'a mut Report,
    host: HostId,
    /// The process of the first row.
    first: Option<ProcessId>,
    pub(crate) events: u64,
    pub(crate) kept: u64,
}

/// The fields of a row.
struct Row<'a> {
    header: &'a Header,
    record: &'a Fields,
    line: u64,
}

impl Row<'_> {
    /// The text of a column; empty where there is none.
    fn text(&self, column: Column) -> &str {
        self.header.text(self.record, column).unwrap_or_default()
    }

    /// A number, or none and a count of what is no number.
    fn number(&self, problems: &mut Problems, column: Column) -> Option<i64> {
        match self.header.number(self.record, column) {
            Ok(number) => number.map(|(number, _)| number),
            Err(text) => {
                problems.add(Problem::Value, self.line, || format!("`{text}`"));
                None
            }
        }
    }

    /// Start and end, or none and a count.
    fn times(&self, problems: &mut Problems) -> Option<(i64, i64)> {
        let mut time = |column| match self.header.number(self.record, column) {
            Ok(Some((time, rounded))) => {
                if rounded {
                    let text = || self.text(column).to_owned();
                    problems.add(Problem::Finer, self.line, text);
                }
                Some(time)
            }
            Ok(None) => {
                problems.add(Problem::NoTime, self.line, || "it is missing".to_owned());
                None
            }
            Err(text) => {
                problems.add(Problem::NoTime, self.line, || format!("`{text}`"));
                None
            }
        };
        let start = time(Column::Start)?;
        let duration = time(Column::Duration)?;
        // Both are below half of what fits.
        Some((start, start + duration))
    }
}

impl<'a> Rows<'a> {
    /// Rows of a trace of `report`.
    pub(crate) fn new(report: &'a mut Report, host: HostId) -> Self {
        Self { report, host, first: None, events: 0, kept: 0 }
    }

    /// Writes a row.
    pub(crate) fn row(
        &mut self,
        writer: &mut Writer,
        problems: &mut Problems,
        header: &Header,
        line: u64,
        record: &Fields,
    ) -> Result<(), WriteError> {
        self.events += 1;
        let row = Row { header, record, line };
        let Some((start, end)) = row.times(problems) else { return Ok(()) };
        match header.kind {
            Kind::Gpu => self.operation(writer, problems, &row, start, end)?,
            Kind::Api => self.call(writer, problems, &row, start, end)?,
        }
        self.kept += 1;
        Ok(())
    }

    fn operation(
        &mut self,
        writer: &mut Writer,
        problems: &mut Problems,
        row: &Row<'_>,
        start: i64,
        end: i64,
    ) -> Result<(), WriteError> {
        // Of several processes that made calls the trace does not say which one this is of.
        let mut known = self.report.processes.keys();
        let process = match (known.next(), known.next()) {
            (Some(only), None) => *only,
            _ => None,
        };
        let (device_id, stream_id) = {
            let device = row.text(Column::Device);
            let context = row.number(problems, Column::Context);
            let stream = row.number(problems, Column::Stream).unwrap_or(0);
            self.stream(writer, process, end, device, context, stream)?
        };
        let process_id = self.process(writer, process, end)?.id;
        let (start_ns, end_ns) =
            (Timestamp::from_unix_nanos(start), Timestamp::from_unix_nanos(end));
        let correlation = row.number(problems, Column::Correlation).filter(|&number| number != 0);
        let name = row.text(Column::Name);
        if let Some(kind) = copy_kind(name) {
            let bytes = row.number(problems, Column::Bytes);
            let unit = row.header.factor(Column::Bytes);
            if bytes.is_some() && unit > 1 {
                problems.add(Problem::Coarse, row.line, || (unit / 1000).max(1).to_string());
            }
            return writer.append(&Copy {
                process_id,
                device_id,
                stream_id,
                start_ns,
                end_ns,
                kind,
                bytes: bytes.unwrap_or(0),
                correlation,
                ..Copy::default()
            });
        }
        let name_id = writer.string(name)?;
        let mut number = |column| row.number(problems, column);
        writer.append(&Kernel {
            process_id,
            device_id,
            stream_id,
            start_ns,
            end_ns,
            name_id,
            correlation,
            grid_x: number(Column::Grid(0)),
            grid_y: number(Column::Grid(1)),
            grid_z: number(Column::Grid(2)),
            block_x: number(Column::Block(0)),
            block_y: number(Column::Block(1)),
            block_z: number(Column::Block(2)),
            registers: number(Column::Registers),
            ..Kernel::default()
        })
    }

    fn call(
        &mut self,
        writer: &mut Writer,
        problems: &mut Problems,
        row: &Row<'_>,
        start: i64,
        end: i64,
    ) -> Result<(), WriteError> {
        let pid = row.number(problems, Column::Pid);
        let tid = row.number(problems, Column::Tid).unwrap_or(0);
        // Operations that stand before it in the file are taken for those of the first process.
        if self.report.adopted.is_none() && self.report.processes.contains_key(&None) {
            self.report.adopted = pid;
        }
        let adopted = self.report.adopted;
        let pid = if adopted.is_some() && pid == adopted { None } else { pid };
        if let (Some(adopted), Some(pid)) = (adopted, pid) {
            problems.add(Problem::Several, row.line, || format!("{adopted} and {pid}"));
        }
        let process = self.process(writer, pid, end)?;
        let process_id = process.id;
        let thread_id: ThreadId = match process.threads.entry(tid) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let name = row.text(Column::ThreadName).to_owned();
                *new.insert(writer.insert(&table::Thread { process_id, tid, name })?)
            }
        };
        let name_id = writer.string(row.text(Column::Name))?;
        writer.append(&ApiCall {
            process_id,
            thread_id,
            start_ns: Timestamp::from_unix_nanos(start),
            end_ns: Timestamp::from_unix_nanos(end),
            name_id,
            correlation: row.number(problems, Column::Correlation).filter(|&number| number != 0),
            result: row.number(problems, Column::Result),
        })
    }

    /// A process of the report, which was alive at `time`.
    fn process(
        &mut self,
        writer: &mut Writer,
        pid: Option<i64>,
        time: i64,
    ) -> Result<&mut Process, WriteError> {
        let process = match self.report.processes.entry(pid) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                // Times count from the session's start.
                let id = writer.insert(&table::Process {
                    host_id: self.host,
                    pid: pid.unwrap_or(0),
                    ..table::Process::default()
                })?;
                new.insert(Process {
                    id,
                    end: time,
                    threads: BTreeMap::new(),
                    devices: BTreeMap::new(),
                    streams: BTreeMap::new(),
                })
            }
        };
        process.end = process.end.max(time);
        self.first = self.first.or(Some(process.id));
        Ok(process)
    }

    /// A stream of a GPU, which is named `NVIDIA H100 (0)`.
    fn stream(
        &mut self,
        writer: &mut Writer,
        process: Option<i64>,
        time: i64,
        device: &str,
        context: Option<i64>,
        stream: i64,
    ) -> Result<(DeviceId, StreamId), WriteError> {
        let told = device.strip_suffix(')').and_then(|text| text.rsplit_once(" ("));
        let told = told.and_then(|(name, ordinal)| Some((name, ordinal.parse().ok()?)));
        let (name, ordinal): (&str, i64) = told.unwrap_or((device, 0));
        let known = self.process(writer, process, time)?;
        let process_id = known.id;
        let device_id: DeviceId = match known.devices.entry(ordinal) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let name = if name.is_empty() { UNKNOWN } else { name }.to_owned();
                let device = table::Device::default();
                *new.insert(writer.insert(&table::Device {
                    process_id,
                    ordinal,
                    name,
                    ..device
                })?)
            }
        };
        let stream_id: StreamId = match known.streams.entry((ordinal, stream)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => *new.insert(writer.insert(&table::Stream {
                process_id,
                device_id,
                stream,
                context,
                ..table::Stream::default()
            })?),
        };
        Ok((device_id, stream_id))
    }

    /// Notes when the processes were last seen, and returns the first of this file.
    pub(crate) fn finish(&mut self, writer: &mut Writer) -> Result<ProcessId, WriteError> {
        let first = match self.first {
            Some(first) => first,
            None => self.process(writer, None, 0)?.id,
        };
        for process in self.report.processes.values() {
            writer.end_process(process.id, Timestamp::from_unix_nanos(process.end), None, None)?;
        }
        Ok(first)
    }
}

/// The kind of a copy or memset by its name, `[CUDA memcpy HtoD]` or `[CUDA memcpy Host-to-Device]`; `None` for kernels.
fn copy_kind(name: &str) -> Option<CopyKind> {
    let rest = name.strip_prefix("[CUDA ")?.strip_suffix(']')?;
    if rest.starts_with("memset") {
        return Some(CopyKind::Memset);
    }
    let way = rest.rsplit(' ').next().and_then(copy_kind::of);
    match way {
        Some(kind) if rest.contains("Unified") => Some(copy_kind::unified(kind)),
        // Between arrays, too.
        None if rest.contains("memcpy") => Some(CopyKind::Other),
        way => way,
    }
}

#[cfg(test)]
mod tests {
    use perfagent_recording::table::CopyKind;

    use super::copy_kind;

    #[test]
    fn names_of_copies() {
        for (name, kind) in [
            ("[CUDA memcpy HtoD]", Some(CopyKind::HtoD)),
            ("[CUDA memcpy Device-to-Host]", Some(CopyKind::DtoH)),
            ("[CUDA memcpy Unified Host-to-Device]", Some(CopyKind::UnifiedHtoD)),
            ("[CUDA Unified Memory memcpy DtoH]", Some(CopyKind::UnifiedDtoH)),
            ("[CUDA memcpy Host-to-Array]", Some(CopyKind::Other)),
            ("[CUDA memset]", Some(CopyKind::Memset)),
            ("[CUDA graph]", None),
            ("void f(int)", None),
        ] {
            assert_eq!(copy_kind(name), kind, "{name}");
        }
    }
}
