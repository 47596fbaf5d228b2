//! From recordings to what each case came to.

use std::path::{Path, PathBuf};

use perfagent_regress::compare::{MetricRow, Overall, Settings, Side};
use perfagent_regress::gate::{Confirmation, Fresh, alarms, confirm, settle};

use super::journal::Run;
use super::schedule::{Broken, Phase, broken};
use crate::comparison::{self, Answer};

/// What a case came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) case: String,
    pub(crate) verdict: Overall,
    /// Where it does not run.
    pub(crate) broken: Option<Broken>,
    /// The first look; none where the case does not run.
    pub(crate) first: Option<Answer>,
    /// What alarmed, and what became of it.
    pub(crate) alarms: Vec<Confirmation>,
    /// All its runs.
    pub(crate) runs: Vec<Run>,
}

impl Outcome {
    /// Runs of a side in a phase that ended well.
    pub(super) fn good(&self, phase: Phase, side: Side) -> impl Iterator<Item = &Run> {
        let runs = self.runs.iter();
        runs.filter(move |run| run.phase == phase && run.side == side && run.failure.is_none())
    }

    /// Runs that failed.
    pub(super) fn failed(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.failure.is_some())
    }
}

/// The verdict on all cases: the worst of theirs.
pub(crate) fn overall(outcomes: &[Outcome]) -> Overall {
    let worst_first =
        [Overall::Regression, Overall::Incomparable, Overall::Inconclusive, Overall::Improvement];
    let of_any = |verdict: &Overall| outcomes.iter().any(|outcome| outcome.verdict == *verdict);
    worst_first.into_iter().find(of_any).unwrap_or(Overall::Equivalent)
}

/// Compares the first runs of a case.
pub(super) fn first_look<'a>(
    folder: &Path,
    runs: &(impl Iterator<Item = &'a Run> + Clone),
    force: bool,
    settings: &Settings,
) -> anyhow::Result<Answer> {
    let side = |side| load(folder, runs.clone(), Phase::First, side);
    comparison::compare(side(Side::Base)?, side(Side::New)?, force, settings)
}

/// Says what the cases came to: each is its name, its first look and its runs.
pub(super) fn conclude(
    folder: &Path,
    cases: Vec<(String, Option<Answer>, Vec<Run>)>,
    settings: &Settings,
) -> anyhow::Result<Vec<Outcome>> {
    let mut looked: Vec<(MetricRow, Fresh)> = Vec::new();
    for (_, first, runs) in &cases {
        let alarmed: Vec<_> = first.iter().flat_map(|first| alarms(&first.comparison)).collect();
        if alarmed.is_empty() {
            continue;
        }
        let base = load(folder, runs.iter(), Phase::Confirm, Side::Base)?;
        let new = load(folder, runs.iter(), Phase::Confirm, Side::New)?;
        for row in alarmed {
            looked.push((row.clone(), comparison::again(row, &base.runs, &new.runs)));
        }
    }
    let mut confirmations = confirm(looked, settings)?.into_iter();
    let outcomes = cases.into_iter().map(|(case, first, runs)| {
        let count = first.as_ref().map_or(0, |first| alarms(&first.comparison).count());
        let alarms: Vec<_> = confirmations.by_ref().take(count).collect();
        let broken = broken(&runs.iter());
        let verdict = match (broken, &first) {
            (Some(Broken::New), _) => Overall::Regression,
            (Some(Broken::Base | Broken::Both), _) | (_, None) => Overall::Inconclusive,
            (None, Some(first)) => settle(&first.comparison, &alarms),
        };
        Outcome { case, verdict, broken, first, alarms, runs }
    });
    Ok(outcomes.collect())
}

/// The recordings of a side, one after the other in memory.
fn load<'a>(
    folder: &Path,
    runs: impl Iterator<Item = &'a Run>,
    phase: Phase,
    side: Side,
) -> anyhow::Result<comparison::Side> {
    let wanted = |run: &&Run| run.phase == phase && run.side == side && run.failure.is_none();
    let files: Vec<PathBuf> = runs
        .filter(wanted)
        .filter_map(|run| run.recording.as_ref().map(|name| folder.join(name)))
        .collect();
    comparison::read(&comparison::open(&files)?)
}

#[cfg(test)]
mod tests {
    use perfagent_regress::compare::Overall::{
        self, Equivalent, Improvement, Incomparable, Inconclusive, Regression,
    };

    use super::{Outcome, overall};

    #[test]
    fn the_worst_case_decides() {
        let of = |verdicts: &[Overall]| {
            let outcome = |verdict: &Overall| Outcome {
                case: String::new(),
                verdict: *verdict,
                broken: None,
                first: None,
                alarms: Vec::new(),
                runs: Vec::new(),
            };
            overall(&verdicts.iter().map(outcome).collect::<Vec<_>>())
        };
        assert_eq!(of(&[Equivalent, Incomparable, Regression]), Regression);
        assert_eq!(of(&[Inconclusive, Incomparable]), Incomparable);
        assert_eq!(of(&[Improvement, Inconclusive]), Inconclusive);
        assert_eq!(of(&[Equivalent, Improvement]), Improvement);
        assert_eq!(of(&[]), Equivalent);
    }
}
