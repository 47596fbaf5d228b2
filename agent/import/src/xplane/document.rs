//! The file, one plane at a time.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use super::plane;
use crate::trace::{Times, Trace};
use crate::warning::{Problem, Problems};
use crate::window::{Finish, Window};

/// Times before this are not since 1970 but since the profile's start: the year 1973.
const EARLIEST: i64 = 100_000_000_000_000_000;

/// Takes planes in.
#[derive(Debug, Default)]
pub(super) struct Collector {
    pub(super) trace: Trace,
    pub(super) problems: Problems,
    pub(super) events: u64,
    pub(super) planes: u64,
    pub(super) left_out: BTreeMap<String, u64>,
    /// When the profile began, ns since the Unix epoch, where it says.
    pub(super) profile_start: Option<i64>,
    pub(super) streams: HashMap<(i64, i64), u32>,
}

impl Collector {
    /// Counts events for which there is no place.
    pub(super) fn leave_out(&mut self, name: &str, count: u64) {
        /// Where a file is damaged there may be any number of names; these share a row.
        const MOST: usize = 64;
        let known = self.left_out.len() < MOST || self.left_out.contains_key(name);
        let name = if known { name } else { "further events" };
        *self.left_out.entry(name.to_owned()).or_default() += count;
    }
}

/// Reads a file as far as possible; what is wrong with it is among its problems.
pub(super) fn read<R: Read>(window: &mut Window<R>) -> Collector {
    let mut collector = Collector::default();
    loop {
        let start = window.offset();
        let Some(key) = varint(window, 0) else {
            if !window.bytes().is_empty() {
                cut_off(&mut collector, window);
            }
            break;
        };
        let Some(length) = varint(window, key.1) else {
            cut_off(&mut collector, window);
            break;
        };
        if key.0 & 7 != 2 {
            let what = || format!("no field of an XSpace is of the type {}", key.0 & 7);
            collector.problems.add(Problem::Trailing, start, what);
            break;
        }
        let whole = usize::try_from(length.0).ok().and_then(|size| size.checked_add(length.1));
        let Some(end) = whole.filter(|end| reach(window, *end)) else {
            cut_off(&mut collector, window);
            break;
        };
        window.consume(length.1);
        let size = end - length.1;
        let bytes = window.bytes().get(..size).unwrap_or_default();
        if key.0 >> 3 == 1 {
            collector.planes += 1;
            plane::read(bytes, window.offset(), &mut collector);
        }
        window.consume(size);
    }
    if let Some(Finish::Failed(why)) = window.finish() {
        let what = || format!("the rest cannot be read: {why}");
        collector.problems.add(Problem::CutOff, window.offset(), what);
    }
    let relative = collector.trace.extent().is_some_and(|Times { end, .. }| end < EARLIEST);
    if let Some(start) = collector.profile_start.filter(|_| relative) {
        collector.trace.base = start;
    }
    collector
}

/// Has `count` bytes in the window.
fn reach<R: Read>(window: &mut Window<R>, count: usize) -> bool {
    while window.bytes().len() < count {
        if !window.more() {
            return false;
        }
    }
    true
}

/// The number behind the first `skip` bytes of the window, and where in the window it ends. `None` where there is none.
fn varint<R: Read>(window: &mut Window<R>, skip: usize) -> Option<(u64, usize)> {
    let mut value = 0;
    for at in 0..10 {
        if !reach(window, skip + at + 1) {
            return None;
        }
        let byte = window.bytes().get(skip + at).copied()?;
        value |= u64::from(byte & 0x7f).checked_shl(7 * at as u32).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some((value, skip + at + 1));
        }
    }
    None
}

fn cut_off<R: Read>(collector: &mut Collector, window: &Window<R>) {
    let end = window.offset() + window.bytes().len() as u64;
    let what = || format!("the plane that begins at byte {} is left out", window.offset());
    collector.problems.add(Problem::CutOff, end, what);
}
