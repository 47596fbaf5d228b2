//! Single bad runs: what a busy neighbour or a cold cache did to one run of a side.

use crate::statistic::order::median_in_place;

/// One in so many runs of a side may be left out.
const ONE_IN: usize = 5;
/// How many standard deviations from the median of its side a run must be. Of ten normal values, whose standard deviation is
/// estimated from themselves, one in a thousand is farther off.
const FAR: f64 = 8.0;
/// From median absolute deviation to standard deviation, for normal values.
const TO_SIGMA: f64 = 1.4826;

/// The values of both sides without those of bad runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kept {
    pub(super) base: Vec<f64>,
    pub(super) new: Vec<f64>,
}

impl Kept {
    /// Leaves out at most a fifth of the runs of each side: those that are farther from its median than [`FAR`] standard
    /// deviations. How much runs vary is told by both sides together, by their median deviation, which a few bad runs do not
    /// move; of the middle value of an odd number, which deviates by nothing, it does not ask.
    pub(super) fn of(base: &[f64], new: &[f64]) -> Self {
        let limit =
            if base.len() >= ONE_IN || new.len() >= ONE_IN { limit(base, new) } else { 0.0 };
        let kept = |values: &[f64]| match indices(values, limit) {
            bad if bad.is_empty() => values.to_vec(),
            bad => {
                let good = values.iter().enumerate().filter(|(index, _)| !bad.contains(index));
                good.map(|(_, value)| *value).collect()
            }
        };
        Self { base: kept(base), new: kept(new) }
    }
}

/// The bad runs of both sides, 0-based, as [`Kept`] leaves them out.
pub(super) fn outliers(base: &[f64], new: &[f64]) -> (Vec<usize>, Vec<usize>) {
    let limit = limit(base, new);
    (indices(base, limit), indices(new, limit))
}

/// From which distance on a run is bad.
fn limit(base: &[f64], new: &[f64]) -> f64 {
    let mut deviations = Vec::with_capacity(base.len() + new.len());
    for side in [base, new] {
        let center = center(side);
        let first = deviations.len();
        deviations.extend(side.iter().map(|value| (value - center).abs()));
        if side.len() % 2 == 1
            && let Some(least) =
                (first..deviations.len()).min_by(|&a, &b| deviations[a].total_cmp(&deviations[b]))
        {
            deviations.swap_remove(least);
        }
    }
    FAR * TO_SIGMA * median_in_place(&mut deviations)
}

fn indices(values: &[f64], limit: f64) -> Vec<usize> {
    let most = values.len() / ONE_IN;
    if most == 0 {
        return Vec::new();
    }
    let center = center(values);
    let mut far: Vec<usize> = (0..values.len())
        .filter(|&index| {
            let distance = (values[index] - center).abs();
            // Logarithms of equal values differ by rounding only.
            distance > limit.max(1e-12)
        })
        .collect();
    far.sort_by(|&a, &b| (values[b] - center).abs().total_cmp(&(values[a] - center).abs()));
    far.truncate(most);
    far.sort_unstable();
    far
}

fn center(values: &[f64]) -> f64 {
    median_in_place(&mut values.to_vec())
}

#[cfg(test)]
mod tests {
    use super::{Kept, outliers};

    #[test]
    fn one_of_five_is_left_out_and_no_more() {
        let (base, new) = ([1.0, 1.1, 0.9, 1.05, 9.0], [1.0, 1.1, 1.2, 0.9, 0.95]);
        assert_eq!(outliers(&base, &new), (vec![4], vec![]));
        assert_eq!(Kept::of(&base, &new).base, base[..4]);
        let two = [1.0, 1.1, 0.9, 7.0, 9.0];
        assert_eq!(outliers(&two, &new).0, [4]);
        assert_eq!(outliers(&base[1..], &new).0, [0_usize; 0], "of four each one counts");
    }

    #[test]
    fn two_levels_are_no_outliers() {
        let sides = ([1.0, 1.01, 1.02, 2.0, 2.01], [1.0, 2.02, 2.0, 1.01, 2.01]);
        assert_eq!(outliers(&sides.0, &sides.1), (vec![], vec![]));
    }
}
