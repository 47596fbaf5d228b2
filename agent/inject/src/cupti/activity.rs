//! From CUPTI's records to ours.
#![expect(unsafe_code, reason = "records are read where CUPTI wrote them")]

#[cfg(test)]
mod captured;
mod host;
mod memory;
mod operation;
mod raw;

use std::collections::HashSet;
use std::ptr;
use std::sync::atomic::Ordering;

use perfagent_spool::{LossCause, MonotonicNs, RealtimeNs, Record};

use super::kind;
use super::layout::{self, CUDA_12_3, CorrelatedOverhead};
use super::session::Session;
use super::sys::{
    DRIVER_API, EXTERNAL_KIND, ExternalCorrelation, KIND_CONCURRENT_KERNEL,
    KIND_EXTERNAL_CORRELATION, KIND_MEMCPY, KIND_MEMCPY2, KIND_MEMSET, MAX_LIMIT_REACHED,
    RUNTIME_API, SUCCESS, Status,
};
use crate::writer::Writer;
use raw::Raw;

/// Room that the records of one buffer need at most, with some names.
const RESERVE_BYTES: u64 = 1 << 20;

/// Writes the records of all filled buffers.
pub(super) fn drain(session: &Session, writer: &mut Writer) {
    let mut reading = Reading { session, clock: Clock::of(session), runtime: HashSet::new() };
    // While the ring is full, buffers wait in their queue, and are counted when that is full too.
    while writer.may_write(RESERVE_BYTES.min(writer.ring.capacity() / 2))
        && let Some(buffer) = session.buffers.next_filled()
    {
        reading.take(writer, buffer.pointer(), buffer.bytes);
        session.buffers.recycle(buffer);
    }
}

/// How the times of records become ours.
#[derive(Debug, Clone, Copy)]
struct Clock {
    /// Nanoseconds to subtract.
    ahead: i64,
}

impl Clock {
    fn of(session: &Session) -> Self {
        if session.monotonic.load(Ordering::Relaxed) {
            return Self { ahead: 0 };
        }
        Self { ahead: RealtimeNs::now().0.wrapping_sub(MonotonicNs::now().0 as i64) }
    }

    /// A time, or `None` when CUPTI did not note it, or it is one that the clock cannot have shown.
    fn at(self, time: u64) -> Option<MonotonicNs> {
        let ours = i64::try_from(time).ok()?.checked_sub(self.ahead)?;
        (time != 0).then_some(MonotonicNs(u64::try_from(ours).ok()?))
    }

    /// The two times, or `None` when CUPTI had no memory to note them, or they make no sense.
    fn span(self, start: u64, end: u64) -> Option<(MonotonicNs, MonotonicNs)> {
        (end >= start).then(|| self.at(start).zip(self.at(end))).flatten()
    }
}

/// What is known while a buffer is read.
struct Reading<'a> {
    session: &'a Session,
    clock: Clock,
    /// Correlation ids of the calls of the runtime in this buffer.
    runtime: HashSet<u32>,
}

/// A record of ours, none because nobody wants it, or none because it has no times.
type Translated = Result<Option<Record<'static>>, LossCause>;

impl Reading<'_> {
    /// Writes the records in the first `bytes` bytes of a buffer that came back from CUPTI, and that only we have.
    fn take(&mut self, writer: &mut Writer, buffer: *mut u8, bytes: usize) {
        if self.session.records_calls() {
            self.runtime.clear();
            let runtime = &mut self.runtime;
            each(self.session, buffer, bytes, |record| runtime.extend(runtime_call(record)));
        }
        let status = each(self.session, buffer, bytes, |record| self.write(writer, record));
        if status != MAX_LIMIT_REACHED {
            writer.ring.count_loss(LossCause::UnknownRecord, 1);
        }
    }

    fn write(&self, writer: &mut Writer, record: Raw) {
        match self.translate(writer, record).unwrap_or(Err(LossCause::UnknownRecord)) {
            Ok(Some(record)) => _ = writer.ring.push(&record),
            Ok(None) => {}
            Err(cause) => writer.ring.count_loss(cause, 1),
        }
    }

    /// `None` when the kind is not known, or the buffer ends within the record.
    fn translate(&self, writer: &mut Writer, record: Raw) -> Option<Translated> {
        let clock = self.clock;
        // SAFETY: (all) every record begins with its kind, and the kind tells the structure, of which ours are prefixes.
        let timed = unsafe {
            match record.kind()? {
                KIND_CONCURRENT_KERNEL => {
                    operation::kernel(self.session, writer, clock, &record.read()?)
                }
                KIND_MEMCPY => operation::memcpy(clock, &record.read()?),
                KIND_MEMCPY2 => operation::peer_memcpy(clock, &record.read()?),
                KIND_MEMSET => operation::memset(clock, &record.read()?),
                kind::GRAPH_TRACE => operation::graph(clock, &record.read()?),
                kind::MEMORY2 => memory::change(clock, &record.read()?),
                kind::MEMORY_POOL => memory::pool(clock, &record.read()?),
                kind::SYNCHRONIZATION => host::synchronization(clock, &record.read()?),
                kind::OVERHEAD if self.session.version >= CUDA_12_3 => {
                    host::overhead(clock, &record.read()?)
                }
                kind::OVERHEAD => {
                    let overhead = record.read()?;
                    host::overhead(clock, &CorrelatedOverhead { overhead, correlation: 0 })
                }
                kind::CONTEXT => Some(host::context(&record.read()?)),
                kind::STREAM => Some(host::stream(&record.read()?)),
                kind::RUNTIME_CALL => {
                    let call = record.read()?;
                    return Some(host::call(self.session, writer, clock, RUNTIME_API, &call));
                }
                kind::DRIVER_CALL => {
                    let call: layout::ApiCall = record.read()?;
                    // The runtime's call, within which it was made, has the same correlation id and is enough. Nobody may
                    // want calls at all: CUPTI writes external correlation only beside them.
                    if !self.session.records_calls() || self.runtime.contains(&call.correlation) {
                        return Some(Ok(None));
                    }
                    return Some(host::call(self.session, writer, clock, DRIVER_API, &call));
                }
                KIND_EXTERNAL_CORRELATION => {
                    let ExternalCorrelation { external_kind, id, correlation, .. } =
                        record.read()?;
                    // Other tools of the process may push ids of their own kinds.
                    let ours = external_kind == EXTERNAL_KIND;
                    return Some(Ok(
                        ours.then_some(Record::ExternalCorrelation { correlation, id })
                    ));
                }
                _ => return None,
            }
        };
        Some(timed.map(Some).ok_or(LossCause::ZeroTimestamp))
    }
}

/// Calls `with` for each record of a buffer; the status that stepping ended with.
fn each(session: &Session, buffer: *mut u8, bytes: usize, mut with: impl FnMut(Raw)) -> Status {
    let mut record = ptr::null_mut();
    loop {
        // SAFETY: the buffer came back from CUPTI with this many bytes of records, and only we have it.
        let status = unsafe { session.next_record(buffer, bytes, &mut record) };
        if status != SUCCESS || record.is_null() {
            return status;
        }
        // SAFETY: CUPTI put a record there, within the buffer.
        with(unsafe { Raw::within(buffer, bytes, record) });
    }
}

/// The correlation id of a record of a call of the CUDA runtime.
fn runtime_call(record: Raw) -> Option<u32> {
    // SAFETY: every record begins with its kind, which tells the structure.
    unsafe {
        (record.kind()? == kind::RUNTIME_CALL)
            .then(|| record.read::<layout::ApiCall>())?
            .map(|call| call.correlation)
    }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_without_times_are_refused() {
        let clock = Clock { ahead: 100 };
        assert_eq!(clock.span(0, 0), None);
        assert_eq!(clock.span(500, 400), None);
        assert_eq!(clock.span(300, 300), Some((MonotonicNs(200), MonotonicNs(200))));
    }

    /// They wrapped around, and an operation ended 500 years after it had begun.
    #[test]
    fn times_before_the_clock_began_and_after_its_end_are_refused() {
        let clock = Clock { ahead: 100 };
        assert_eq!(clock.span(50, 300), None);
        assert_eq!(clock.span(300, u64::MAX), None);
        assert_eq!(Clock { ahead: i64::MIN }.at(300), None);
        assert_eq!(clock.at(100), Some(MonotonicNs(0)));
    }
}
