//! Predictions of jobs whose source and model the fit has not seen.

use std::collections::BTreeSet;

use crate::calibration::Calibration;
use crate::effects::Figure;
use crate::framework::Framework;
use crate::interval;

use super::fit;
use super::sample::Sample;

/// Parts that the groups are dealt into; one is held out at a time.
pub const FOLDS: usize = 10;

/// A job that was held out.
#[derive(Clone, Debug)]
pub struct Held {
    /// The job's own name.
    pub id: String,
    /// Where it was published.
    pub source: String,
    /// Source and model.
    pub group: String,
    /// The family of its framework.
    pub family: String,
    /// Which of its group answer the same question.
    pub cell: String,
    /// One machine or several.
    pub single_node: bool,
    /// Which figure.
    pub figure: Figure,
    /// Measured, seconds or bytes.
    pub measured: f64,
    /// Predicted by a fit without its group.
    pub predicted: f64,
    /// The same without its framework.
    pub unseen: f64,
    /// Names of the interval's classes, from the particular to the general.
    pub classes: Vec<String>,
    /// The part that it was held out with.
    pub fold: usize,
}

impl Held {
    /// Natural logarithm of measured by predicted.
    #[must_use]
    pub fn left(&self) -> f64 {
        (self.measured / self.predicted).ln()
    }
}

/// Holds out one part of the groups after the other, and one framework after the other.
#[must_use]
pub fn cross_validate(samples: &[Sample]) -> Vec<Held> {
    let groups: Vec<&str> = samples
        .iter()
        .map(|sample| sample.group.as_str())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let fold_of =
        |sample: &Sample| groups.binary_search(&sample.group.as_str()).unwrap_or(0) % FOLDS;
    let by_fold: Vec<Calibration> = (0..FOLDS)
        .map(|fold| {
            fit(&samples.iter().filter(|sample| fold_of(sample) != fold).collect::<Vec<_>>())
        })
        .collect();
    let by_framework: Vec<(Framework, Calibration)> = Framework::ALL
        .into_iter()
        .filter(|framework| samples.iter().any(|sample| sample.family().0 == *framework))
        .map(|framework| {
            let others: Vec<&Sample> =
                samples.iter().filter(|sample| sample.family().0 != framework).collect();
            (framework, fit(&others))
        })
        .collect();
    let mut held = Vec::new();
    for sample in samples {
        let fold = fold_of(sample);
        for figure in [Figure::Time, Figure::Memory] {
            let Some(measured) = sample.measured(figure) else { continue };
            let predicted = sample.predicted(figure, &by_fold[fold]);
            let unseen = by_framework
                .iter()
                .find(|(framework, _)| *framework == sample.family().0)
                .map_or(predicted, |(_, calibration)| sample.predicted(figure, calibration));
            held.push(Held {
                id: sample.id.clone(),
                source: sample.source.clone(),
                group: sample.group.clone(),
                family: sample.family().0.name().to_owned(),
                cell: sample.cell.clone(),
                single_node: sample.single_node,
                figure,
                measured,
                predicted,
                unseen,
                classes: interval::classes(&sample.setup, figure, &by_fold[fold]),
                fold,
            });
        }
    }
    held
}
