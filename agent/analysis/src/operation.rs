//! GPU operations of one rank: kernels, copies and memsets in one list.

use perfagent_recording::table::ApiCall;
use perfagent_recording::{DeviceId, Recording, StreamId};

use crate::process::{ProcessRows, pick};

/// One operation on a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) device: DeviceId,
    pub(crate) stream: StreamId,
    /// When the launching call started; `None` when that call is not in the recording.
    pub(crate) launched: Option<i64>,
}

/// Times beyond this (the year 2116) are clamped, so that no difference of two overflows.
const FURTHEST_NS: i64 = (1 << 62) - 1;

/// Start and end as they are calculated with: an end is never before its start, whatever the file says.
pub(crate) fn clean(start: i64, end: i64) -> (i64, i64) {
    let start = start.clamp(-FURTHEST_NS, FURTHEST_NS);
    (start, end.clamp(start, FURTHEST_NS))
}

/// All GPU operations of a process with the start of the call that launched each.
pub(crate) fn operations(recording: &Recording, rows: &ProcessRows) -> Vec<Operation> {
    let mut calls = Calls::new(pick(&recording.api_calls, &rows.api_calls));
    let mut operations = Vec::with_capacity(rows.kernels.len() + rows.copies.len());
    macro_rules! add {
        ($($table:ident),+) => {$(
            operations.extend(pick(&recording.$table, &rows.$table).map(|row| {
                let (start, end) = clean(row.start_ns.unix_nanos(), row.end_ns.unix_nanos());
                Operation {
                    start,
                    end,
                    device: row.device_id,
                    stream: row.stream_id,
                    launched: row.correlation.and_then(|id| calls.start_of(id)),
                }
            }));
        )+};
    }
    add!(kernels, copies);
    operations
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
