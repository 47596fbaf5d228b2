//! What the newest runs of a metric are held against.

use std::ops::Range;

use crate::series::newest::FEWEST;
use crate::series::{self, ChangePoints};

/// The newest level that is old enough to be one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Baseline {
    /// Its runs among the older ones.
    pub(super) runs: Range<usize>,
    /// First-order autocorrelation of the noise around the levels, 0..=0.95.
    pub(super) rho: f64,
}

/// How many more runs a level needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooShort {
    pub(super) missing: usize,
}

/// The newest level of at least [`FEWEST`] runs. While the newest level is younger that is the one before:
/// a step stays a verdict until it is the new normal.
pub(super) fn baseline(older: &[f64]) -> Result<Baseline, TooShort> {
    // Refuses only what was refused before: an empty series and values that are not finite.
    let found = series::changepoints(older, &series::Settings::default()).ok();
    let ChangePoints { levels, autocorrelation, .. } = found.ok_or(TooShort { missing: FEWEST })?;
    let long = levels.iter().rev().find(|level| level.end - level.start >= FEWEST);
    if let Some(level) = long {
        return Ok(Baseline { runs: level.start..level.end, rho: autocorrelation });
    }
    let newest = levels.last().map_or(0, |level| level.end - level.start);
    Err(TooShort { missing: FEWEST - newest })
}

#[cfg(test)]
mod tests {
    use super::{TooShort, baseline};

    fn noise(n: usize, level: f64) -> Vec<f64> {
        (0..n)
            .map(|i| level + f64::from([0_i8, 3, -2, 1, -3, 2, -1, 0, 2, -2][i % 10]) / 10.0)
            .collect()
    }

    #[test]
    fn only_the_newest_level_counts_once_it_is_old_enough() {
        let stepped = |young| [noise(30, 100.0), noise(young, 120.0)].concat();
        assert_eq!(baseline(&stepped(12)).unwrap().runs, 30..42);
        assert_eq!(baseline(&stepped(5)).unwrap().runs, 0..30);
    }

    #[test]
    fn a_short_history_says_how_much_it_lacks() {
        assert_eq!(baseline(&noise(5, 100.0)), Err(TooShort { missing: 3 }));
        assert_eq!(baseline(&[]), Err(TooShort { missing: 8 }));
        assert_eq!(baseline(&noise(8, 100.0)).unwrap().runs, 0..8);
    }
}
