//! Waits for the GPU, seen as they happen: CUPTI calls us at both ends of the few functions that wait, and of those that
//! record an event, so that a wait for one knows what it was recorded after.
//!
//! CUPTI has records of waits too, but collecting them makes every other call dearer: on an H200 with CUDA 13.0 a launch
//! from Python costs 2.0 to 2.6 µs more with them (`checks/loop_parts.py` in `tests/gpu`, which has not measured the
//! callbacks by themselves yet). They serve where CUPTI gives no callbacks.
#![expect(unsafe_code, reason = "the callbacks' data are raw pointers, and calls into CUPTI")]

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use perfagent_spool::{MonotonicNs, NO_STREAM, Record};

use super::recorded_events::{RECORDED, RecordedBy};
use super::session::{self, Session};
use super::sys::{CallbackData, DRIVER_API, ENTER, RUNTIME_API, SUCCESS};
use crate::message::{Event, Kind, Received};
use crate::{capture, threads};

/// What a watched function does, with the place of its parameters, each of which is a pointer's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    /// Waits for all streams of the context.
    Context,
    /// Waits for the first parameter, a stream.
    Stream,
    /// Waits for the first parameter, an event.
    Event,
    /// Makes the first parameter, a stream, wait for the second, an event.
    StreamEvent,
    /// Records the first parameter, an event, on the second, a stream.
    Record,
}

/// A function of the runtime or of the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Watched {
    domain: c_int,
    call: u32,
    function: Function,
    /// Whether the stream 0 is the calling thread's own.
    per_thread: bool,
}

impl Watched {
    const fn place(&self) -> (c_int, u32) {
        (self.domain, self.call)
    }
}

const fn watched(domain: c_int, call: u32, function: Function, per_thread: bool) -> Watched {
    Watched { domain, call, function, per_thread }
}

/// The numbers are those that `cuptiGetCallbackName` of CUDA 13.0 gives names to; numbers are never reused.
const WATCHED: [Watched; 22] = {
    use Function::{Context, Event, Record, Stream, StreamEvent};
    [
        // cudaThreadSynchronize, cudaDeviceSynchronize
        watched(RUNTIME_API, 126, Context, false),
        watched(RUNTIME_API, 165, Context, false),
        // cudaStreamSynchronize
        watched(RUNTIME_API, 131, Stream, false),
        watched(RUNTIME_API, 239, Stream, true),
        // cudaEventSynchronize
        watched(RUNTIME_API, 137, Event, false),
        // cudaStreamWaitEvent
        watched(RUNTIME_API, 147, StreamEvent, false),
        watched(RUNTIME_API, 247, StreamEvent, true),
        // cudaEventRecord, cudaEventRecordWithFlags
        watched(RUNTIME_API, 135, Record, false),
        watched(RUNTIME_API, 242, Record, true),
        watched(RUNTIME_API, 370, Record, false),
        watched(RUNTIME_API, 371, Record, true),
        // cuCtxSynchronize, cuCtxSynchronize_v2
        watched(DRIVER_API, 17, Context, false),
        watched(DRIVER_API, 800, Context, false),
        // cuStreamSynchronize
        watched(DRIVER_API, 126, Stream, false),
        watched(DRIVER_API, 440, Stream, true),
        // cuEventSynchronize
        watched(DRIVER_API, 121, Event, false),
        // cuStreamWaitEvent
        watched(DRIVER_API, 295, StreamEvent, false),
        watched(DRIVER_API, 436, StreamEvent, true),
        // cuEventRecord, cuEventRecordWithFlags
        watched(DRIVER_API, 119, Record, false),
        watched(DRIVER_API, 441, Record, true),
        watched(DRIVER_API, 587, Record, false),
        watched(DRIVER_API, 588, Record, true),
    ]
};

/// What no program of this CUDA calls if its CUPTI does not know it: `cudaThreadSynchronize`, which CUDA 13 no longer has,
/// and `cuCtxSynchronize_v2`, which is new there. The others are older than the oldest CUPTI that is used.
const MAY_BE_UNKNOWN: [(c_int, u32); 2] = [(RUNTIME_API, 126), (DRIVER_API, 800)];

static ARE_WATCHED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The correlation id of this thread's last call of the runtime that is watched: what it calls of the driver has the
    /// same one, and is no wait of its own.
    static OUTER: Cell<u32> = const { Cell::new(0) };
}

/// Whether waits are seen by callbacks, and CUPTI's records of them are not needed.
pub(super) fn are_watched() -> bool {
    ARE_WATCHED.load(Ordering::Relaxed)
}

/// Asks to be told of waits. When CUPTI refuses a function that programs may wait by, its records serve instead: some
/// waits without the others would be taken for all.
pub(super) fn watch(session: &Session) {
    let Some(enable) = session.api.enable_callback else { return };
    let subscriber = session.subscriber.load(Ordering::Relaxed);
    let set = |on: u32, watched: &Watched| {
        // SAFETY: the subscriber is ours; a call that this CUPTI does not know is an error without effect.
        unsafe { enable(on, subscriber, watched.domain, watched.call) }
    };
    let refused = WATCHED
        .iter()
        .any(|watched| set(1, watched) != SUCCESS && !MAY_BE_UNKNOWN.contains(&watched.place()));
    if refused {
        for watched in &WATCHED {
            set(0, watched);
        }
    }
    ARE_WATCHED.store(!refused, Ordering::Relaxed);
}

/// The watched function of this number.
pub(super) fn of(domain: c_int, call: u32) -> Option<&'static Watched> {
    WATCHED.iter().find(|watched| watched.place() == (domain, call))
}

/// One of the watched functions begins or ends.
///
/// # Safety
/// `data` is what CUPTI gives to a callback for this function.
pub(super) unsafe fn seen(watched: &Watched, data: &CallbackData) {
    if watched.domain == RUNTIME_API {
        OUTER.set(data.correlation);
    } else if data.correlation != 0 && OUTER.get() == data.correlation {
        return;
    }
    if data.site == ENTER {
        // SAFETY: null or a place that CUPTI keeps for us until the function ends.
        if let Some(begun) = unsafe { data.correlation_data.as_mut() } {
            *begun = MonotonicNs::now().0;
        }
        return;
    }
    // SAFETY: the parameters are those of this function, if it has any.
    unsafe { ended(watched, data) };
}

/// # Safety
/// As for [`seen`].
unsafe fn ended(watched: &Watched, data: &CallbackData) {
    // SAFETY: (both) the caller's promise: the function has so many parameters of a pointer's size.
    let parameter = |place: usize| unsafe { data.parameters.cast::<usize>().add(place).read() };
    if data.parameters.is_null() && watched.function != Function::Context {
        return;
    }
    // SAFETY: null, or where CUPTI keeps what the function has answered, which of all these is a number of 32 bits.
    let has_failed = unsafe { data.result.cast::<i32>().as_ref() }.is_some_and(|code| *code != 0);
    // Of a function that has failed the stream may be none at all, which nobody must be asked about.
    let stream = |place| {
        if has_failed {
            return NO_STREAM;
        }
        stream_number(data.context, parameter(place), watched.per_thread)
    };
    let (kind, stream, event) = match watched.function {
        Function::Record if has_failed => return,
        Function::Record => {
            let by = RecordedBy { correlation: data.correlation, stream: stream(1) };
            return RECORDED.put(parameter(0), by);
        }
        Function::Event => (1, NO_STREAM, parameter(0)),
        Function::StreamEvent => (2, stream(0), parameter(1)),
        Function::Stream => (3, stream(0), 0),
        Function::Context => (4, NO_STREAM, 0),
    };
    // SAFETY: as in `seen`.
    let begun = unsafe { data.correlation_data.as_ref() }.copied().unwrap_or_default();
    if begun == 0 || !capture::is_on() {
        return;
    }
    let recorded = RECORDED.get(event).unwrap_or(RecordedBy { correlation: 0, stream: NO_STREAM });
    let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    let numbers = [
        MonotonicNs::now().0,
        pair(kind, data.context_uid),
        pair(stream, event_number(event)),
        pair(data.correlation, recorded.correlation),
        recorded.stream.into(),
    ];
    let event = Event { time: MonotonicNs(begun), numbers: &numbers, ..Event::bare(Kind::Wait, 0) };
    if let Some(buffer) = threads::current() {
        buffer.record(&event);
    }
}

/// A number for an event: of its address, which no other event of the process has while it exists.
fn event_number(handle: usize) -> u32 {
    if handle == 0 { 0 } else { ((handle >> 3) as u32).max(1) }
}

/// CUPTI's number for a stream; [`NO_STREAM`] when it does not say.
fn stream_number(context: *mut c_void, handle: usize, per_thread: bool) -> u32 {
    let Some(ask) = session::current().and_then(|session| session.api.stream_number) else {
        return NO_STREAM;
    };
    // CU_STREAM_LEGACY and CU_STREAM_PER_THREAD.
    let (handle, per_thread) = match handle {
        1 => (0, false),
        2 => (0, true),
        handle => (handle, per_thread),
    };
    let mut number = NO_STREAM;
    let stream = ptr::with_exposed_provenance_mut(handle);
    // SAFETY: a function of this CUPTI, about a stream that the program has just given to CUDA in this context.
    let status = unsafe { ask(context, stream, per_thread.into(), &raw mut number) };
    if status == SUCCESS { number } else { NO_STREAM }
}

/// The record of a message about a wait.
pub(crate) fn record(event: &Received) -> Record<'static> {
    let [end, kind, stream, correlation, recorded_on, ..] = event.numbers;
    let high = |pair: u64| (pair >> 32) as u32;
    Record::Synchronization {
        start: event.time,
        end: MonotonicNs(end),
        kind: kind as u8,
        context: high(kind),
        stream: stream as u32,
        event: high(stream),
        correlation: correlation as u32,
        recorded_by: high(correlation),
        recorded_on: recorded_on as u32,
    }
}
