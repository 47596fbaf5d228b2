//! Predictions of jobs whose source and model the fit has not seen.

use std::collections::BTreeSet;
use std::num::NonZero;

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
    let frameworks: Vec<Framework> = Framework::ALL
        .into_iter()
        .filter(|framework| samples.iter().any(|sample| sample.family().0 == *framework))
        .collect();
    // What each fit sees; they know nothing of one another.
    let mut seen: Vec<Vec<&Sample>> = (0..FOLDS)
        .map(|fold| samples.iter().filter(|sample| fold_of(sample) != fold).collect())
        .collect();
    seen.extend(frameworks.iter().map(|framework| {
        samples.iter().filter(|sample| sample.family().0 != *framework).collect::<Vec<_>>()
    }));
    let mut fits = side_by_side(&seen).into_iter();
    let by_fold: Vec<Calibration> = fits.by_ref().take(FOLDS).collect();
    let by_framework: Vec<(Framework, Calibration)> = frameworks.into_iter().zip(fits).collect();
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
                family: interval::family(&sample.setup),
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

/// The fits to each of `sets`, on as many processors as there are.
fn side_by_side(sets: &[Vec<&Sample>]) -> Vec<Calibration> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let share = sets.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let shares: Vec<_> = sets
            .chunks(share)
            .map(|sets| scope.spawn(|| sets.iter().map(|set| fit(set)).collect::<Vec<_>>()))
            .collect();
        shares
            .into_iter()
            .flat_map(|share| share.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}
