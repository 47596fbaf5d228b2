//! From CUPTI's records to ours.
#![expect(unsafe_code, reason = "records are read where CUPTI wrote them")]

mod host;
mod memory;
mod operation;

use std::collections::HashSet;
use std::ptr;
use std::sync::atomic::Ordering;

use perfagent_spool::{LossCause, MonotonicNs, RealtimeNs, Record};

use super::api_call;
use super::buffers::Filled;
use super::kind;
use super::layout::{self, CUDA_12_3, CorrelatedOverhead};
use super::session::Session;
use super::sys::{
    EXTERNAL_KIND, ExternalCorrelation, KIND_CONCURRENT_KERNEL, KIND_EXTERNAL_CORRELATION,
    KIND_MEMCPY, KIND_MEMCPY2, KIND_MEMSET, MAX_LIMIT_REACHED, SUCCESS, Status,
};
use crate::writer::Writer;

/// Room that the records of one buffer need at most, with some names.
const RESERVE_BYTES: u64 = 1 << 20;

/// Writes the records of all filled buffers.
pub(super) fn drain(session: &Session, writer: &mut Writer) {
    let mut reading = Reading { session, clock: Clock::of(session), runtime: HashSet::new() };
    // While the ring is full, buffers wait in their queue, and are counted when that is full too.
    while writer.may_write(RESERVE_BYTES.min(writer.ring.capacity() / 2))
        && let Some(buffer) = session.buffers.next_filled()
    {
        if session.records_calls() {
            reading.runtime.clear();
            each(session, buffer, |record| {
                // SAFETY: a record that CUPTI put there.
                if let Some(call) = unsafe { runtime_call(record) } {
                    reading.runtime.insert(call);
                }
            });
        }
        // SAFETY: a record that CUPTI put there.
        let status = each(session, buffer, |record| unsafe { reading.write(writer, record) });
        if status != MAX_LIMIT_REACHED {
            writer.ring.count_loss(LossCause::UnknownRecord, 1);
        }
        session.buffers.recycle(buffer);
    }
}

/// Calls `with` for each record of a buffer; the status that stepping ended with.
fn each(session: &Session, buffer: Filled, mut with: impl FnMut(*const u8)) -> Status {
    let mut record = ptr::null_mut();
    loop {
        // SAFETY: the buffer came back from CUPTI with this many bytes of records, and only we have it.
        let status =
            unsafe { (session.api.next_record)(buffer.pointer(), buffer.bytes, &raw mut record) };
        if status != SUCCESS || record.is_null() {
            return status;
        }
        with(record);
    }
}

/// The correlation id of a record of a call of the CUDA runtime.
///
/// # Safety
/// CUPTI put a record of the kind that it begins with there.
unsafe fn runtime_call(record: *const u8) -> Option<u32> {
    // SAFETY: every record begins with its kind, which tells the structure.
    unsafe {
        (read::<u32>(record) == kind::RUNTIME_CALL)
            .then(|| read::<layout::ApiCall>(record).correlation)
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
    /// Writes the record at `record`.
    ///
    /// # Safety
    /// CUPTI put a record of the kind that it begins with there.
    unsafe fn write(&self, writer: &mut Writer, record: *const u8) {
        // SAFETY: the caller's promise.
        match unsafe { self.translate(writer, record) } {
            Ok(Some(record)) => _ = writer.ring.push(&record),
            Ok(None) => {}
            Err(cause) => writer.ring.count_loss(cause, 1),
        }
    }

    /// # Safety
    /// As for [`Reading::write`].
    unsafe fn translate(&self, writer: &mut Writer, record: *const u8) -> Translated {
        let clock = self.clock;
        // SAFETY: (all) every record begins with its kind, and the kind tells the structure, of which ours are prefixes.
        let timed = unsafe {
            match read::<u32>(record) {
                KIND_CONCURRENT_KERNEL => {
                    let kernel = read(record);
                    operation::kernel(self.session, writer, clock, &kernel)
                }
                KIND_MEMCPY => operation::memcpy(clock, &read(record)),
                KIND_MEMCPY2 => operation::peer_memcpy(clock, &read(record)),
                KIND_MEMSET => operation::memset(clock, &read(record)),
                kind::GRAPH_TRACE => operation::graph(clock, &read(record)),
                kind::MEMORY2 => memory::change(clock, &read(record)),
                kind::MEMORY_POOL => memory::pool(clock, &read(record)),
                kind::SYNCHRONIZATION => host::synchronization(clock, &read(record)),
                kind::OVERHEAD if self.session.version >= CUDA_12_3 => {
                    host::overhead(clock, &read(record))
                }
                kind::OVERHEAD => {
                    let overhead = read(record);
                    host::overhead(clock, &CorrelatedOverhead { overhead, correlation: 0 })
                }
                kind::CONTEXT => Some(host::context(&read(record))),
                kind::STREAM => Some(host::stream(&read(record))),
                kind::RUNTIME_CALL => {
                    return host::call(
                        self.session,
                        writer,
                        clock,
                        api_call::RUNTIME,
                        &read(record),
                    );
                }
                kind::DRIVER_CALL => {
                    let call: layout::ApiCall = read(record);
                    // The runtime's call, within which it was made, has the same correlation id and is enough.
                    if self.runtime.contains(&call.correlation) {
                        return Ok(None);
                    }
                    return host::call(self.session, writer, clock, api_call::DRIVER, &call);
                }
                KIND_EXTERNAL_CORRELATION => {
                    let ExternalCorrelation { external_kind, id, correlation, .. } = read(record);
                    // Other tools of the process may push ids of their own kinds.
                    let ours = external_kind == EXTERNAL_KIND;
                    return Ok(ours.then_some(Record::ExternalCorrelation { correlation, id }));
                }
                _ => return Err(LossCause::UnknownRecord),
            }
        };
        timed.map(Some).ok_or(LossCause::ZeroTimestamp)
    }
}

/// Copies a structure out of a buffer of CUPTI, wherever it stands there.
///
/// # Safety
/// There is a `T` at `record`, and any bytes are a valid `T`.
unsafe fn read<T: Copy>(record: *const u8) -> T {
    // SAFETY: the caller's promise; an unaligned read asks for nothing more.
    unsafe { ptr::read_unaligned(record.cast()) }
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
