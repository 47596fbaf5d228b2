//! `record --capture-range`: only what happens while a range of that name is open is recorded, or between
//! `cudaProfilerStart` and `cudaProfilerStop`.
//!
//! Outside, events are not written and CUPTI's kinds are off, so that a program pays next to nothing there. What was
//! launched inside and ends outside is recorded.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use perfagent_spool::MonotonicNs;

use crate::inbox::{self, Item};
use crate::message::{Event, Text};
use crate::{cupti, lifecycle};

/// Everything is recorded: no range was asked for.
const ALWAYS: u8 = 0;
/// No range is open.
const OUTSIDE: u8 = 1;
/// At least one is open.
const INSIDE: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(ALWAYS);
static RANGE: OnceLock<Range> = OnceLock::new();
/// How many such ranges are open, on all threads.
static OPEN: Mutex<u32> = Mutex::new(0);

/// Handles of one name: programs register a string, and create a domain, once or a few times.
const MOST: usize = 16;
static REGISTERED: [AtomicU32; MOST] = [const { AtomicU32::new(0) }; MOST];
static DOMAINS: [AtomicU32; MOST] = [const { AtomicU32::new(0) }; MOST];

/// The word that stands for `cudaProfilerStart` and `cudaProfilerStop`, as in Nsight Systems.
const CUDA_PROFILER: &str = "cudaProfilerApi";

/// Which range is waited for.
#[derive(Debug)]
struct Range {
    name: Box<str>,
    /// Only in this domain; `None` for any.
    domain: Option<Box<str>>,
}

/// How an event relates to what is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// It is recorded.
    Recorded,
    /// It is not.
    Outside,
    /// It is the range itself, and recorded.
    Capture,
}

/// Waits for the range `wanted`: `NAME`, `NAME@DOMAIN` or `cudaProfilerApi`.
pub(crate) fn configure(wanted: &str) {
    let (name, domain) = match wanted.rsplit_once('@') {
        Some((name, domain)) if !name.is_empty() && !domain.is_empty() => (name, Some(domain)),
        _ => (wanted, None),
    };
    let range = Range { name: name.into(), domain: domain.map(Into::into) };
    if RANGE.set(range).is_ok() {
        STATE.store(OUTSIDE, Ordering::Relaxed);
        tell(None);
    }
}

/// Whether what happens now is recorded.
#[inline]
pub(crate) fn is_on() -> bool {
    STATE.load(Ordering::Relaxed) != OUTSIDE
}

/// Whether `cudaProfilerStart` and `cudaProfilerStop` are waited for.
pub(crate) fn is_by_cuda_profiler() -> bool {
    RANGE.get().is_some_and(|range| &*range.name == CUDA_PROFILER && range.domain.is_none())
}

/// How the beginning of a range relates to what is recorded.
#[inline]
pub(crate) fn part_of(event: &Event<'_>) -> Part {
    match STATE.load(Ordering::Relaxed) {
        ALWAYS => Part::Recorded,
        _ if is_the_range(event) => Part::Capture,
        INSIDE => Part::Recorded,
        _ => Part::Outside,
    }
}

fn is_the_range(event: &Event<'_>) -> bool {
    let Some(range) = RANGE.get() else { return false };
    let is_named = match event.text {
        Text::None => false,
        Text::Bytes(bytes, cut) => !cut && bytes == range.name.as_bytes(),
        Text::Wide(wide, cut) => !cut && wide.iter().copied().eq(range.name.chars().map(u32::from)),
        Text::Registered(number) => holds(&REGISTERED, number),
    };
    is_named && (range.domain.is_none() || holds(&DOMAINS, event.domain))
}

/// A string was registered.
pub(crate) fn registered(number: u32, text: &[u8]) {
    if RANGE.get().is_some_and(|range| range.name.as_bytes() == text) {
        add(&REGISTERED, number);
    }
}

/// A domain was created.
pub(crate) fn domain_created(number: u32, name: &[u8]) {
    let wanted = RANGE.get().and_then(|range| range.domain.as_ref());
    if wanted.is_some_and(|wanted| wanted.as_bytes() == name) {
        add(&DOMAINS, number);
    }
}

fn holds(numbers: &[AtomicU32; MOST], number: u32) -> bool {
    number != 0 && numbers.iter().any(|known| known.load(Ordering::Relaxed) == number)
}

fn add(numbers: &[AtomicU32; MOST], number: u32) {
    for place in numbers {
        if place.compare_exchange(0, number, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            return;
        }
    }
}

/// Does something that depends on whether is recorded now, while that does not change.
pub(crate) fn settled(does: impl FnOnce(bool)) {
    let _open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    does(is_on());
}

/// A range that was waited for has begun.
pub(crate) fn open() {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    *open += 1;
    if *open == 1 {
        STATE.store(INSIDE, Ordering::Relaxed);
        tell(Some(true));
        cupti::resume();
    }
}

/// A range that was waited for has ended.
pub(crate) fn close() {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if *open == 0 {
        return;
    }
    *open -= 1;
    if *open == 0 {
        STATE.store(OUTSIDE, Ordering::Relaxed);
        cupti::pause();
        tell(Some(false));
    }
}

/// CUDA's profiler was started or stopped, which does nothing when it is already.
pub(crate) fn profiler(started: bool) {
    if started != is_on() {
        if started { open() } else { close() }
    }
}

/// Writes down that a range is waited for, or has begun, or has ended.
fn tell(opened: Option<bool>) {
    let Some(config) = lifecycle::config() else { return };
    if let Some(name) = &config.capture {
        inbox::put(Item::Capture { time: MonotonicNs::now(), name: name.clone(), opened });
    }
}
