//! Fitting constants, factors and intervals to measured jobs, and what they are worth on jobs that were held out.

mod cholesky;
mod held_out;
mod images;
mod levenberg;
mod sample;
mod score;

pub use held_out::{FOLDS, Held, cross_validate};
pub use images::{ImageFit, ImagePeak, ImageRun, Images};
pub use sample::{Sample, weigh};
pub use score::{Cells, Score, cells, noise_floor, score};

use crate::calibration::Calibration;
use crate::effects::{self, Figure};

/// Constants and factors that fit `samples` best; no intervals, which need jobs that were held out.
#[must_use]
pub fn fit(samples: &[&Sample]) -> Calibration {
    let mut vector = levenberg::Vector::prior();
    levenberg::fit(&mut vector, samples, Figure::Time);
    levenberg::fit(&mut vector, samples, Figure::Memory);
    let mut calibration = Calibration::of(&vector.slots, &vector.values);
    for figure in [Figure::Time, Figure::Memory] {
        let rows: Vec<_> = samples
            .iter()
            .filter_map(|sample| {
                let left = (sample.measured(figure)? / sample.predicted(figure, &calibration)).ln();
                Some((effects::keys(&sample.setup, figure), left, sample.weight))
            })
            .collect();
        *calibration.effects_mut(figure) = effects::fit(&rows);
    }
    calibration
}

/// Constants, factors and intervals, as `data/calibration.toml` holds them.
#[must_use]
pub fn calibrate(samples: &[Sample]) -> (Calibration, Vec<Held>) {
    let held = cross_validate(samples);
    let mut calibration = fit(&samples.iter().collect::<Vec<_>>());
    calibration.set_intervals(&held);
    calibration.set_ranges(samples);
    (calibration, held)
}
