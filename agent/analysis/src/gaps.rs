//! The time in which no GPU of a rank had anything to do, by what ended it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use crate::host_wait::HostWait;
use crate::operation::{Operation, Operations, Work};
use crate::report::{GapCause, GapRow, Gaps, ShortKernels};
use crate::{Coverage, Intervals};

/// Kernels shorter than this are short: a launch from PyTorch costs its thread about as much.
const SHORT_BELOW_NS: i64 = 10_000;
/// Gaps shorter than this between operations launched in time are the GPU's own, ns.
const TURNAROUND_BELOW_NS: i64 = 30_000;
/// No launch takes as long as this: in gaps from this length on the host did something else.
const LONG_FROM_NS: i64 = 1_000_000;

/// Divides the idle time of a rank within `window`. `data` is when data was loaded; `waits` are in order of start.
pub(crate) fn gaps(
    operations: &Operations,
    data: &Intervals,
    waits: &[HostWait],
    window: (i64, i64),
) -> Gaps {
    let mut sums = Sums::new(data, waits, window);
    sums.go_through(operations);
    let mut gaps = sums.gaps;
    gaps.causes.sort_by_key(|row| (Reverse(row.total_ns), row.cause));
    gaps
}

/// A stretch of the window in which nothing ran.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GapPiece {
    pub(crate) from: i64,
    pub(crate) until: i64,
    pub(crate) cause: GapCause,
    /// The wait of the host that caused it.
    pub(crate) wait: Option<HostWait>,
}

/// The gaps within `window` one by one, in order of time. Data that was loaded meanwhile is not taken off.
pub(crate) fn pieces(
    operations: &Operations,
    waits: &[HostWait],
    window: (i64, i64),
) -> Vec<GapPiece> {
    let mut sums = Sums::new(&Intervals::default(), waits, window);
    sums.pieces = Some(Vec::new());
    sums.go_through(operations);
    sums.pieces.unwrap_or_default()
}

/// A stretch in which nothing ran.
struct Gap {
    from: i64,
    until: i64,
    /// What decides between the operations that ended it: those with a call before others, then the earliest call.
    key: (bool, i64, i64),
    is_short: bool,
}

impl Gap {
    fn new(from: i64, operation: &Operation) -> Self {
        let until = operation.start;
        Self { from, until, key: key(operation), is_short: is_short(operation) }
    }

    /// One more operation begins at its end.
    fn ended_by(&mut self, operation: &Operation) {
        if key(operation) < self.key {
            (self.key, self.is_short) = (key(operation), is_short(operation));
        }
    }

    fn launched(&self) -> Option<i64> {
        (!self.key.0).then_some(self.key.1)
    }
}

fn key(operation: &Operation) -> (bool, i64, i64) {
    let launched = operation.launched();
    (launched.is_none(), launched.unwrap_or(0), operation.end)
}

fn is_short(operation: &Operation) -> bool {
    matches!(operation.work(), Work::Kernel(_)) && operation.length() < SHORT_BELOW_NS
}

/// What has been added up so far.
struct Sums<'a> {
    window: (i64, i64),
    data: Coverage,
    waits: Waits<'a>,
    gaps: Gaps,
    /// Each gap, where they are asked for.
    pieces: Option<Vec<GapPiece>>,
}

impl<'a> Sums<'a> {
    fn new(data: &Intervals, waits: &'a [HostWait], window: (i64, i64)) -> Self {
        Self {
            window,
            data: Coverage::new(data.clone()),
            waits: Waits { later: waits, running: Vec::new() },
            gaps: Gaps {
                start_ns: window.0,
                window_ns: window.1.saturating_sub(window.0).max(0),
                short: ShortKernels { below_ns: SHORT_BELOW_NS, ..ShortKernels::default() },
                ..Gaps::default()
            },
            pieces: None,
        }
    }

    /// Goes through the operations of all streams in order of time.
    fn go_through(&mut self, operations: &Operations) {
        let window = self.window;
        // The greatest end so far, and the operation with which the gap after it ended.
        let mut end = i64::MIN;
        let mut open: Option<Gap> = None;
        for operation in InOrder::of(operations) {
            self.short(operation);
            if let Some(gap) = open.take_if(|gap| gap.until < operation.start) {
                self.add(&gap);
            }
            if let Some(gap) = &mut open {
                gap.ended_by(operation);
            } else if operation.start > end {
                open = Some(Gap::new(end.max(window.0.min(operation.start)), operation));
            }
            end = end.max(operation.end);
        }
        if let Some(gap) = open {
            self.add(&gap);
        }
        if end < window.1 && end > i64::MIN {
            self.rest(end);
        }
    }

    fn short(&mut self, operation: &Operation) {
        let short = &mut self.gaps.short;
        short.of += i64::from(matches!(operation.work(), Work::Kernel(_)));
        if is_short(operation) {
            short.count += 1;
            short.total_ns = short.total_ns.saturating_add(operation.length());
        }
    }

    fn add(&mut self, gap: &Gap) {
        let wait = self.waits.in_gap(gap.from, gap.until);
        let length = gap.until.saturating_sub(gap.from);
        let cause = if wait.is_some() {
            GapCause::Synchronization
        } else if gap.launched().is_some_and(|launched| launched > gap.from) {
            GapCause::LateLaunch
        } else if length < TURNAROUND_BELOW_NS {
            GapCause::Turnaround
        } else if gap.launched().is_some() {
            GapCause::Other
        } else {
            GapCause::Unlinked
        };
        let Some(row) = self.row((cause, wait), gap.from, gap.until) else { return };
        let (time, row) = row;
        if length >= LONG_FROM_NS {
            row.long += 1;
            row.long_ns = row.long_ns.saturating_add(time);
        } else if gap.is_short {
            row.before_short += 1;
            row.before_short_ns = row.before_short_ns.saturating_add(time);
        }
        if let Some(wait) = wait {
            let waited = time.min(wait.end - wait.start);
            row.waited_ns = row.waited_ns.saturating_add(waited);
            if length >= LONG_FROM_NS {
                row.long_waited_ns = row.long_waited_ns.saturating_add(waited);
            }
        }
    }

    /// The end of the window, in which nothing ran any more.
    fn rest(&mut self, from: i64) {
        let _ = self.row((GapCause::Other, None), from, self.window.1);
    }

    /// Counts what lies of `[from, until)` within the window. Returns its length without loading of data, and its row.
    fn row(
        &mut self,
        (cause, wait): (GapCause, Option<HostWait>),
        from: i64,
        until: i64,
    ) -> Option<(i64, &mut GapRow)> {
        let (from, until) = (from.max(self.window.0), until.min(self.window.1));
        if from >= until {
            return None;
        }
        if let Some(pieces) = &mut self.pieces {
            pieces.push(GapPiece { from, until, cause, wait });
        }
        let data = self.data.within(from, until);
        let time = until - from - data;
        self.gaps.idle_ns = self.gaps.idle_ns.saturating_add(until - from);
        self.gaps.data_ns = self.gaps.data_ns.saturating_add(data);
        let causes = &mut self.gaps.causes;
        let position = causes.iter().position(|row| row.cause == cause).unwrap_or_else(|| {
            causes.push(GapRow {
                cause,
                count: 0,
                total_ns: 0,
                long: 0,
                long_ns: 0,
                before_short: 0,
                before_short_ns: 0,
                waited_ns: 0,
                long_waited_ns: 0,
                longest_start_ns: 0,
                longest_ns: 0,
            });
            causes.len() - 1
        });
        let row = causes.get_mut(position)?;
        row.count += 1;
        row.total_ns = row.total_ns.saturating_add(time);
        if until - from > row.longest_ns {
            (row.longest_start_ns, row.longest_ns) = (from, until - from);
        }
        Some((time, row))
    }
}

/// Waits of the host, looked at in the order of the gaps.
struct Waits<'a> {
    later: &'a [HostWait],
    running: Vec<HostWait>,
}

impl Waits<'_> {
    /// The wait that was there when the GPU ran out of work and ended before it got more; of several, the one that ended last.
    fn in_gap(&mut self, from: i64, until: i64) -> Option<HostWait> {
        while let Some((wait, later)) =
            self.later.split_first().filter(|(wait, _)| wait.start <= from)
        {
            self.running.push(*wait);
            self.later = later;
        }
        self.running.retain(|wait| wait.end >= from);
        let within = self.running.iter().filter(|wait| wait.end <= until);
        within.max_by_key(|wait| (wait.end, Reverse(wait.start))).copied()
    }
}

/// The operations of all streams in order of their starts.
struct InOrder<'a> {
    heads: BinaryHeap<Reverse<(i64, usize)>>,
    streams: Vec<std::slice::Iter<'a, Operation>>,
}

impl<'a> InOrder<'a> {
    fn of(operations: &'a Operations) -> Self {
        let streams: Vec<_> =
            operations.by_stream().map(|(_, operations)| operations.iter()).collect();
        let heads = streams.iter().enumerate();
        let heads = heads.filter_map(|(number, stream)| {
            Some(Reverse((stream.as_slice().first()?.start, number)))
        });
        Self { heads: heads.collect(), streams }
    }
}

impl<'a> Iterator for InOrder<'a> {
    type Item = &'a Operation;

    fn next(&mut self) -> Option<Self::Item> {
        let mut head = self.heads.peek_mut()?;
        let stream = self.streams.get_mut(head.0.1)?;
        let operation = stream.next();
        match stream.as_slice().first() {
            Some(next) => head.0.0 = next.start,
            None => {
                PeekMut::pop(head);
            }
        }
        operation
    }
}
