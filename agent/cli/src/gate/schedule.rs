//! The order of the runs: the sides take turns, and the side that begins changes from round to round.

use perfagent_regress::compare::Side;
use serde::{Deserialize, Serialize};

use super::journal::Run;

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// Fills caches; only its failures count.
    WarmUp,
    /// The first look.
    First,
    /// The second look at a case that alarmed.
    Confirm,
}

/// A run that is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// The case's place in the plan.
    pub(super) case: usize,
    pub(super) side: Side,
    pub(super) phase: Phase,
    pub(super) round: usize,
}

/// All runs of a phase; `runs` has, for each case in the order of the plan, how many there are a side.
///
/// Round by round and case by case, so that whatever changes with time on the machine changes for all runs of a case and
/// for both sides alike. Within a round of a case the sides follow each other at once, first base and new, in the next
/// round new and base: what drifts steadily then adds the same to both sides of two rounds.
pub(super) fn slots(phase: Phase, runs: &[usize]) -> impl Iterator<Item = Slot> {
    let rounds = runs.iter().copied().max().unwrap_or(0);
    (0..rounds).flat_map(move |round| {
        let cases = (0..runs.len()).filter(move |&case| runs[case] > round);
        cases.flat_map(move |case| {
            let order =
                if round % 2 == 0 { [Side::Base, Side::New] } else { [Side::New, Side::Base] };
            order.map(|side| Slot { case, side, phase, round })
        })
    })
}

/// The side or sides on which a case does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Broken {
    /// Only the base.
    Base,
    /// Only the new one: a regression.
    New,
    /// Both, or both now and then.
    Both,
}

/// Failures of a side after which a case is not run any more.
const ENOUGH: usize = 2;

/// Whether the runs of a case say that it is broken. One failure may be chance, and is told; a second one of the same side
/// confirms it.
pub(super) fn broken<'a>(runs: &(impl Iterator<Item = &'a Run> + Clone)) -> Option<Broken> {
    let failures =
        |side| runs.clone().filter(|run| run.side == side && run.failure.is_some()).count();
    match (failures(Side::Base), failures(Side::New)) {
        (0..ENOUGH, 0..ENOUGH) => None,
        (0, _) => Some(Broken::New),
        (_, 0) => Some(Broken::Base),
        _ => Some(Broken::Both),
    }
}

#[cfg(test)]
mod tests {
    use perfagent_regress::compare::Side;

    use super::{Broken, Phase, broken, slots};
    use crate::gate::journal::{Failure, Run};

    #[test]
    fn the_sides_take_turns_and_cases_that_need_less_are_done_earlier() {
        let order: Vec<_> = slots(Phase::First, &[3, 0, 2])
            .map(|slot| (slot.round, slot.case, if slot.side == Side::Base { 'b' } else { 'n' }))
            .collect();
        let expected = [
            (0, 0, 'b'),
            (0, 0, 'n'),
            (0, 2, 'b'),
            (0, 2, 'n'),
            (1, 0, 'n'),
            (1, 0, 'b'),
            (1, 2, 'n'),
            (1, 2, 'b'),
            (2, 0, 'b'),
            (2, 0, 'n'),
        ];
        assert_eq!(order, expected);
        assert_eq!(slots(Phase::Confirm, &[]).count(), 0);
    }

    /// A machine that becomes slower from run to run does so for both sides alike.
    #[test]
    fn a_steady_drift_adds_the_same_to_both_sides() {
        let mut sums = [0_i64; 2];
        for (moment, slot) in slots(Phase::First, &[6, 6, 6]).enumerate() {
            sums[usize::from(slot.side == Side::New)] += moment as i64;
        }
        assert_eq!(sums[0], sums[1]);
    }

    fn run(side: Side, failed: bool) -> Run {
        let failure = failed.then(|| Failure { kind: "failed".into(), reason: String::new() });
        Run {
            case: "a".into(),
            side,
            phase: Phase::First,
            round: 0,
            failure,
            exit_code: 0,
            duration_ns: 1,
            started: String::new(),
            recording: None,
            log: String::new(),
        }
    }

    #[test]
    fn one_failure_may_be_chance_and_two_are_not() {
        for (base, new, expected) in [
            (0, 0, None),
            (1, 1, None),
            (0, 1, None),
            (0, 2, Some(Broken::New)),
            (2, 0, Some(Broken::Base)),
            (1, 2, Some(Broken::Both)),
            (2, 2, Some(Broken::Both)),
        ] {
            let runs: Vec<_> = (0..base)
                .map(|_| run(Side::Base, true))
                .chain((0..new).map(|_| run(Side::New, true)))
                .chain([run(Side::Base, false), run(Side::New, false)])
                .collect();
            assert_eq!(broken(&runs.iter()), expected, "{base} {new}");
        }
    }
}
