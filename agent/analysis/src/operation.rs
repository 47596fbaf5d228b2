//! GPU operations of one rank: kernels, copies and memsets in one list.

use std::collections::{BTreeMap, HashMap, HashSet};

use perfagent_recording::table::ApiCall;
use perfagent_recording::{DeviceId, Recording, StreamId};

use crate::process::{ProcessRows, pick};

/// One operation on a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// See [`Operation::launched`].
    call: i64,
    lane: u32,
}

/// No call starts then: times are clamped to a narrower range.
const NO_CALL: i64 = i64::MIN;

impl Operation {
    pub(crate) fn new(times: (i64, i64), lane: u32, launched: Option<i64>) -> Self {
        Self { start: times.0, end: times.1, call: launched.unwrap_or(NO_CALL), lane }
    }

    /// When the launching call started; `None` when that call is not in the recording.
    pub(crate) fn launched(&self) -> Option<i64> {
        (self.call != NO_CALL).then_some(self.call)
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
}

impl Operations {
    pub(crate) fn new(lanes: Vec<(i64, i64)>, mut rows: Vec<Operation>) -> Self {
        rows.sort_unstable_by_key(|row| (row.lane, row.start, row.end));
        Self { lanes, rows }
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

/// All GPU operations of a process with the start of the call that launched each.
pub(crate) fn operations(recording: &Recording, rows: &ProcessRows) -> Operations {
    let mut calls = Calls::new(pick(&recording.api_calls, &rows.api_calls));
    let mut lanes = Lanes::of(recording, rows);
    let mut operations = Vec::with_capacity(rows.kernels.len() + rows.copies.len());
    macro_rules! add {
        ($($table:ident),+) => {$(
            operations.extend(pick(&recording.$table, &rows.$table).map(|row| {
                let times = clean(row.start_ns.unix_nanos(), row.end_ns.unix_nanos());
                let launched = row.correlation.and_then(|id| calls.start_of(id));
                Operation::new(times, lanes.number(row.device_id, row.stream_id), launched)
            }));
        )+};
    }
    add!(kernels, copies);
    Operations::new(lanes.names, operations)
}

/// The streams of a process, numbered in order of device and stream.
struct Lanes {
    names: Vec<(i64, i64)>,
    numbers: HashMap<(DeviceId, StreamId), u32>,
    last: ((DeviceId, StreamId), u32),
}

impl Lanes {
    fn of(recording: &Recording, rows: &ProcessRows) -> Self {
        let (mut used, mut last) = (HashSet::new(), None);
        macro_rules! add {
            ($($table:ident),+) => {$(
                for row in pick(&recording.$table, &rows.$table) {
                    let stream = (row.device_id, row.stream_id);
                    if last != Some(stream) {
                        last = Some(stream);
                        used.insert(stream);
                    }
                }
            )+};
        }
        add!(kernels, copies);
        let mut by_name: BTreeMap<(i64, i64), Vec<(DeviceId, StreamId)>> = BTreeMap::new();
        for stream in used {
            let ordinal = recording.device(stream.0).map_or(0, |device| device.ordinal);
            let number = recording.stream(stream.1).map_or(stream.1.0, |stream| stream.stream);
            by_name.entry((ordinal, number)).or_default().push(stream);
        }
        let numbered = by_name.values().zip(0..);
        let numbers: HashMap<_, _> =
            numbered.flat_map(|(ids, lane)| ids.iter().map(move |&id| (id, lane))).collect();
        let last = numbers.iter().next().map_or_else(Default::default, |(&id, &lane)| (id, lane));
        Self { names: by_name.into_keys().collect(), numbers, last }
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
    sorted: Vec<(i64, i64)>,
    /// Where the last answer was: operations mostly come in the order of their calls.
    last: usize,
}

impl Calls {
    fn new(calls: impl Iterator<Item = ApiCall>) -> Self {
        let mut sorted: Vec<(i64, i64)> = calls
            .filter_map(|call| Some((call.correlation?, call.start_ns.unix_nanos())))
            .collect();
        sorted.sort_unstable();
        sorted.dedup_by_key(|&mut (id, _)| id);
        Self { sorted, last: 0 }
    }

    fn start_of(&mut self, correlation: i64) -> Option<i64> {
        for at in [self.last, self.last + 1] {
            if let Some(&(id, start)) = self.sorted.get(at)
                && id == correlation
            {
                self.last = at;
                return Some(start);
            }
        }
        self.last = self.sorted.binary_search_by_key(&correlation, |&(id, _)| id).ok()?;
        self.sorted.get(self.last).map(|&(_, start)| start)
    }
}
