//! The answer of `compare`: the judgement, and what stands behind it.

use perfagent_analysis::{Attribution, Difference, StepProfile, StepSums};
use perfagent_regress::compare::Comparison;
use serde::Serialize;

use super::loss::Losses;
use super::run::Run;

/// The answer as a document.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    #[serde(flatten)]
    pub(crate) comparison: Comparison,
    #[serde(flatten)]
    whole: Detail,
    /// Of suites, case by case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    case_details: Vec<Detail>,
}

/// What the runs of two sides do differently; nothing where the environments forbid a comparison.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Detail {
    /// The case of a suite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) case: Option<String>,
    /// Kernels and operators.
    pub(super) difference: Option<Difference>,
    /// What made the change of the mean step; `None` where a side has no steps.
    pub(super) attribution: Option<Attribution>,
    /// Whether they train alike; `None` where they tell no losses.
    pub(super) losses: Option<Losses>,
}

impl Answer {
    pub(super) fn new(comparison: Comparison, mut details: Vec<Detail>) -> Self {
        let is_whole = matches!(details.as_slice(), [one] if one.case.is_none());
        let whole = details.pop_if(|_| is_whole).unwrap_or_default();
        Self { comparison, whole, case_details: details }
    }

    /// What the sides do differently: once, or case by case.
    pub(super) fn details(&self) -> &[Detail] {
        if self.case_details.is_empty() {
            std::slice::from_ref(&self.whole)
        } else {
            &self.case_details
        }
    }
}

impl Detail {
    /// Compares the steps of two sides.
    pub(super) fn of(case: Option<&str>, base: &[&Run], new: &[&Run]) -> Self {
        let profiles = |side: &[&Run]| {
            side.iter().fold(StepProfile::default(), |mut sum, run| {
                sum.add(run.profile.clone());
                sum
            })
        };
        let sums = |side: &[&Run]| {
            side.iter().fold(StepSums::default(), |mut sum, run| {
                sum.add(run.sums.clone());
                sum
            })
        };
        let difference = Difference::between(&profiles(base), &profiles(new));
        let renamed = difference.renamed();
        Self {
            case: case.map(str::to_owned),
            attribution: Attribution::between(&sums(base), &sums(new), &renamed),
            losses: Losses::of(base, new),
            difference: Some(difference),
        }
    }

    /// Kernels' names on both sides, where they differ.
    pub(super) fn renamed(&self) -> Vec<(String, String)> {
        self.difference.as_ref().map_or_else(Vec::new, Difference::renamed)
    }
}
