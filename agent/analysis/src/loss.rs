//! What could not be kept.

use perfagent_recording::Recording;

use crate::report::{LossRow, Lost};

/// Every loss with the process that it concerns.
pub(crate) fn losses(recording: &Recording) -> Vec<LossRow> {
    recording
        .losses
        .iter()
        .map(|loss| {
            let process = loss.process_id.and_then(|id| recording.process(id));
            LossRow {
                pid: process.map(|process| process.pid),
                rank: process.and_then(|process| process.rank),
                cause: loss.cause.clone(),
                count: loss.count,
                start_ns: loss.start_ns.map(perfagent_recording::Timestamp::unix_nanos),
                end_ns: loss.end_ns.map(perfagent_recording::Timestamp::unix_nanos),
            }
        })
        .collect()
}

/// The promised sums. Causes outside them are in the list only.
pub(crate) fn lost(losses: &[LossRow]) -> Lost {
    let mut lost = Lost::default();
    for loss in losses {
        let sum = match loss.cause.as_str() {
            "cupti_dropped" => &mut lost.cupti_dropped,
            "declined" => &mut lost.declined,
            "zero_timestamp" => &mut lost.zero_timestamp,
            "ring_full" | "thread_buffer_full" | "exit_deadline" => &mut lost.ring_dropped,
            _ => continue,
        };
        *sum = sum.saturating_add(loss.count);
    }
    lost.gaps =
        losses.iter().filter(|loss| loss.start_ns.is_some() && loss.end_ns.is_some()).count()
            as i64;
    lost
}

/// One sentence a loss.
pub(crate) fn sentences(losses: &[LossRow]) -> impl Iterator<Item = String> {
    losses.iter().filter(|loss| loss.count > 0).map(|loss| {
        let whose = match (loss.rank, loss.pid) {
            (Some(rank), _) => format!(" of rank {rank}"),
            (None, Some(pid)) => format!(" of process {pid}"),
            (None, None) => String::new(),
        };
        format!("{} events{whose} were lost or cut short: {}", loss.count, loss.cause)
    })
}
