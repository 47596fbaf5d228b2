//! What the host did and made: calls, waits, contexts, streams; and what recording cost.

use std::ffi::c_int;
use std::sync::atomic::Ordering;

use perfagent_spool::{LossCause, NO_STREAM, Record};

use super::super::layout::{ApiCall, Context, CorrelatedOverhead, Stream, Synchronization};
use super::super::session::Session;
use super::{Clock, Translated};
use crate::writer::Writer;

/// `CUPTI_ACTIVITY_OBJECT_THREAD`.
const THREAD: u32 = 2;
/// `CUPTI_SYNCHRONIZATION_INVALID_VALUE`, as the event of a wait for something else.
const NO_EVENT: u32 = u32::MAX;

pub(super) fn call(
    session: &Session,
    writer: &mut Writer,
    clock: Clock,
    domain: c_int,
    call: &ApiCall,
) -> Translated {
    let Some(name) = session.calls.of(&session.api, domain, call.function) else { return Ok(None) };
    let (start, end) = clock.span(call.start, call.end).ok_or(LossCause::ZeroTimestamp)?;
    let threads_known = session.threads_known.load(Ordering::Relaxed);
    Ok(Some(Record::Api {
        start,
        end,
        tid: if threads_known { call.tid } else { 0 },
        correlation: call.correlation,
        name: writer.text(name),
        result: call.result,
    }))
}

pub(super) fn synchronization(clock: Clock, wait: &Synchronization) -> Option<Record<'static>> {
    let (start, end) = clock.span(wait.start, wait.end)?;
    Some(Record::Synchronization {
        start,
        end,
        kind: wait.of as u8,
        context: wait.context,
        stream: wait.stream,
        event: if wait.event == NO_EVENT { 0 } else { wait.event },
        correlation: wait.correlation,
        // Not told.
        recorded_by: 0,
        recorded_on: NO_STREAM,
    })
}

pub(super) fn overhead(clock: Clock, record: &CorrelatedOverhead) -> Option<Record<'static>> {
    let CorrelatedOverhead { overhead, correlation } = *record;
    let (start, end) = clock.span(overhead.start, overhead.end)?;
    let [_process, thread, _] = overhead.object;
    Some(Record::Overhead {
        start,
        end,
        kind: overhead.of,
        tid: if overhead.object_kind == THREAD { thread } else { 0 },
        correlation,
    })
}

pub(super) fn context(context: &Context) -> Record<'static> {
    Record::Context {
        context: context.number,
        device: context.device,
        null_stream: context.null_stream.into(),
    }
}

pub(super) fn stream(stream: &Stream) -> Record<'static> {
    Record::Stream {
        context: stream.context,
        stream: stream.number,
        priority: stream.priority.cast_signed(),
        flag: stream.flag,
    }
}
