//! Whether two sides train alike: their losses step by step.

use std::collections::BTreeMap;

use serde::Serialize;

use super::run::Run;

/// The losses of both sides at the steps that all runs have.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Losses {
    /// Those steps.
    steps: usize,
    /// Whether they are equal to the bit; `None` where the runs of a side already differ among themselves.
    equal: Option<bool>,
    /// The first step at which they are not.
    first_difference: Option<LossDifference>,
}

/// A step at which losses differ.
#[derive(Debug, PartialEq, Serialize)]
struct LossDifference {
    step: i64,
    base: Option<f64>,
    new: Option<f64>,
}

impl Losses {
    /// Compares them; `None` where no step has a loss in all runs.
    pub(super) fn of(base: &[&Run], new: &[&Run]) -> Option<Self> {
        let (first_base, first_new) = (base.first()?, new.first()?);
        let all = || base.iter().chain(new);
        let common: Vec<i64> = (first_base.losses.keys().copied())
            .filter(|step| all().all(|run| run.losses.contains_key(step)))
            .collect();
        if common.is_empty() {
            return None;
        }
        let at =
            |losses: &BTreeMap<i64, f64>, step: i64| losses.get(&step).map(|loss| loss.to_bits());
        let agree =
            |one: &Run, other: &Run, step: i64| at(&one.losses, step) == at(&other.losses, step);
        let within = |side: &[&Run]| {
            side.windows(2).all(|pair| common.iter().all(|&step| agree(pair[0], pair[1], step)))
        };
        if !within(base) || !within(new) {
            return Some(Self { steps: common.len(), equal: None, first_difference: None });
        }
        let differs = common.iter().copied().find(|&step| !agree(first_base, first_new, step));
        let finite =
            |run: &Run, step| run.losses.get(&step).copied().filter(|loss| loss.is_finite());
        Some(Self {
            steps: common.len(),
            equal: Some(differs.is_none()),
            first_difference: differs.map(|step| LossDifference {
                step,
                base: finite(first_base, step),
                new: finite(first_new, step),
            }),
        })
    }

    /// In a sentence.
    pub(super) fn sentence(&self) -> String {
        let steps = match self.steps {
            1 => "the one step that all runs have".to_owned(),
            steps => format!("all {steps} steps that all runs have"),
        };
        let number =
            |loss: Option<f64>| loss.map_or("no number".to_owned(), |loss| loss.to_string());
        match (&self.first_difference, self.equal) {
            (Some(first), _) => format!(
                "The losses differ from step {} on: {} and {} nats.",
                first.step,
                number(first.base),
                number(first.new)
            ),
            (None, Some(_)) => format!("The losses of {steps} are equal to the bit."),
            (None, None) => {
                "The losses of runs of one side differ already: those of the sides are only compared as a metric.".to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Losses, Run};

    fn run(losses: &[(i64, f64)]) -> Run {
        Run { losses: losses.iter().copied().collect(), ..Run::default() }
    }

    #[test]
    fn the_first_step_that_differs_is_told() {
        let base = run(&[(0, 5.0), (1, 4.0), (2, 3.0)]);
        let same = Losses::of(&[&base], &[&base, &base]).unwrap();
        assert_eq!(
            same.sentence(),
            "The losses of all 3 steps that all runs have are equal to the bit."
        );
        let new = run(&[(0, 5.0), (1, 4.25), (2, f64::NAN)]);
        let found = Losses::of(&[&base], &[&new]).unwrap();
        assert_eq!(found.sentence(), "The losses differ from step 1 on: 4 and 4.25 nats.");
        assert_eq!(Losses::of(&[&base, &new], &[&base]).unwrap().equal, None);
        assert_eq!(Losses::of(&[&base], &[&run(&[(7, 1.0)])]), None);
    }
}
