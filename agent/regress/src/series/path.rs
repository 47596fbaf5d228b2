//! The segmentation with the best criterion among all that are optimal at some price of a change.
//!
//! As the price falls, the optimal segmentations lie on a convex curve of deviation over number of
//! changes. Its corners are found by asking at the price where two known ones would tie (Haynes, Eckley
//! and Fearnhead 2017); stretches that cannot hold a better criterion are left out.

use super::criterion::{Score, score};
use super::potts;

/// Numbers of changes up to this are told apart one by one, greater ones to this share.
const RESOLUTION: usize = 16;

#[derive(Clone)]
struct Corner {
    changes: Vec<usize>,
    score: Score,
}

/// The first indices of all segments but the first. `values` must be on a scale where their noise is
/// about 1 (see [`noise`]); `factor` is the weight of a change in the criterion, in ln n / n.
pub(crate) fn best(values: &[f64], factor: f64) -> Vec<usize> {
    let n = values.len() as f64;
    let price = factor * n.ln() / n;
    let corner = |changes: Vec<usize>| {
        let score = score(values, &changes, price);
        Corner { changes, score }
    };
    let coarsest = corner(Vec::new());
    // A change that saves less than half a standard deviation is within the noise of a single point.
    let finest = corner(potts::segment(values, 0.5));
    let mut best = (coarsest.score.criterion, coarsest.changes.clone());
    let mut intervals = vec![(coarsest, finest)];
    // The finest segmentation goes in as soon as its stretch is looked at.
    while let Some((coarse, fine)) = intervals.pop() {
        if fine.score.criterion < best.0 {
            best = (fine.score.criterion, fine.changes.clone());
        }
        let (few, many) = (coarse.changes.len(), fine.changes.len());
        // A finer fit leaves no more of the residuals: this is the best that lies between.
        let bound = price * (few + 1) as f64 + fine.score.misfit;
        if many - few <= 1 + few / RESOLUTION || bound >= best.0 {
            continue;
        }
        let tie = (coarse.score.deviation - fine.score.deviation) / (many - few) as f64;
        if tie <= 0.0 {
            continue;
        }
        let middle = corner(potts::segment(values, tie));
        let between = middle.changes.len();
        if between <= few || between >= many {
            continue;
        }
        intervals.push((middle.clone(), fine));
        intervals.push((coarse, middle));
    }
    best.1
}
