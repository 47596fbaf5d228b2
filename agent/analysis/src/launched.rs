//! GPU operations and the calls that launched them.

use perfagent_recording::{DeviceId, Recording, StreamId, StringId, ThreadId};

use crate::operation::{Work, clean};
use crate::process::{ProcessRows, pick};

/// A call of the runtime or driver on a thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) thread: ThreadId,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) name: StringId,
    pub(crate) correlation: Option<i64>,
}

/// An operation of a GPU.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Launched {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) device: DeviceId,
    pub(crate) stream: StreamId,
    pub(crate) work: Work,
    /// The launching call by its position in [`Launches::calls`]; `None` when it is not in the recording.
    pub(crate) call: Option<u32>,
}

/// The GPU operations of a process and its calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Launches {
    /// Kernels, then copies, in the order of their tables.
    pub(crate) operations: Vec<Launched>,
    /// In the order of their table.
    pub(crate) calls: Vec<Call>,
    /// Correlation ids with the call that has them; of several, the one that starts first.
    by_correlation: Vec<(i64, u32)>,
}

impl Launches {
    /// Links the operations of a process with its calls.
    pub(crate) fn of(recording: &Recording, rows: &ProcessRows) -> Self {
        let calls: Vec<Call> = pick(&recording.api_calls, &rows.api_calls)
            .map(|call| {
                let (start, end) = clean(call.start_ns.unix_nanos(), call.end_ns.unix_nanos());
                let (thread, name) = (call.thread_id, call.name_id);
                Call { thread, start, end, name, correlation: call.correlation }
            })
            .collect();
        let with_id = |(position, call): (usize, &Call)| {
            Some((call.correlation?, call.start, position as u32))
        };
        let mut found: Vec<(i64, i64, u32)> = Vec::with_capacity(calls.len());
        found.extend(calls.iter().enumerate().filter_map(with_id));
        found.sort_unstable();
        found.dedup_by_key(|&mut (id, ..)| id);
        let by_correlation = found.into_iter().map(|(id, _, position)| (id, position)).collect();
        let mut launches = Self { operations: Vec::new(), calls, by_correlation };
        let mut operations = Vec::with_capacity(rows.kernels.len() + rows.copies.len());
        let mut last = 0;
        macro_rules! add {
            ($table:ident, |$row:ident| $work:expr) => {
                operations.extend(pick(&recording.$table, &rows.$table).map(|$row| {
                    let (start, end) = clean($row.start_ns.unix_nanos(), $row.end_ns.unix_nanos());
                    Launched {
                        start,
                        end,
                        device: $row.device_id,
                        stream: $row.stream_id,
                        work: $work,
                        call: $row.correlation.and_then(|id| launches.call_near(id, &mut last)),
                    }
                }));
            };
        }
        add!(kernels, |row| Work::Kernel(row.name_id));
        add!(copies, |row| Work::Copy(row.kind));
        launches.operations = operations;
        launches
    }

    /// [`Launches::call_with`], looked for first where the last one was found: operations mostly come in the order of their calls.
    fn call_near(&self, correlation: i64, last: &mut usize) -> Option<u32> {
        let at = [*last, *last + 1]
            .into_iter()
            .find(|&at| self.by_correlation.get(at).is_some_and(|&(id, _)| id == correlation));
        let search = || self.by_correlation.binary_search_by_key(&correlation, |&(id, _)| id).ok();
        *last = at.or_else(search)?;
        self.by_correlation.get(*last).map(|&(_, position)| position)
    }

    /// The call with this correlation id.
    pub(crate) fn call_with(&self, correlation: i64) -> Option<u32> {
        let at = self.by_correlation.binary_search_by_key(&correlation, |&(id, _)| id).ok()?;
        self.by_correlation.get(at).map(|&(_, position)| position)
    }

    /// The call that launched an operation.
    pub(crate) fn call_of(&self, operation: &Launched) -> Option<&Call> {
        self.calls.get(operation.call? as usize)
    }
}
