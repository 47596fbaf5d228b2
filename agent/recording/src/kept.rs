//! Which table of a [`Recording`] in memory the rows of each type are.

use crate::Recording;
use crate::table::{
    ApiCall, ClockAnchor, Collective, CollectiveTest, Context, Copy, Counter, CounterSample,
    Device, Host, Kernel, Loss, Mark, MemoryEvent, Meta, Note, Operator, Overhead, Process, Range,
    SpoolProgress, Stream, Synchronization, Thread,
};

/// A row that a recording in memory has a place for.
pub trait Kept: Sized {
    /// Appends a copy of the row, and returns its id.
    fn keep(&self, recording: &mut Recording) -> i64;

    /// Every row with its id.
    fn kept(recording: &Recording) -> Vec<(i64, Self)>;
}

macro_rules! kept {
    ($($row:ty: $table:ident,)+) => {$(
        impl Kept for $row {
            fn keep(&self, recording: &mut Recording) -> i64 {
                recording.$table.push(self.clone());
                recording.$table.len() as i64
            }

            fn kept(recording: &Recording) -> Vec<(i64, Self)> {
                (1..).zip(recording.$table.to_vec()).collect()
            }
        }
    )+};
}

kept! {
    Meta: meta,
    Host: hosts,
    Process: processes,
    Thread: threads,
    Device: devices,
    Stream: streams,
    Context: contexts,
    Kernel: kernels,
    Copy: copies,
    ApiCall: api_calls,
    Synchronization: synchronizations,
    Range: ranges,
    Mark: marks,
    Operator: operators,
    Collective: collectives,
    CollectiveTest: collective_tests,
    MemoryEvent: memory,
    Counter: counters,
    CounterSample: counter_samples,
    ClockAnchor: clock_anchors,
    Overhead: overheads,
    Loss: losses,
    Note: notes,
}

/// How far a recorder has read a spool matters only to a file that may have to be completed.
impl Kept for SpoolProgress {
    fn keep(&self, _recording: &mut Recording) -> i64 {
        0
    }

    fn kept(_recording: &Recording) -> Vec<(i64, Self)> {
        Vec::new()
    }
}
