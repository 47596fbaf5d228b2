//! Exact segmentation into levels: the least sum of absolute deviations plus a price for every change.
//!
//! The L1-Potts problem: over all piecewise constant fits `u` of `y`, minimise
//! `price · (number of changes) + Σ |y_i − u_i|`. Solved exactly by dynamic programming over the cost as
//! a function of the last level, which is piecewise linear, with functional pruning: where a fit that
//! starts anew is cheaper, the older candidate is dropped for good (Maidstone et al. 2017 for squares;
//! the same holds for absolute values). Time is that of the pieces that survive, about n^1.5.

/// One linear piece of the cost as a function of the last level: from `left` to the left end of the
/// next piece. The function is continuous, so a piece's cost at its right end is the next one's here.
#[derive(Clone, Copy, Debug)]
struct Piece {
    left: f64,
    /// At `left`.
    cost: f64,
    slope: i32,
    /// Where the last segment begins.
    start: u32,
}

/// The first indices of all segments but the first, ascending, of the best fit of `values` at `price`.
///
/// `values` must be finite and fewer than 2³²; `price` must be positive.
pub(crate) fn segment(values: &[f64], price: f64) -> Vec<usize> {
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
    if values.len() < 2 || low >= high {
        return Vec::new();
    }
    // Where the segment that ends after value i begins.
    let mut starts: Vec<u32> = Vec::with_capacity(values.len());
    let mut pieces = vec![Piece { left: low, cost: 0.0, slope: 0, start: 0 }];
    let mut next: Vec<Piece> = Vec::new();
    for (index, &value) in values.iter().enumerate() {
        let at_high = add_deviation(&mut pieces, value, high);
        let (least, start) = least(&pieces, at_high);
        starts.push(start);
        cap(
            &pieces,
            &mut next,
            Cap { cost: least + price, start: index as u32 + 1 },
            (high, at_high),
        );
        std::mem::swap(&mut pieces, &mut next);
    }
    let mut changes = Vec::new();
    let mut end = values.len();
    while end > 0 {
        end = starts[end - 1] as usize;
        if end > 0 {
            changes.push(end);
        }
    }
    changes.reverse();
    changes
}

/// Adds `|value − level|` to every piece; the one that holds `value` breaks in two there. Returns the
/// cost at `high`, the right end of the last piece.
fn add_deviation(pieces: &mut Vec<Piece>, value: f64, high: f64) -> f64 {
    let below = pieces.partition_point(|piece| piece.left < value);
    let right = pieces.get(below).map_or(high, |piece| piece.left);
    let broken = pieces[..below].last().filter(|_| value < right).copied();
    for piece in &mut pieces[..below] {
        piece.cost += value - piece.left;
        piece.slope -= 1;
    }
    for piece in &mut pieces[below..] {
        piece.cost += piece.left - value;
        piece.slope += 1;
    }
    if let Some(piece) = broken {
        let cost = piece.cost + f64::from(piece.slope) * (value - piece.left);
        pieces.insert(below, Piece { left: value, cost, slope: piece.slope + 1, ..piece });
    }
    pieces.last().map_or(0.0, |last| last.cost + f64::from(last.slope) * (high - last.left))
}

/// The least cost over all levels, and the start of the segment that has it. `at_high` is the cost at the
/// right end of all pieces.
fn least(pieces: &[Piece], at_high: f64) -> (f64, u32) {
    let mut least = (f64::INFINITY, 0);
    for piece in pieces {
        if piece.cost < least.0 {
            least = (piece.cost, piece.start);
        }
    }
    match pieces.last() {
        Some(piece) if at_high < least.0 => (at_high, piece.start),
        _ => least,
    }
}

/// A segment that begins anew, at any level.
#[derive(Clone, Copy)]
struct Cap {
    cost: f64,
    start: u32,
}

/// Replaces what costs more than the cap by the cap. `end` is the right end of all pieces and the cost
/// there.
fn cap(pieces: &[Piece], out: &mut Vec<Piece>, cap: Cap, end: (f64, f64)) {
    out.clear();
    let capped = |left| Piece { left, cost: cap.cost, slope: 0, start: cap.start };
    let mut under_cap = false;
    for (position, piece) in pieces.iter().enumerate() {
        let (right, at_right) = pieces.get(position + 1).map_or(end, |next| (next.left, next.cost));
        let crossing = piece.left + (cap.cost - piece.cost) / f64::from(piece.slope);
        // Costs of neighbours differ by rounding: the slope decides, and a crossing stays in its piece.
        let (from_cap, to_cap) = match piece.slope {
            slope if slope > 0 && at_right > cap.cost => (None, Some(crossing)),
            slope if slope < 0 && piece.cost > cap.cost => (Some(crossing), None),
            _ if piece.cost > cap.cost => (Some(right), None),
            _ => (None, None),
        };
        let begin = from_cap.unwrap_or(piece.left);
        if begin > piece.left && !under_cap {
            out.push(capped(piece.left));
            under_cap = true;
        }
        let stop = to_cap.unwrap_or(right);
        if begin < right && stop > piece.left {
            let cost = if begin > piece.left { cap.cost } else { piece.cost };
            out.push(Piece { left: begin.max(piece.left), cost, ..*piece });
            under_cap = false;
        }
        if stop < right && !under_cap {
            out.push(capped(stop.max(piece.left)));
            under_cap = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::segment;
    use crate::statistic::order::median;

    /// Sum of absolute deviations of a fit with these changes from its medians.
    fn deviation(values: &[f64], changes: &[usize]) -> f64 {
        let ends = changes.iter().copied().chain([values.len()]);
        let mut from = 0;
        ends.map(|end| {
            let part = &values[from..end];
            from = end;
            let level = median(part);
            part.iter().map(|value| (value - level).abs()).sum::<f64>()
        })
        .sum()
    }

    fn cost(values: &[f64], changes: &[usize], price: f64) -> f64 {
        price * changes.len() as f64 + deviation(values, changes)
    }

    /// The least cost over every way to cut `values`, one after the other.
    fn least_of_all(values: &[f64], price: f64) -> f64 {
        (0_u32..1 << (values.len() - 1))
            .map(|cuts| {
                let changes: Vec<_> =
                    (1..values.len()).filter(|index| cuts >> (index - 1) & 1 == 1).collect();
                cost(values, &changes, price)
            })
            .fold(f64::INFINITY, f64::min)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_fit_is_better(
            values in prop::collection::vec(-50.0_f64..50.0, 1..13),
            price in 0.01_f64..80.0,
        ) {
            let found = cost(&values, &segment(&values, price), price);
            prop_assert!((found - least_of_all(&values, price)).abs() < 1e-9 * (1.0 + found));
        }

        /// Ties everywhere: few distinct values, prices at which several fits cost the same.
        #[test]
        fn no_fit_is_better_with_ties(
            values in prop::collection::vec(0_i32..4, 1..13),
            price in 1_i32..6,
        ) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let price = f64::from(price);
            let found = cost(&values, &segment(&values, price), price);
            prop_assert!((found - least_of_all(&values, price)).abs() < 1e-9);
        }
    }

    /// The textbook dynamic programme over all places of the last change: slow, and exact for any n.
    fn least_by_quadratic_search(values: &[f64], price: f64) -> f64 {
        let mut least = vec![-price];
        for end in 1..=values.len() {
            let mut sorted: Vec<f64> = Vec::new();
            let mut best = f64::INFINITY;
            for start in (0..end).rev() {
                let at = sorted.partition_point(|&value| value < values[start]);
                sorted.insert(at, values[start]);
                let level = sorted[sorted.len() / 2];
                let deviation: f64 = sorted.iter().map(|value| (value - level).abs()).sum();
                best = best.min(least[start] + price + deviation);
            }
            least.push(best);
        }
        least[values.len()]
    }

    #[test]
    fn long_series_are_cut_as_well_as_short_ones() {
        let mut random = crate::statistic::random::Random::new(11);
        let mut noise = || (0..12).map(|_| random.below(1 << 20) as f64 / 1_048_576.0).sum::<f64>();
        let mut level = 0.0;
        let series: Vec<f64> = (0..700)
            .map(|index| {
                if index % 90 == 0 {
                    level = 3.0 * noise();
                }
                level + noise()
            })
            .collect();
        for price in [0.3, 1.0, 3.0, 10.0, 40.0, 200.0] {
            let found = segment(&series, price);
            let (found, least) =
                (cost(&series, &found, price), least_by_quadratic_search(&series, price));
            assert!((found - least).abs() < 1e-8 * least, "{price}: {found} over {least}");
        }
    }

    #[test]
    fn a_clean_step_is_found_where_it_is() {
        let values: Vec<f64> = (0..20).map(|i| if i < 12 { 5.0 } else { 9.0 }).collect();
        assert_eq!(segment(&values, 3.0), [12]);
        assert_eq!(segment(&values, 1e6), Vec::<usize>::new());
    }

    #[test]
    fn nothing_to_cut() {
        assert!(segment(&[], 1.0).is_empty());
        assert!(segment(&[1.0], 1.0).is_empty());
        assert!(segment(&[2.0; 100], 1.0).is_empty());
    }
}
