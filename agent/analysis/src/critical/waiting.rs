//! How much of the communication on a critical path was waiting for other ranks, which is known once the ranks are together.

use std::collections::HashMap;

use perfagent_recording::Recording;
use serde::{Deserialize, Serialize};

use super::{CriticalPath, PathKind, PathRow};
use crate::collective::{Call, Collectives};
use crate::operation::clean;
use crate::report::CriticalPathFigures;

/// A piece of communication on a path, with what its kernel is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CommunicationPiece {
    start: i64,
    end: i64,
    /// Its correlation id and when it began.
    kernel: (i64, i64),
}

/// The pieces of a path that are communication, as far as their kernels can be told from others.
pub(crate) fn communication(recording: &Recording, path: &CriticalPath) -> Vec<CommunicationPiece> {
    let pieces = path.segments.iter().filter(|piece| piece.kind == PathKind::Communication);
    pieces
        .filter_map(|piece| {
            let Some(PathRow::Kernel(row)) = piece.row else { return None };
            let kernel = recording.kernels.get(row as usize)?;
            let (begin, _) = clean(kernel.start_ns.unix_nanos(), kernel.end_ns.unix_nanos());
            Some(CommunicationPiece {
                start: piece.start_ns,
                end: piece.end_ns,
                kernel: (kernel.correlation?, begin),
            })
        })
        .collect()
}

/// A piece of a critical path that is the kernel of a call of a numbered group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CallOnPath {
    /// The position of the call among those that can be matched.
    call: usize,
    start: i64,
    end: i64,
}

/// The calls of these pieces, in order. Kernels of several rows of the table of collectives are left out: nothing tells which of
/// them was waited for.
pub(crate) fn calls_on_path(
    pieces: &[CommunicationPiece],
    collectives: &Collectives,
) -> Vec<CallOnPath> {
    let mut of_kernels: HashMap<(i64, i64), Option<usize>> = HashMap::new();
    let calls = collectives.calls.iter().zip(&collectives.kernels).enumerate();
    for (position, (call, kernel)) in calls.filter(|(_, (call, _))| call.is_first) {
        if let Some(correlation) = *kernel {
            of_kernels
                .entry((correlation, call.start))
                .and_modify(|call| *call = None)
                .or_insert(Some(position));
        }
    }
    let mut found: Vec<CallOnPath> = pieces
        .iter()
        .filter_map(|piece| {
            let call = (*of_kernels.get(&piece.kernel)?)?;
            Some(CallOnPath { call, start: piece.start, end: piece.end })
        })
        .collect();
    found.sort_unstable_by_key(|piece| (piece.call, piece.start));
    found
}

/// Adds what is known of a call to the communication on the path: for `wait_ns` from its start on it waited for other ranks.
pub(crate) fn add_waiting(
    figures: &mut CriticalPathFigures,
    on_path: &[CallOnPath],
    (position, call): (usize, &Call),
    wait_ns: i64,
) {
    let first = on_path.partition_point(|piece| piece.call < position);
    let pieces = on_path.get(first..).unwrap_or_default();
    let until = call.start.saturating_add(wait_ns.max(0));
    let kinds = &mut figures.by_kind;
    let communication = PathKind::Communication.as_str();
    let Some(row) = kinds.iter_mut().find(|row| row.kind == communication) else { return };
    for piece in pieces.iter().take_while(|piece| piece.call == position) {
        let waited = piece.end.min(until).saturating_sub(piece.start).max(0);
        let length = piece.end.saturating_sub(piece.start);
        row.matched_ns = Some(row.matched_ns.unwrap_or(0).saturating_add(length));
        row.waiting_ns = Some(row.waiting_ns.unwrap_or(0).saturating_add(waited));
    }
}
