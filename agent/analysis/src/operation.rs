//! GPU operations of one rank: kernels, copies and memsets in one list.

use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

use perfagent_recording::table::CopyKind;
use perfagent_recording::{DeviceId, Recording, StreamId, StringId};

use crate::host_wait::{Finder, HostWait};
use crate::process::{ProcessRows, pick};

/// What an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Work {
    Kernel(StringId),
    Copy(CopyKind),
}

/// One operation on a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// See [`Operation::launched`].
    launched: i64,
    /// See [`Operation::call`].
    call: u32,
    lane: u32,
    work: PackedWork,
}

/// What an operation is, in few bytes: the name of a kernel; of a copy, its kind behind all names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PackedWork(u32);

/// The call of an operation whose call is not in the recording.
const NO_CALL: u32 = u32::MAX;
/// Copies are kept above this.
const COPIES: u32 = 1 << 31;

impl Operation {
    /// `call` is the position and the start of the launching call.
    pub(crate) fn new(times: (i64, i64), lane: u32, call: Option<(u32, i64)>, work: Work) -> Self {
        let (call, launched) = call.unwrap_or((NO_CALL, 0));
        Self { start: times.0, end: times.1, launched, call, lane, work: PackedWork::of(work) }
    }

    /// When the launching call started; `None` when that call is not in the recording.
    pub(crate) fn launched(&self) -> Option<i64> {
        (self.call != NO_CALL).then_some(self.launched)
    }

    /// The launching call by its position in the table.
    pub(crate) fn call(&self) -> Option<u32> {
        (self.call != NO_CALL).then_some(self.call)
    }

    /// How long it took.
    pub(crate) fn length(&self) -> i64 {
        self.end.saturating_sub(self.start)
    }

    /// What it is.
    pub(crate) fn work(&self) -> Work {
        self.work.get()
    }

    /// What it is, as it is kept.
    pub(crate) const fn packed_work(&self) -> PackedWork {
        self.work
    }
}

impl PackedWork {
    fn of(work: Work) -> Self {
        Self(match work {
            // A name that no file can define counts under the empty text.
            Work::Kernel(name) => {
                u32::try_from(name.0).ok().filter(|&name| name < COPIES).unwrap_or(0)
            }
            Work::Copy(kind) => COPIES + kind.number() as u32,
        })
    }

    /// The whole of it.
    pub(crate) fn get(self) -> Work {
        match self.0.checked_sub(COPIES) {
            None => Work::Kernel(StringId(i64::from(self.0))),
            Some(kind) => Work::Copy(CopyKind::of_number(i64::from(kind))),
        }
    }
}

/// The operations of a rank, by device and stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Operations {
    /// The devices' ordinals and the streams' numbers, in order. A row of `streams` also tells contexts apart; the report
    /// knows device and stream only.
    lanes: Vec<(i64, i64)>,
    /// In order of lane, start and end.
    rows: Vec<Operation>,
    /// Calls in which the host waited for them, in order of start.
    waits: Vec<HostWait>,
}

impl Operations {
    #[cfg(test)]
    pub(crate) fn new(lanes: Vec<(i64, i64)>, mut rows: Vec<Operation>) -> Self {
        rows.sort_by_key(|row| row.lane);
        Self::of_lanes(lanes, rows)
    }

    /// Operations that are in the order of their lanes.
    fn of_lanes(lanes: Vec<(i64, i64)>, mut rows: Vec<Operation>) -> Self {
        // Those of a stream mostly come in the order of time, too.
        for of_lane in rows.chunk_by_mut(|left, right| left.lane == right.lane) {
            if !of_lane.is_sorted_by_key(|row| (row.start, row.end)) {
                of_lane.sort_unstable_by_key(|row| (row.start, row.end));
            }
        }
        Self { lanes, rows, waits: Vec::new() }
    }

    /// Calls in which the host waited for the GPU, in order of start.
    pub(crate) fn waits(&self) -> &[HostWait] {
        &self.waits
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Operation> {
        self.rows.iter()
    }

    /// How many.
    pub(crate) const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Those of each stream in order of start and end, with the device's ordinal and the stream's number.
    pub(crate) fn by_stream(&self) -> impl Iterator<Item = ((i64, i64), &[Operation])> {
        let streams = self.rows.chunk_by(|left, right| left.lane == right.lane);
        streams.filter_map(|rows| Some((*self.lanes.get(rows.first()?.lane as usize)?, rows)))
    }
}

/// Times beyond this (the year 2116) are clamped, so that no difference of two overflows.
const FURTHEST_NS: i64 = (1 << 62) - 1;

/// Start and end as they are calculated with: an end is never before its start, whatever the file says.
pub(crate) fn clean(start: i64, end: i64) -> (i64, i64) {
    let start = start.clamp(-FURTHEST_NS, FURTHEST_NS);
    (start, end.clamp(start, FURTHEST_NS))
}

/// All GPU operations of a process with the start of the call that launched each, and the calls that waited for them.
pub(crate) fn operations(recording: &Recording, rows: &ProcessRows) -> Operations {
    let mut finder = Finder::new(recording);
    let mut calls = Calls::new(recording, rows, &mut finder);
    let mut lanes = Lanes::of(recording, rows);
    let nothing = Operation::new((0, 0), 0, None, Work::Kernel(StringId(0)));
    let mut operations = vec![nothing; rows.kernels.len() + rows.copies.len()];
    macro_rules! add {
        ($table:ident, |$row:ident, $end:ident, $call:ident| $work:expr) => {
            for $row in pick(&recording.$table, &rows.$table) {
                let times = clean($row.start_ns.unix_nanos(), $row.end_ns.unix_nanos());
                let call = $row.correlation.and_then(|id| calls.with(id));
                let ($end, $call) = (times.1, call);
                let (lane, place) = lanes.place($row.device_id, $row.stream_id);
                if let Some(place) = operations.get_mut(place) {
                    *place = Operation::new(times, lane, call, $work);
                }
            }
        };
    }
    add!(kernels, |row, _end, _call| Work::Kernel(row.name_id));
    add!(copies, |row, end, call| {
        if let Some((position, _)) = call {
            finder.copy(row.kind, end, position);
        }
        Work::Copy(row.kind)
    });
    let waits = finder.finish(rows.process);
    Operations { waits, ..Operations::of_lanes(lanes.names, operations) }
}

/// The streams of a process, numbered in order of device and stream.
struct Lanes {
    names: Vec<(i64, i64)>,
    numbers: FxHashMap<(DeviceId, StreamId), u32>,
    last: ((DeviceId, StreamId), u32),
    /// Where the next operation of each goes in a list of all, lane after lane.
    next: Vec<usize>,
}

impl Lanes {
    fn of(recording: &Recording, rows: &ProcessRows) -> Self {
        let mut used: FxHashMap<(DeviceId, StreamId), usize> = FxHashMap::default();
        let mut last = ((DeviceId(0), StreamId(0)), 0);
        macro_rules! add {
            ($($table:ident),+) => {$(
                for row in pick(&recording.$table, &rows.$table) {
                    let stream = (row.device_id, row.stream_id);
                    if last.0 != stream {
                        *used.entry(last.0).or_default() += last.1;
                        last = (stream, 0);
                    }
                    last.1 += 1;
                }
            )+};
        }
        add!(kernels, copies);
        *used.entry(last.0).or_default() += last.1;
        used.retain(|_, count| *count > 0);
        let mut by_name: BTreeMap<(i64, i64), Vec<(DeviceId, StreamId)>> = BTreeMap::new();
        for &stream in used.keys() {
            let ordinal = recording.device(stream.0).map_or(0, |device| device.ordinal);
            let number = recording.stream(stream.1).map_or(stream.1.0, |stream| stream.stream);
            by_name.entry((ordinal, number)).or_default().push(stream);
        }
        let mut before = 0;
        let counts = by_name.values().map(|ids| ids.iter().map(|id| used[id]).sum::<usize>());
        let next = counts.map(|count| {
            before += count;
            before - count
        });
        let next = next.collect();
        let numbered = by_name.values().zip(0..);
        let numbers: FxHashMap<_, _> =
            numbered.flat_map(|(ids, lane)| ids.iter().map(move |&id| (id, lane))).collect();
        let last = numbers.iter().next().map_or_else(Default::default, |(&id, &lane)| (id, lane));
        Self { names: by_name.into_keys().collect(), numbers, last, next }
    }

    /// The number of a stream, and the place of its next operation.
    fn place(&mut self, device: DeviceId, stream: StreamId) -> (u32, usize) {
        let number = self.number(device, stream);
        let next = self.next.get_mut(number as usize);
        (
            number,
            next.map_or(usize::MAX, |next| {
                *next += 1;
                *next - 1
            }),
        )
    }

    fn number(&mut self, device: DeviceId, stream: StreamId) -> u32 {
        if self.last.0 != (device, stream) {
            let number = self.numbers.get(&(device, stream)).copied().unwrap_or(0);
            self.last = ((device, stream), number);
        }
        self.last.1
    }
}

/// Host calls by correlation id; of several with one id, the one that starts first.
struct Calls {
    /// Ids, starts and positions.
    sorted: Vec<(i64, i64, u32)>,
    /// Where the last answer was: operations mostly come in the order of their calls.
    last: usize,
}

impl Calls {
    fn new(recording: &Recording, rows: &ProcessRows, finder: &mut Finder<'_>) -> Self {
        let calls = rows.api_calls.iter().zip(pick(&recording.api_calls, &rows.api_calls));
        let mut sorted: Vec<(i64, i64, u32)> = Vec::with_capacity(rows.api_calls.len());
        sorted.extend(calls.filter_map(|(position, call)| {
            finder.call(&call);
            Some((call.correlation?, call.start_ns.unix_nanos(), position))
        }));
        sorted.sort_unstable();
        sorted.dedup_by_key(|&mut (id, ..)| id);
        Self { sorted, last: 0 }
    }

    /// The position and the start of the call with this id.
    fn with(&mut self, correlation: i64) -> Option<(u32, i64)> {
        for at in [self.last, self.last + 1] {
            if let Some(&(id, start, position)) = self.sorted.get(at)
                && id == correlation
            {
                self.last = at;
                return Some((position, start));
            }
        }
        self.last = self.sorted.binary_search_by_key(&correlation, |&(id, ..)| id).ok()?;
        self.sorted.get(self.last).map(|&(_, start, position)| (position, start))
    }
}
