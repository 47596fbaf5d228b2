//! How often runs that were dealt to the two sides at random differ as much as they do.

use super::effect::{Sample, welch};
use crate::statistic::random::Random;

/// Deals up to this many are all looked at.
const ALL: u64 = 100_000;
/// Deals that are looked at otherwise.
const SOME: usize = 9_999;
/// Statistics that differ by rounding only are equal.
const EQUAL: f64 = 1.0 - 1e-9;

/// A p-value and the least that so few runs can give.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Permuted {
    pub(super) p_value: f64,
    /// No deal is more extreme than what was seen.
    pub(super) is_least: bool,
}

/// Two-sided p-value of the difference between `base` and `new`: the share of deals whose studentised
/// difference of means is at least as great.
pub(super) fn permuted(base: &[f64], new: &[f64], seed: u64) -> Permuted {
    let all: Vec<f64> = base.iter().chain(new).copied().collect();
    let observed = welch(Sample::of(base), Sample::of(new)).t.abs();
    let (mut deals, mut as_great, mut greater) = (0_u64, 0_u64, false);
    let mut look = |base: &[f64], new: &[f64]| {
        let t = welch(Sample::of(base), Sample::of(new)).t.abs();
        deals += 1;
        as_great += u64::from(t >= observed * EQUAL);
        greater |= t * EQUAL > observed;
    };
    let few = binomial(all.len() as u64, base.len() as u64).is_some_and(|deals| deals <= ALL);
    if few {
        every_deal(&all, base.len(), &mut look);
    } else {
        let mut random = Random::new(seed);
        let mut order = all.clone();
        look(base, new);
        for _ in 0..SOME {
            random.shuffle(&mut order);
            let (base, new) = order.split_at(base.len());
            look(base, new);
        }
    }
    Permuted { p_value: as_great as f64 / deals as f64, is_least: !greater }
}

/// Calls `look` with every way to choose `count` of `all`, and the rest.
fn every_deal(all: &[f64], count: usize, look: &mut impl FnMut(&[f64], &[f64])) {
    let mut chosen: Vec<usize> = (0..count).collect();
    let (mut base, mut new) = (Vec::with_capacity(count), Vec::new());
    loop {
        base.clear();
        new.clear();
        let mut next = chosen.iter().peekable();
        for (index, &value) in all.iter().enumerate() {
            if next.next_if(|&&index_chosen| index_chosen == index).is_some() {
                base.push(value);
            } else {
                new.push(value);
            }
        }
        look(&base, &new);
        // The next choice in lexicographic order.
        let Some(place) = (0..count).rev().find(|&i| chosen[i] < all.len() - count + i) else {
            return;
        };
        chosen[place] += 1;
        for later in place + 1..count {
            chosen[later] = chosen[later - 1] + 1;
        }
    }
}

/// How many ways there are to choose `k` of `n`; `None` beyond 64 bits.
fn binomial(n: u64, k: u64) -> Option<u64> {
    (0..k.min(n - k)).try_fold(1_u64, |ways, i| Some(ways.checked_mul(n - i)? / (i + 1)))
}

/// The fewest runs a side with which the most extreme deal has a p-value of `alpha` or less.
pub(super) fn fewest_runs(alpha: f64) -> usize {
    (1..64)
        .find(|&runs| binomial(2 * runs, runs).is_some_and(|deals| 2.0 / deals as f64 <= alpha))
        .unwrap_or(64) as usize
}

#[cfg(test)]
mod tests {
    use super::{binomial, every_deal, fewest_runs, permuted};

    #[test]
    fn complete_separation_has_the_least_p_value() {
        let found = permuted(&[1.0, 1.1, 1.2, 0.9], &[2.0, 2.1, 1.9, 2.2], 0);
        assert!((found.p_value - 2.0 / 70.0).abs() < 1e-12);
        assert!(found.is_least);
    }

    #[test]
    fn equal_sides_have_a_p_value_of_one() {
        let side = [1.0, 2.0, 3.0, 4.0];
        assert!((permuted(&side, &side, 0).p_value - 1.0).abs() < 1e-12);
    }

    #[test]
    fn many_runs_are_dealt_at_random_and_reproducibly() {
        let base: Vec<f64> = (0..20).map(f64::from).collect();
        let new: Vec<f64> = (0..20).map(|i| f64::from(i) + 0.5).collect();
        let found = permuted(&base, &new, 3);
        assert_eq!(found, permuted(&base, &new, 3));
        // Welch's t is 0.27.
        assert!((found.p_value - 0.79).abs() < 0.03, "{}", found.p_value);
    }

    #[test]
    fn every_choice_comes_once() {
        let mut seen = Vec::new();
        every_deal(&[0.0, 1.0, 2.0, 3.0, 4.0], 2, &mut |base, new| {
            assert_eq!(new.len(), 3);
            seen.push((base[0] * 10.0 + base[1]) as u32);
        });
        assert_eq!(seen, [1, 2, 3, 4, 12, 13, 14, 23, 24, 34]);
        assert_eq!(binomial(5, 2), Some(10));
        assert_eq!(binomial(300, 150), None);
    }

    #[test]
    fn four_runs_a_side_reach_five_percent() {
        assert_eq!((fewest_runs(0.05), fewest_runs(0.01)), (4, 5));
    }
}
