//! What one recording contributes to a run: all of it, or one node's share.

use std::collections::BTreeMap;

use perfagent_analysis::report::Rank;
use perfagent_analysis::{RunFigures, run_figures};
use perfagent_recording::Recording;
use perfagent_recording::table::Payload;

use super::workload::Workload;

/// The figures of a recording, which is not needed afterwards.
pub(crate) struct Part {
    pub(super) figures: RunFigures,
    pub(super) workload: Workload,
    /// The version of perfagent that recorded it.
    pub(super) version: Option<String>,
    /// From the start of the command to the end of the last of its processes, ns: what a run without marked steps is judged by.
    pub(super) run_time: Option<f64>,
    losses: Vec<LossMark>,
}

/// The loss that a process told: which process, when in ns, and what.
type LossMark = (i64, i64, f64);

impl Part {
    /// Takes them out.
    pub(crate) fn of(path: &str, recording: &Recording) -> Self {
        let losses = recording.marks.iter().filter_map(|mark| {
            let is_loss = recording.strings.get(mark.name_id) == "loss"
                && recording.strings.get(mark.domain_id) == "perfagent";
            let Payload::Real(loss) = mark.payload else { return None };
            is_loss.then(|| (mark.process_id.0, mark.time_ns.unix_nanos(), loss))
        });
        Self {
            losses: losses.collect(),
            run_time: run_time(recording),
            figures: run_figures(recording, path),
            workload: Workload::of(recording),
            version: recording.meta_value("perfagent_version").map(str::to_owned),
        }
    }

    /// Where it was found.
    pub(super) fn path(&self) -> &str {
        self.figures.summary.path()
    }

    /// Takes what its ranks said out, by the recording's path and the process's number.
    pub(super) fn take_losses(&mut self) -> BTreeMap<(String, i64), Vec<(i64, f64)>> {
        let mut losses: BTreeMap<_, Vec<(i64, f64)>> = BTreeMap::new();
        for (process, time, loss) in std::mem::take(&mut self.losses) {
            losses.entry((self.path().to_owned(), process)).or_default().push((time, loss));
        }
        losses
    }
}

fn run_time(recording: &Recording) -> Option<f64> {
    let processes = || recording.processes.iter();
    let start = processes().map(|process| process.start_ns).min()?;
    // Where the end of one was not seen nothing can be said.
    let ends: Option<Vec<_>> = processes().map(|process| process.end_ns).collect();
    let time = (ends?.into_iter().max()? - start).nanos() as f64;
    (time > 0.0).then_some(time)
}

/// The loss of each step: the mean over the ranks that told one within it.
pub(super) fn losses(
    ranks: &[Rank],
    told: &BTreeMap<(String, i64), Vec<(i64, f64)>>,
) -> BTreeMap<i64, f64> {
    let mut sums: BTreeMap<i64, (f64, u32)> = BTreeMap::new();
    for rank in ranks {
        let Some(told) = told.get(&(rank.recording_path.clone(), rank.process_id)) else {
            continue;
        };
        for &(time, loss) in told {
            let after = rank.steps.partition_point(|step| step.start_ns <= time);
            let step = after.checked_sub(1).and_then(|step| rank.steps.get(step));
            let within = |step: &&perfagent_analysis::report::Step| {
                time < step.start_ns.saturating_add(step.duration_ns)
            };
            if let Some(step) = step.filter(within) {
                let (sum, count) = sums.entry(step.index).or_default();
                (*sum, *count) = (*sum + loss, *count + 1);
            }
        }
    }
    sums.into_iter().map(|(step, (sum, count))| (step, sum / f64::from(count))).collect()
}
