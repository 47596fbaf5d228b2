//! The time of a rank with a GPU, piece by piece.

use perfagent_recording::Recording;
use rustc_hash::FxHashMap;

use super::PartKind;
use super::piece::{Parts, Piece, first_come, together, without};
use crate::gaps;
use crate::operation::Work;
use crate::rank::RankAnalysis;
use crate::report::GapCause;
use crate::rules::COMMUNICATION;

/// What `window` went to.
pub(super) fn pieces(
    recording: &Recording,
    rank: &RankAnalysis,
    window: (i64, i64),
    parts: &mut Parts,
) -> Vec<Piece> {
    let (mut compute, mut communication, mut copies) = (Vec::new(), Vec::new(), Vec::new());
    let mut numbers: FxHashMap<Work, (PartKind, u32)> = FxHashMap::default();
    for operation in rank.operations().iter() {
        if operation.end <= window.0 || operation.start >= window.1 {
            continue;
        }
        let work = operation.work();
        let (kind, part) = *numbers.entry(work).or_insert_with(|| {
            let (kind, name) = match work {
                Work::Kernel(name) if rank.labels().of(name) == COMMUNICATION => {
                    (PartKind::Communication, recording.strings.get(name))
                }
                Work::Kernel(name) => (PartKind::Kernel, recording.strings.get(name)),
                Work::Copy(copy) => (PartKind::Copy, copy.as_str()),
            };
            (kind, parts.number(kind, || name.to_owned()))
        });
        let list = match kind {
            PartKind::Communication => &mut communication,
            PartKind::Copy => &mut copies,
            _ => &mut compute,
        };
        list.push(Piece { start: operation.start, end: operation.end, part });
    }
    let busy = rank.compute().union(rank.communication());
    let communication = without(&first_come(communication), rank.compute());
    let copies = without(&first_come(copies), &busy);
    let busy = busy.union(rank.copies());
    let loading = rank.data().difference(&busy);
    let data = parts.number(PartKind::Data, || "(loading of data)".to_owned());
    let data_pieces = loading.spans().iter();
    let data_pieces =
        data_pieces.map(|&(start, end)| Piece { start, end, part: data }).collect::<Vec<_>>();
    let waits = rank.operations().waits();
    let gaps = gaps::pieces(rank.operations(), waits, window).into_iter().map(|gap| {
        let name = || match (gap.cause, gap.wait) {
            (GapCause::Synchronization, Some(wait)) => {
                format!("synchronization: {}", wait.name(recording))
            }
            (cause, _) => cause_name(cause).to_owned(),
        };
        let part = parts.number(PartKind::Idle, name);
        Piece { start: gap.from, end: gap.until, part }
    });
    let gaps = without(&gaps.collect::<Vec<_>>(), &loading);
    together([first_come(compute), communication, copies, data_pieces, gaps])
}

fn cause_name(cause: GapCause) -> &'static str {
    match cause {
        GapCause::Synchronization => "synchronization",
        GapCause::LateLaunch => "late launch",
        GapCause::Turnaround => "turnaround",
        GapCause::Other => "waiting for other streams or ranks",
        GapCause::Unlinked => "before operations without a launching call",
    }
}
