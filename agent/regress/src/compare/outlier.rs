//! Single bad runs: what a busy neighbour or a cold cache did to one run.
//!
//! They are looked for among the runs of both sides together, whatever side each is on. So it is the same for all deals of the
//! permutation test, whose p-value stays exact, and what two sides differ by is never held to be a bad run: the more they differ,
//! the farther off a run must be.

use crate::statistic::order::{absolute_deviation, median};

/// One in so many runs of both sides may be left out.
const ONE_IN: usize = 10;
/// Of a side with fewer runs each one counts.
const FEWEST: usize = 5;
/// How many standard deviations from the median of all runs a bad one is, at least.
const FAR: f64 = 5.0;
/// From median absolute deviation to standard deviation, for normal values.
const TO_SIGMA: f64 = 1.4826;
/// Logarithms of equal values differ by rounding only.
const ROUNDING: f64 = 1e-12;

/// The bad runs of both sides by their positions, in order.
pub(super) fn outliers(base: &[f64], new: &[f64]) -> (Vec<usize>, Vec<usize>) {
    let all: Vec<f64> = base.iter().chain(new).copied().collect();
    let center = median(&all);
    let distance = |&run: &usize| (all[run] - center).abs();
    let deviation = absolute_deviation(&all, center);
    let beyond = |limit: f64| (0..all.len()).filter(move |run| distance(run) > limit);
    // Where most runs are equal, one that is not stands alone, and several are another level.
    let limit = if deviation > ROUNDING {
        FAR * TO_SIGMA * deviation
    } else if beyond(ROUNDING).count() == 1 {
        ROUNDING
    } else {
        f64::INFINITY
    };
    let mut far: Vec<usize> = beyond(limit).collect();
    // More are another level, as of a side that is faster by far.
    if far.len() > all.len() / ONE_IN {
        far.clear();
    }
    let (of_base, of_new): (Vec<usize>, Vec<usize>) =
        far.into_iter().partition(|&run| run < base.len());
    let counts = |side: &[f64], bad: Vec<usize>| if side.len() < FEWEST { Vec::new() } else { bad };
    let of_new = of_new.into_iter().map(|run| run - base.len()).collect();
    (counts(base, of_base), counts(new, of_new))
}

/// The values of a side without those of its bad runs.
pub(super) fn without(values: &[f64], bad: &[usize]) -> Vec<f64> {
    let good = values.iter().enumerate().filter(|(run, _)| !bad.contains(run));
    good.map(|(_, value)| *value).collect()
}

#[cfg(test)]
mod tests {
    use super::{outliers, without};

    const NONE: [usize; 0] = [];

    #[test]
    fn one_of_ten_is_left_out() {
        let (base, new) = ([1.0, 1.1, 0.9, 1.05, 9.0], [1.0, 1.1, 1.2, 0.9, 0.95]);
        assert_eq!(outliers(&base, &new), (vec![4], vec![]));
        assert_eq!(without(&base, &[4]), base[..4]);
        let two = [1.0, 1.1, 0.9, 7.0, 9.0];
        assert_eq!(outliers(&two, &new).0, NONE, "two are no single bad run");
        assert_eq!(outliers(&base[1..], &new).0, NONE, "of four each one counts");
    }

    #[test]
    fn two_levels_are_no_outliers() {
        let sides = ([1.0, 1.01, 1.02, 2.0, 2.01], [1.0, 2.02, 2.0, 1.01, 2.01]);
        assert_eq!(outliers(&sides.0, &sides.1), (vec![], vec![]));
        // Nor is one run of a side that is like those of the other, however far the sides are apart.
        let sides = ([1.0, 1.01, 1.02, 1.0, 9.01], [9.0, 9.02, 9.0, 9.01, 9.01]);
        assert_eq!(outliers(&sides.0, &sides.1), (vec![], vec![]));
    }

    #[test]
    fn where_all_but_one_are_equal_that_one_is_left_out() {
        let same = [5.0; 5];
        assert_eq!(outliers(&same, &[5.0, 5.0, 6.0, 5.0, 5.0]), (vec![], vec![2]));
        assert_eq!(outliers(&same, &[5.0, 5.0, 6.0, 6.0, 5.0]), (vec![], vec![]));
        assert_eq!(outliers(&same, &same), (vec![], vec![]));
    }
}
