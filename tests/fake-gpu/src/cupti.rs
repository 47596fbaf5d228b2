//! CUPTI's activity interface: buffers go out, records come back.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::callback::{self, Callback, call};
use crate::number;
use crate::version::Version;

pub(crate) const INVALID_PARAMETER: c_int = 1;
const NOT_COMPATIBLE: c_int = 14;
const NOT_PERMITTED: c_int = 35;
const DRIVER_CALL: u32 = 4;
const RUNTIME_CALL: u32 = 5;
/// The handle of the one subscriber.
pub(crate) const SUBSCRIBER: usize = 0x5ab5;
const MAX_LIMIT_REACHED: c_int = 12;

type PlainRequest = extern "C" fn(*mut *mut u8, *mut usize, *mut usize);
type PlainCompleted = extern "C" fn(*mut c_void, u32, *mut u8, usize, usize);
pub(crate) type Timestamp = extern "C" fn() -> u64;

/// Whoever hands out buffers, of one family of functions or the other.
#[derive(Clone, Copy)]
pub(crate) enum Request {
    Plain(PlainRequest),
    More(extern "C" fn(*mut *mut u8, *mut usize, *mut usize, *const c_void)),
}

/// Whoever takes buffers back.
#[derive(Clone, Copy)]
pub(crate) enum Completed {
    Plain(PlainCompleted),
    More(extern "C" fn(*mut u8, usize, usize, *const c_void)),
}

impl Request {
    fn call(self, buffer: *mut *mut u8, size: *mut usize, most: *mut usize) {
        match self {
            Self::Plain(call) => call(buffer, size, most),
            Self::More(call) => call(buffer, size, most, ptr::null()),
        }
    }
}

impl Completed {
    fn call(self, buffer: *mut u8, size: usize, valid: usize) {
        match self {
            Self::Plain(call) => call(ptr::null_mut(), 0, buffer, size, valid),
            Self::More(call) => call(buffer, size, valid, ptr::null()),
        }
    }
}

/// The two families of functions, which must not be mixed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Of the whole process.
    Plain,
    /// Of a subscriber that is named.
    Named,
}

#[derive(Default)]
struct State {
    request: Option<Request>,
    completed: Option<Completed>,
    family: Option<Family>,
    timestamp: Option<Timestamp>,
    enabled: HashSet<u32>,
    /// The open buffer.
    buffer: Option<Buffer>,
    /// With `FAKE_GPU_LATE=1`: buffers that a flush has closed and that the next one returns.
    closed: Vec<Buffer>,
    dropped_told: bool,
    /// Records for which there was no buffer, and that nobody has asked for.
    dropped: u64,
}

/// A buffer that the library lent: address, size, bytes in use.
type Buffer = (usize, usize, usize);

thread_local! {
    /// External correlation ids that were pushed on this thread, with their kinds.
    static EXTERNAL: RefCell<Vec<(u32, u64)>> = const { RefCell::new(Vec::new()) };
}

/// The driver is about to make a launch: tells who watches it, and stores the record of the call with the
/// external-correlation records that precede it, which there are only while calls are recorded. The data is laid out
/// here by offset, as CUPTI has it.
pub(crate) fn driver_call(id: u32, symbol: *const c_char, correlation: u32) {
    call(1, id, symbol, correlation);
    if !with(|state| state.enabled.contains(&DRIVER_CALL) || state.enabled.contains(&RUNTIME_CALL))
    {
        return;
    }
    for (kind, external) in EXTERNAL.with_borrow(Clone::clone) {
        let mut record = [0; 24];
        record[..4].copy_from_slice(&39_u32.to_le_bytes());
        record[4..8].copy_from_slice(&kind.to_le_bytes());
        record[8..16].copy_from_slice(&external.to_le_bytes());
        record[16..20].copy_from_slice(&correlation.to_le_bytes());
        emit(&record);
    }
    let (now, mut record) = (now(), [0; 40]);
    record[..4].copy_from_slice(&DRIVER_CALL.to_le_bytes());
    record[4..8].copy_from_slice(&id.to_le_bytes());
    record[8..16].copy_from_slice(&now.to_le_bytes());
    record[16..24].copy_from_slice(&now.to_le_bytes());
    record[32..36].copy_from_slice(&correlation.to_le_bytes());
    emit(&record);
}

/// The records in the open buffer are gone, as when a device is reset.
pub(crate) fn forget() {
    let _alone = STORING.lock().unwrap_or_else(PoisonError::into_inner);
    with(|state| {
        if let Some((_, _, used)) = &mut state.buffer {
            *used = 0;
        }
    });
}

/// How many external correlation ids are open on this thread.
pub(crate) fn open_externals() -> usize {
    EXTERNAL.with_borrow(Vec::len)
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

/// Held while records are stored or returned: threads launch at the same time, and the state is not locked while the
/// library is called.
static STORING: Mutex<()> = Mutex::new(());

fn state() -> MutexGuard<'static, Option<State>> {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    state.get_or_insert_default();
    state
}

fn with<T>(inside: impl FnOnce(&mut State) -> T) -> T {
    inside(state().get_or_insert_default())
}

/// The time that records are stamped with: the registered clock, else the wall clock, as in CUPTI.
pub(crate) fn now() -> u64 {
    if let Some(timestamp) = with(|state| state.timestamp) {
        return timestamp();
    }
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid place for the answer.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Stores a record of an enabled kind; asks for a buffer where one is needed, and returns it when it is full.
pub(crate) fn emit(record: &[u8]) {
    emit_many(1, record.len(), |_, place| {
        place[..record.len()].copy_from_slice(record);
        record.len()
    });
}

/// Stores `count` records of at most `longest` bytes, as far as their kinds are enabled. `write` is told a record's
/// number, puts it in place and answers its length. A record for which there is no buffer is dropped and counted.
pub(crate) fn emit_many(
    count: u64,
    longest: usize,
    mut write: impl FnMut(u64, &mut [u8]) -> usize,
) {
    let _alone = STORING.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((callbacks, mut open, wanted)) = with(|state| {
        let callbacks = state.request.zip(state.completed)?;
        let wanted: [bool; 64] = std::array::from_fn(|kind| state.enabled.contains(&(kind as u32)));
        Some((callbacks, state.buffer.take(), wanted))
    }) else {
        return;
    };
    let (request, completed) = callbacks;
    let mut scratch = [0; 256];
    let mut dropped = 0;
    for number in 0..count {
        let length = write(number, &mut scratch[..longest]);
        if !wanted[usize::from(scratch[0]) % wanted.len()] {
            continue;
        }
        if let Some(full) = open.take_if(|(_, size, used)| *used + length > *size) {
            give_back(completed, full);
        }
        if open.is_none() {
            open = borrow(request, length);
        }
        let Some((address, _, used)) = &mut open else {
            dropped += 1;
            continue;
        };
        let place: *mut u8 = ptr::with_exposed_provenance_mut(*address + *used);
        // SAFETY: the buffer has room for the record, checked above, and is ours until it is returned.
        unsafe { ptr::copy_nonoverlapping(scratch.as_ptr(), place, length) };
        *used += length;
    }
    with(|state| {
        state.buffer = open;
        state.dropped += dropped;
    });
}

/// Asks the library for a buffer with room for a record of `length` bytes.
fn borrow(request: Request, length: usize) -> Option<Buffer> {
    let (mut address, mut size, mut most) = (ptr::null_mut(), 0, 0);
    request.call(&raw mut address, &raw mut size, &raw mut most);
    if address.is_null() || size < length {
        return None;
    }
    assert_eq!(address.addr() % 8, 0, "CUPTI wants buffers aligned to 8 bytes");
    Some((address.expose_provenance(), size, 0))
}

fn give_back(completed: Completed, (address, size, used): Buffer) {
    completed.call(ptr::with_exposed_provenance_mut(address), size, used);
}

/// That of the version that is played.
///
/// # Safety
/// `version` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuptiGetVersion(version: *mut u32) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { *version = Version::played().number() };
    0
}

/// Accepts the subscriber, or answers what `FAKE_GPU_SUBSCRIBE` says.
///
/// # Safety
/// `subscriber` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuptiSubscribe(
    subscriber: *mut *mut c_void,
    callback: Callback,
    user: *mut c_void,
) -> c_int {
    if let Some(status) = number("FAKE_GPU_SUBSCRIBE") {
        return status as c_int;
    }
    callback::subscribe(callback, user);
    // SAFETY: the caller's promise.
    unsafe { *subscriber = ptr::without_provenance_mut(SUBSCRIBER) };
    0
}

/// What `inside` answers, unless functions of the other family have been called before.
pub(crate) fn of_family(family: Family, inside: impl FnOnce() -> c_int) -> c_int {
    if with(|state| *state.family.get_or_insert(family) != family) {
        return NOT_COMPATIBLE;
    }
    inside()
}

/// Opens an external region of the calling thread.
#[unsafe(no_mangle)]
pub extern "C" fn cuptiActivityPushExternalCorrelationId(kind: u32, id: u64) -> c_int {
    if kind == 0 || kind > 5 {
        return INVALID_PARAMETER;
    }
    EXTERNAL.with_borrow_mut(|open| open.push((kind, id)));
    0
}

/// Closes the innermost external region of this kind; `CUPTI_ERROR_QUEUE_EMPTY` when there is none.
///
/// # Safety
/// `last` is null or a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuptiActivityPopExternalCorrelationId(kind: u32, last: *mut u64) -> c_int {
    EXTERNAL.with_borrow_mut(|open| {
        let Some(place) = open.iter().rposition(|(of, _)| *of == kind) else { return 32 };
        let (_, id) = open.remove(place);
        if !last.is_null() {
            // SAFETY: the caller's promise.
            unsafe { *last = id };
        }
        0
    })
}

/// Remembers the clock.
#[unsafe(no_mangle)]
pub extern "C" fn cuptiActivityRegisterTimestampCallback(timestamp: Timestamp) -> c_int {
    if with(|state| state.family == Some(Family::Named)) {
        return NOT_COMPATIBLE;
    }
    stamp_by(timestamp);
    0
}

pub(crate) fn stamp_by(timestamp: Timestamp) {
    with(|state| state.timestamp = Some(timestamp));
}

/// Remembers the callbacks.
#[unsafe(no_mangle)]
pub extern "C" fn cuptiActivityRegisterCallbacks(
    request: PlainRequest,
    completed: PlainCompleted,
) -> c_int {
    of_family(Family::Plain, || {
        register(Request::Plain(request), Completed::Plain(completed));
        0
    })
}

pub(crate) fn register(request: Request, completed: Completed) {
    with(|state| {
        state.request = Some(request);
        state.completed = Some(completed);
    });
}

/// Enables a kind, except the one that `FAKE_GPU_DENY` names.
#[unsafe(no_mangle)]
pub extern "C" fn cuptiActivityEnable(kind: u32) -> c_int {
    of_family(Family::Plain, || enable(kind))
}

pub(crate) fn enable(kind: u32) -> c_int {
    if number("FAKE_GPU_DENY") == Some(u64::from(kind)) {
        return NOT_PERMITTED;
    }
    with(|state| state.enabled.insert(kind));
    0
}

/// Disables a kind.
#[unsafe(no_mangle)]
pub extern "C" fn cuptiActivityDisable(kind: u32) -> c_int {
    of_family(Family::Plain, || disable(kind))
}

pub(crate) fn disable(kind: u32) -> c_int {
    with(|state| state.enabled.remove(&kind));
    0
}

/// Returns the open buffer. With `FAKE_GPU_LATE=1` a flush that is not forced returns only what was there at the flush
/// before: CUPTI keeps a buffer back as long as any of its records may be incomplete.
#[unsafe(no_mangle)]
pub extern "C" fn cuptiActivityFlushAll(flag: u32) -> c_int {
    if flag == 1 && number("FAKE_GPU_HANG") == Some(1) {
        loop {
            std::thread::park();
        }
    }
    if let Some(milliseconds) = number("FAKE_GPU_SLOW") {
        #[expect(clippy::disallowed_methods, reason = "slow is what it is")]
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
    }
    let late = flag == 0 && number("FAKE_GPU_LATE") == Some(1);
    let _alone = STORING.lock().unwrap_or_else(PoisonError::into_inner);
    let (completed, due) = with(|state| {
        let mut due = std::mem::take(&mut state.closed);
        let open = state.buffer.take();
        if late {
            state.closed.extend(open);
        } else {
            due.extend(open);
        }
        (state.completed, due)
    });
    if let Some(completed) = completed {
        for buffer in due {
            give_back(completed, buffer);
        }
    }
    0
}

/// The record after `*record`, or the first one.
///
/// # Safety
/// `buffer` has `valid` bytes of records, and `*record` is null or one of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuptiActivityGetNextRecord(
    buffer: *mut u8,
    valid: usize,
    record: *mut *mut u8,
) -> c_int {
    // SAFETY: the caller's promise.
    of_family(Family::Plain, || unsafe { next_record(buffer, valid, record) })
}

/// # Safety
/// As for [`cuptiActivityGetNextRecord`].
pub(crate) unsafe fn next_record(buffer: *mut u8, valid: usize, record: *mut *mut u8) -> c_int {
    // SAFETY: (all) the caller's promise; nothing past `valid` is read.
    unsafe {
        let at = if (*record).is_null() {
            0
        } else {
            let kind = ptr::read_unaligned((*record).cast::<u32>());
            (*record).addr() - buffer.addr() + Version::played().length_of(kind).unwrap_or(valid)
        };
        if at >= valid {
            return MAX_LIMIT_REACHED;
        }
        *record = buffer.add(at);
    }
    0
}

/// Records that found no buffer since the last call, and what `FAKE_GPU_DROPPED` says, once.
///
/// # Safety
/// `dropped` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuptiActivityGetNumDroppedRecords(
    _context: *mut c_void,
    _stream: u32,
    dropped: *mut usize,
) -> c_int {
    of_family(Family::Plain, || {
        // SAFETY: the caller's promise.
        unsafe { *dropped = self::dropped() };
        0
    })
}

/// The records that were dropped since this was asked last.
pub(crate) fn dropped() -> usize {
    let (told, found_no_buffer) = with(|state| {
        (std::mem::replace(&mut state.dropped_told, true), std::mem::take(&mut state.dropped))
    });
    let scripted = if told { 0 } else { number("FAKE_GPU_DROPPED").unwrap_or(0) };
    (found_no_buffer + scripted) as usize
}

/// Knows every attribute.
#[unsafe(no_mangle)]
pub extern "C" fn cuptiActivitySetAttribute(
    _attribute: u32,
    _size: *mut usize,
    _value: *mut c_void,
) -> c_int {
    0
}
