//! A second way to a critical path: at every step every row is looked at.

use perfagent_analysis::PathRow;
use perfagent_recording::Recording;

/// What a piece of the path is without its name: (start, end, kind, row of an operation).
pub(crate) type Piece = (i64, i64, &'static str, Option<PathRow>);

/// The same path found by looking at every pair of rows at every step.
pub(crate) struct Naive {
    /// (start, end, stream, call, row) in the order of stream and start.
    operations: Vec<(i64, i64, i64, Option<usize>, PathRow)>,
    /// (thread, start, end, correlation, waits for a copy)
    calls: Vec<(i64, i64, i64, i64, bool)>,
    /// (call, stream)
    waits: Vec<(usize, i64)>,
}

impl Naive {
    pub(crate) fn of(recording: &Recording) -> Self {
        let calls: Vec<_> = recording
            .api_calls
            .iter()
            .map(|call| {
                let copies = recording.strings.get(call.name_id).contains("Memcpy");
                let span = (call.start_ns.unix_nanos(), call.end_ns.unix_nanos());
                (call.thread_id.0, span.0, span.1, call.correlation.unwrap(), copies)
            })
            .collect();
        let by_id = |id: Option<i64>| calls.iter().position(|call| Some(call.3) == id);
        let kernels = recording.kernels.iter().enumerate().map(|(row, kernel)| {
            let span = (kernel.start_ns.unix_nanos(), kernel.end_ns.unix_nanos());
            let row = PathRow::Kernel(row as u32);
            (span.0, span.1, kernel.stream_id.0, by_id(kernel.correlation), row)
        });
        let copies = recording.copies.iter().enumerate().map(|(row, copy)| {
            let span = (copy.start_ns.unix_nanos(), copy.end_ns.unix_nanos());
            let row = PathRow::Copy(row as u32);
            (span.0, span.1, copy.stream_id.0, by_id(copy.correlation), row)
        });
        let operations = kernels.chain(copies).collect();
        let waits = recording
            .synchronizations
            .iter()
            .filter_map(|wait| {
                let stream =
                    recording.streams.iter().position(|row| Some(row.stream) == wait.stream)?;
                Some((by_id(wait.correlation).unwrap(), stream as i64 + 1))
            })
            .collect();
        Self { operations, calls, waits }
    }

    /// Operations that a thread waited for within a call that it was in before `time`: (end, end of the call, operation).
    fn joined(&self, thread: i64, time: i64, seen: &[bool]) -> Option<(i64, i64, usize)> {
        let mut joined = Vec::new();
        for (index, operation) in self.operations.iter().enumerate() {
            if let Some(call) = operation.3.map(|call| self.calls[call])
                && call.4
            {
                joined.push((call, index));
            }
        }
        for &(call, stream) in &self.waits {
            let call = self.calls[call];
            // The last one launched on that stream; of several in one instant, the one that ran last.
            let launched = self.operations.iter().enumerate().filter(|(_, operation)| {
                operation.2 == stream && operation.3.is_some_and(|by| self.calls[by].1 < call.1)
            });
            let last = launched.max_by_key(|(index, operation)| {
                (self.calls[operation.3.unwrap()].1, operation.0, operation.1, *index)
            });
            joined.extend(last.map(|(index, _)| (call, index)));
        }
        joined
            .into_iter()
            .filter(|&(call, index)| {
                let end = self.operations[index].1;
                call.0 == thread && call.1 < end && end <= call.2 && end <= time && !seen[index]
            })
            .map(|(call, index)| (self.operations[index].1, call.2, index))
            .max()
    }

    fn before(&self, index: usize, seen: &[bool]) -> Option<usize> {
        let this = self.operations[index];
        let order = |index: usize| (self.operations[index].0, self.operations[index].1, index);
        (0..self.operations.len())
            .filter(|&other| {
                let earlier = self.operations[other];
                earlier.2 == this.2
                    && other != index
                    && earlier.1 <= this.0
                    && (earlier.1 < this.0 || order(other) < order(index))
            })
            .max_by_key(|&other| (self.operations[other].1, order(other)))
            .filter(|&other| !seen[other])
    }

    /// The pieces on the GPU and the times between them, backwards.
    pub(crate) fn path(&self) -> Vec<Piece> {
        let mut seen = vec![false; self.operations.len()];
        let mut pieces: Vec<Piece> = Vec::new();
        let spans = || {
            let calls = self.calls.iter().map(|call| (call.1, call.2));
            calls.chain(self.operations.iter().map(|operation| (operation.0, operation.1)))
        };
        let from = spans().map(|span| span.0).min().unwrap();
        let until = spans().map(|span| span.1).max().unwrap();
        if from == until {
            return pieces;
        }
        let last = self
            .operations
            .iter()
            .enumerate()
            .filter(|(_, operation)| operation.1 > from && operation.0 < until)
            .max_by_key(|(_, operation)| (operation.1, operation.0))
            .map(|(index, operation)| (operation.1, index));
        let thread = self
            .calls
            .iter()
            .filter(|call| call.1 < until && call.2 > from)
            .map(|call| (call.2, std::cmp::Reverse(call.0)))
            .max();
        let (mut place, mut time) = match (last, thread) {
            (Some((end, index)), Some((other, _))) if end >= other => (Ok(index), end),
            (Some((end, index)), None) => (Ok(index), end),
            (_, Some((end, thread))) => (Err(thread.0), end),
            (None, None) => return vec![(from, until, "idle", None)],
        };
        let mut push = |start: i64, end: i64, kind, row| {
            if start < end {
                pieces.push((start, end, kind, row));
            }
        };
        push(time, until, "idle", None);
        while time > from {
            match place {
                Ok(index) => {
                    seen[index] = true;
                    let (start, _, _, call, row) = self.operations[index];
                    let kind = if matches!(row, PathRow::Copy(_)) { "copy" } else { "kernel" };
                    push(start, time, kind, Some(row));
                    let call = call.map(|call| self.calls[call]).filter(|call| call.1 <= start);
                    let launch = call.map(|call| (call.2.min(start), Err(call.0)));
                    let before = self
                        .before(index, &seen)
                        .map(|other| (self.operations[other].1, Ok(other)));
                    let cause = match (launch, before) {
                        (Some(launch), Some(before)) if launch.0 > before.0 => Some(launch),
                        (launch, before) => before.or(launch),
                    };
                    let Some((at, to)) = cause else {
                        push(from, start, "idle", None);
                        break;
                    };
                    push(at, start, if to.is_ok() { "wait" } else { "launch_delay" }, Some(row));
                    (time, place) = (at, to);
                }
                Err(thread) => {
                    let begin = self
                        .calls
                        .iter()
                        .filter(|call| call.0 == thread)
                        .map(|call| call.1)
                        .min()
                        .unwrap();
                    let Some((at, until, index)) = self.joined(thread, time, &seen) else {
                        push(begin, time, "host", None);
                        push(from, begin.min(time), "idle", None);
                        break;
                    };
                    let until = until.min(time);
                    push(until, time, "host", None);
                    push(at, until, "wait", None);
                    (time, place) = (at, Ok(index));
                }
            }
        }
        pieces.reverse();
        pieces
    }
}
