//! From the records of one ring to rows of the recording.

mod collective_text;
mod driver;
#[cfg(test)]
mod fuzz;
mod gpu;
mod meaning;
mod names;
mod nccl;
mod open_range;
mod operator_text;
mod tables;

use std::collections::BTreeMap;

use perfagent_recording::table::{
    ApiCall, ClockAnchor, Collective, Loss, Mark, Note, Operator, Payload, Range, Severity, Timing,
};
use perfagent_recording::{HostId, ProcessId, StringId, Timestamp, WriteError};
use perfagent_spool::{LossCause, MonotonicNs, Record};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::window::Window;
use meaning::{Meaning, Meanings};
use names::Definition;
pub(crate) use names::Names;
use open_range::{OpenRange, OpenRanges, Saved};
pub(crate) use tables::Tables;

/// Whose ring it is and how its times are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) host: HostId,
    pub(crate) process: ProcessId,
    /// The operating system's number of the process.
    pub(crate) pid: u32,
    pub(crate) clock: Clock,
    pub(crate) window: Window,
}

/// Decodes the records of one ring, in their order.
#[derive(Debug)]
pub(crate) struct Decoder {
    source: Source,
    pub(crate) names: Names,
    meanings: Meanings,
    categories: FxHashMap<(u32, u32), i64>,
    /// Texts that are in the recording: their ids there.
    written: FxHashMap<u32, StringId>,
    open: OpenRanges,
    nccl: nccl::Nccl,
    tally: Tally,
}

/// What has been counted so far, and how far time has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Tally {
    /// Losses that have a row of their own already, by cause.
    gaps: BTreeMap<String, u64>,
    unmatched_pops: u64,
    corrupt: u64,
    /// The range that recording was limited to, and how often it has begun.
    capture: Option<(String, u64)>,
    /// The latest time in any record, monotonic ns.
    last_ns: u64,
}

/// The part of a decoder that the ring cannot give again.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Memory {
    open: Saved,
    nccl: nccl::Nccl,
    tally: Tally,
}

impl Decoder {
    /// A decoder that has read nothing, or what `memory` remembers.
    pub(crate) fn new(source: Source, names: Names, memory: Memory) -> Self {
        Self {
            source,
            names,
            meanings: Meanings::default(),
            categories: FxHashMap::default(),
            written: FxHashMap::default(),
            open: OpenRanges::restore(memory.open),
            nccl: memory.nccl,
            tally: memory.tally,
        }
    }

    /// What must be kept for another recorder to go on from here.
    pub(crate) fn memory(&self) -> Memory {
        Memory { open: self.open.save(), nccl: self.nccl.clone(), tally: self.tally.clone() }
    }

    /// The process whose ring it is.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// Writes what `record` says.
    pub(crate) fn apply(
        &mut self,
        record: &Record<'_>,
        tables: &mut Tables,
    ) -> Result<(), WriteError> {
        match *record {
            Record::String { id, text } => {
                self.meanings.forget(Some(id), None);
                self.written.remove(&id);
                self.names.define(Definition::Text(id, text.to_owned()));
            }
            Record::Domain { domain, name } => {
                self.meanings.forget(None, Some(domain));
                let name = self.names.text(name).to_owned();
                self.names.define(Definition::Domain(domain, name));
            }
            Record::Category { domain, category, name } => {
                self.categories.remove(&(domain, category));
                let name = self.names.text(name).to_owned();
                self.names.define(Definition::Category(domain, category, name));
            }
            Record::ThreadName { tid, name } => {
                tables.name_thread(self.source.process, tid, self.names.text(name))?;
            }
            Record::RangePush { time, tid, domain, category, color, name, payload } => {
                let range =
                    self.opened(tables, time, tid, (domain, category), color, name, payload)?;
                self.open.push(domain, range);
            }
            Record::RangePop { time, tid, domain } => {
                let end = self.seen(time);
                match self.open.pop(tid, domain) {
                    Some(range) => self.close(tables, &range, end, false)?,
                    None => self.tally.unmatched_pops += 1,
                }
            }
            Record::RangeStart { time, tid, id, domain, category, color, name, payload } => {
                let range =
                    self.opened(tables, time, tid, (domain, category), color, name, payload)?;
                if let Some((range, end_ns)) = self.open.start(id, range) {
                    self.close(tables, &range, Timestamp::from_unix_nanos(end_ns), false)?;
                }
            }
            Record::RangeEnd { time, id, .. } => {
                let end = self.seen(time);
                if let Some(range) = self.open.end(id, end.unix_nanos()) {
                    self.close(tables, &range, end, false)?;
                }
            }
            Record::Mark { time, tid, domain, category, name, payload, .. } => {
                let time_ns = self.seen(time);
                if self.source.window.holds(time_ns) {
                    let mark = Mark {
                        process_id: self.source.process,
                        thread_id: tables.thread(self.source.process, self.source.pid, tid)?,
                        time_ns,
                        domain_id: StringId(self.meanings.domain_id(
                            &self.names,
                            &mut tables.writer,
                            domain,
                        )?),
                        category_id: StringId(self.category(tables, domain, category)?),
                        name_id: self.text(tables, name)?,
                        payload: number(payload),
                    };
                    tables.writer.append(&mark)?;
                }
            }
            Record::Api { start, end, tid, correlation, name, result } => {
                let (start_ns, end_ns) = self.interval(start, end);
                if self.source.window.holds(start_ns) {
                    let call = ApiCall {
                        process_id: self.source.process,
                        thread_id: tables.thread(self.source.process, self.source.pid, tid)?,
                        start_ns,
                        end_ns,
                        name_id: self.text(tables, name)?,
                        correlation: Some(i64::from(correlation)),
                        result: Some(i64::from(result)),
                    };
                    tables.writer.append(&call)?;
                }
            }
            Record::Anchor { monotonic, realtime } => {
                tables.writer.append(&ClockAnchor {
                    host_id: self.source.host,
                    process_id: Some(self.source.process),
                    time_ns: self.seen(monotonic),
                    realtime_ns: Timestamp::from_unix_nanos(realtime.0),
                })?;
            }
            Record::Note { time, text } => {
                // The library speaks only when something is not recorded.
                let text = self.names.text(text).to_owned();
                let time_ns = Some(self.seen(time));
                let process_id = Some(self.source.process);
                tables.writer.append(&Note {
                    process_id,
                    time_ns,
                    severity: Severity::Warning,
                    text,
                })?;
            }
            Record::Gap { start, end, cause, count } => {
                self.gap(tables, start, end, cause, count)?;
            }
            Record::Capture { time, name, state } => {
                self.seen(time);
                let name = self.names.text(name).to_owned();
                let (_, begun) = self.tally.capture.get_or_insert((name, 0));
                *begun += u64::from(state == 1);
            }
            Record::NcclCommunicator { .. }
            | Record::NcclCall { .. }
            | Record::NcclTimes { .. }
            | Record::ExternalCorrelation { .. } => self.apply_nccl(record, tables)?,
            _ => self.apply_gpu(record, tables)?,
        }
        Ok(())
    }

    /// `count` records were damaged or missing: what was open on the threads is not known any more.
    pub(crate) fn corrupt(&mut self, tables: &mut Tables, count: u64) -> Result<(), WriteError> {
        self.tally.corrupt = self.tally.corrupt.saturating_add(count);
        self.cut_stacks(tables, MonotonicNs(self.tally.last_ns))
    }

    /// The process has ended, or nothing more of it will be read: closes what is open at its last sign of life, and
    /// writes down what was lost. `counted` are the ring's own counters. Returns that last time.
    pub(crate) fn finish(
        &mut self,
        tables: &mut Tables,
        heartbeat: MonotonicNs,
        counted: &[(LossCause, u64)],
    ) -> Result<Timestamp, WriteError> {
        let last = self.source.clock.at(MonotonicNs(self.tally.last_ns.max(heartbeat.0)));
        for range in self.open.take_all() {
            self.close(tables, &range, last, true)?;
        }
        self.finish_nccl(tables)?;
        self.finish_capture(tables)?;
        let mut losses: BTreeMap<&str, u64> = BTreeMap::new();
        for (cause, count) in counted {
            // Gaps are counted in the header too, and have their own rows.
            let told = self.tally.gaps.get(cause.name()).copied().unwrap_or(0);
            losses.insert(cause.name(), count.saturating_sub(told));
        }
        losses.insert("corrupt_record", self.tally.corrupt);
        losses.insert("unmatched_pop", self.tally.unmatched_pops);
        losses.insert("unmatched_end", self.open.unmatched_ends());
        for (cause, count) in losses.into_iter().filter(|(_, count)| *count > 0) {
            tables.writer.append(&Loss {
                process_id: Some(self.source.process),
                cause: cause.to_owned(),
                count: count as i64,
                start_ns: None,
                end_ns: None,
            })?;
        }
        Ok(last)
    }

    /// Says to what recording was limited.
    fn finish_capture(&self, tables: &mut Tables) -> Result<(), WriteError> {
        let (severity, text) = match &self.tally.capture {
            None => return Ok(()),
            Some((name, 0)) => (
                Severity::Warning,
                format!(
                    "the capture range \"{name}\" was never open, so nothing of this process was recorded"
                ),
            ),
            Some((name, begun)) => (
                Severity::Info,
                format!("recorded only while the capture range \"{name}\" was open, {begun} times"),
            ),
        };
        let process_id = Some(self.source.process);
        tables.writer.append(&Note { process_id, time_ns: None, severity, text })
    }

    fn gap(
        &mut self,
        tables: &mut Tables,
        start: MonotonicNs,
        end: MonotonicNs,
        cause: LossCause,
        count: u64,
    ) -> Result<(), WriteError> {
        let told = self.tally.gaps.entry(cause.name().to_owned()).or_default();
        *told = told.saturating_add(count);
        // A full ring loses ends as well as starts. The other causes lose whole ranges, or none.
        if matches!(cause, LossCause::RingFull | LossCause::Unknown) {
            self.cut_stacks(tables, start)?;
        }
        let (start_ns, end_ns) = self.interval(start, end);
        tables.writer.append(&Loss {
            process_id: Some(self.source.process),
            cause: cause.name().to_owned(),
            count: count as i64,
            start_ns: Some(start_ns),
            end_ns: Some(end_ns),
        })
    }

    fn cut_stacks(&mut self, tables: &mut Tables, at: MonotonicNs) -> Result<(), WriteError> {
        let end = self.source.clock.at(at);
        for range in self.open.take_stacks() {
            self.close(tables, &range, end, true)?;
        }
        Ok(())
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the fields that both kinds of range records share"
    )]
    fn opened(
        &mut self,
        tables: &mut Tables,
        time: MonotonicNs,
        tid: u32,
        (domain, category): (u32, u32),
        color: u32,
        name: u32,
        payload: perfagent_spool::Payload,
    ) -> Result<OpenRange, WriteError> {
        let start = self.seen(time);
        let category = self.category(tables, domain, category)?;
        let (meaning, domain) = self.meanings.of(&self.names, &mut tables.writer, domain, name)?;
        if matches!(meaning, Meaning::Collective { timing: Timing::Enqueue, .. }) {
            self.nccl_range();
        }
        Ok(OpenRange {
            start_ns: start.unix_nanos(),
            tid,
            domain,
            category,
            color,
            meaning,
            depth: None,
            payload: number(payload),
            keep: self.source.window.holds(start),
        })
    }

    fn close(
        &mut self,
        tables: &mut Tables,
        range: &OpenRange,
        end: Timestamp,
        open: bool,
    ) -> Result<(), WriteError> {
        if !range.keep {
            return Ok(());
        }
        let process_id = self.source.process;
        let thread_id = tables.thread(process_id, self.source.pid, range.tid)?;
        let start_ns = Timestamp::from_unix_nanos(range.start_ns);
        let (end, cut) = self.source.window.cut(end);
        let (end_ns, open) = (end.max(start_ns), open || cut);
        match range.meaning {
            Meaning::Range { name } => tables.writer.append(&Range {
                process_id,
                thread_id,
                start_ns,
                end_ns,
                depth: range.depth,
                domain_id: StringId(range.domain),
                category_id: StringId(range.category),
                name_id: StringId(name),
                color: (range.color != 0).then(|| i64::from(range.color)),
                payload: range.payload,
                open,
            }),
            Meaning::Operator { name, shapes, types, sequence } => {
                tables.writer.append(&Operator {
                    process_id,
                    thread_id,
                    start_ns,
                    end_ns,
                    depth: range.depth.unwrap_or(0),
                    name_id: StringId(name),
                    shapes_id: StringId(shapes),
                    types_id: types.map(StringId),
                    sequence: sequence.or(range.payload.integer()),
                    open,
                    ..Operator::default()
                })
            }
            Meaning::Collective { op, dtype, bytes, group, size, timing, whole } => {
                let source_id = tables.writer.string("nvtx")?;
                // A number beside one of NCCL's own ranges is the message's size, beside others the call's number.
                let number = range.payload.integer();
                let (bytes, sequence) = match timing {
                    Timing::Enqueue => (number.filter(|_| whole), None),
                    _ => (bytes, number),
                };
                tables.writer.append(&Collective {
                    process_id,
                    thread_id: Some(thread_id),
                    stream_id: None,
                    start_ns,
                    end_ns,
                    op_id: StringId(op),
                    dtype_id: StringId(dtype),
                    bytes,
                    group_id: StringId(group),
                    group_size: size,
                    sequence,
                    source_id,
                    open,
                    timing,
                    enqueued_ns: None,
                    correlation: None,
                })
            }
        }
    }

    /// The recording's string id of a text.
    fn text(&mut self, tables: &mut Tables, name: u32) -> Result<StringId, WriteError> {
        if let Some(written) = self.written.get(&name) {
            return Ok(*written);
        }
        let id = tables.writer.string(self.names.text(name))?;
        self.written.insert(name, id);
        Ok(id)
    }

    /// The string id of a category; one without a name goes by its number.
    fn category(
        &mut self,
        tables: &mut Tables,
        domain: u32,
        category: u32,
    ) -> Result<i64, WriteError> {
        if category == 0 {
            return Ok(0);
        }
        if let Some(known) = self.categories.get(&(domain, category)) {
            return Ok(*known);
        }
        let id = match self.names.category(domain, category) {
            Some(name) => tables.writer.string(name)?,
            None => tables.writer.string(&category.to_string())?,
        };
        self.categories.insert((domain, category), id.0);
        Ok(id.0)
    }

    /// A time that a record carries, on the recording's clock.
    fn seen(&mut self, time: MonotonicNs) -> Timestamp {
        self.tally.last_ns = self.tally.last_ns.max(time.0);
        self.source.clock.at(time)
    }

    /// Start and end, in order.
    fn interval(&mut self, start: MonotonicNs, end: MonotonicNs) -> (Timestamp, Timestamp) {
        (self.seen(start), self.seen(end.max(start)))
    }
}

fn number(payload: perfagent_spool::Payload) -> Payload {
    match payload {
        perfagent_spool::Payload::None => Payload::None,
        perfagent_spool::Payload::U64(value) => Payload::Integer(value.cast_signed()),
        perfagent_spool::Payload::I64(value) => Payload::Integer(value),
        perfagent_spool::Payload::F64(value) => Payload::Real(value),
    }
}
