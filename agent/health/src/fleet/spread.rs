//! How far values of healthy nodes lie from their median, and how unlikely a deviation is.
//!
//! Values are shares of a median, positive where they are worse. Centre and scale are median and 1.4826 times the median absolute
//! deviation (for a few values drawn towards a usual spread, as in Smyth's moderated t-statistic, 2004), with floors. Of many
//! values the shape is fitted too: Tukey's g-and-h distribution by its quantiles (Hoaglin 1985), as benchmarks are skewed towards
//! the bad side and have heavy tails. The weight of the tail is taken from the good side, where no fault is, and from the bad one
//! once what stands out has been taken away.

use perfagent_regress::statistic::distribution::{normal_cdf, t_tail};
use perfagent_regress::statistic::order::{absolute_deviation, quantile};

/// Least spread that is believed: clocks and counts agree to the last digit on healthy nodes, and differ one day.
const FLOOR: f64 = 0.005;
/// How many degrees of freedom the knowledge of a usual spread is worth.
const WORTH: f64 = 8.0;
/// Degrees of freedom in a median absolute deviation of one value more: its efficiency against the standard deviation is 37 %.
const EFFICIENCY: f64 = 0.37;
/// The shape is fitted of so many values and more.
const MANY: usize = 200;
/// To the standard deviation of the normal distribution.
const TO_SIGMA: f64 = 1.4826;
/// Normal quantiles of 0.75, 0.9 and 0.975.
const Z75: f64 = 0.6745;
const Z90: f64 = 1.2816;
const Z975: f64 = 1.96;
/// Shares of the bad side by which its tail is weighed, with their normal quantiles.
const FAR: [(f64, f64); 2] = [(0.975, Z975), (0.99, 2.3263)];

/// The distribution of healthy values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    /// The median.
    pub(super) center: f64,
    /// What a standard deviation would be in the middle of the distribution.
    pub(super) scale: f64,
    /// Skew towards the bad side, ≥ 0.
    skew: f64,
    /// Weight of the tails, ≥ 0.
    tail: f64,
    /// Degrees of freedom of the scale; `None` of many values.
    freedom: Option<f64>,
}

impl Spread {
    /// Fits finite values; `None` of fewer than three. `usual` is how benchmarks of this sort spread over equal machines, as a
    /// share, which counts where there are few values.
    pub(super) fn fit(values: &[f64], usual: f64) -> Option<Self> {
        if values.len() < 3 {
            return None;
        }
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let center = quantile(&sorted, 0.5);
        let floor = FLOOR.max(step(&sorted) / 2.0);
        if sorted.len() < MANY {
            let freedom = EFFICIENCY * (sorted.len() - 1) as f64;
            let own = TO_SIGMA * absolute_deviation(&sorted, center);
            let variance = (WORTH * usual.powi(2) + freedom * own.powi(2)) / (WORTH + freedom);
            let scale = variance.sqrt().max(floor);
            return Some(Self {
                center,
                scale,
                skew: 0.0,
                tail: 0.0,
                freedom: Some(WORTH + freedom),
            });
        }
        let above = |share: f64| quantile(&sorted, share) - center;
        let below = |share: f64| center - quantile(&sorted, 1.0 - share);
        let noise = 1.0 / (sorted.len() as f64).sqrt();
        // Less the standard errors of both, so that what is not there is not fitted.
        // Of values of which most are equal, what lies within the floor has no shape.
        let skew = above(0.9).max(floor * Z90) / below(0.9).max(floor * Z90);
        let skew = (skew.ln() / Z90 - 1.5 * noise).clamp(0.0, 0.8);
        let skew = if skew.is_finite() { skew } else { 0.0 };
        let (near, far) = (bent(-skew, Z75), bent(-skew, Z975));
        let heavy = below(0.975).max(floor * Z975) / below(0.75).max(floor * Z75);
        let tail = 2.0 * (heavy * near / far).ln() / (Z975.powi(2) - Z75.powi(2));
        let tail = (tail - 0.8 * noise).clamp(0.0, 0.5);
        let tail = if tail.is_finite() { tail } else { 0.0 };
        let stretch = (tail * Z75.powi(2) / 2.0).exp();
        let own = (above(0.75) + below(0.75)) / ((bent(skew, Z75) + near) * stretch);
        let scale = own.max(floor);
        // With a scale that was raised the tail needs less weight to reach as far.
        let tail = if scale > own {
            let reach = (below(0.975) / (scale * far)).ln() * 2.0 / Z975.powi(2);
            if reach.is_finite() { reach.clamp(0.0, tail) } else { 0.0 }
        } else {
            tail
        };
        Some(Self { center, scale, skew, tail, freedom: None })
    }

    /// The same with the bad side's own tail, of values of which those that stand out were taken away.
    pub(super) fn with_tail_of(mut self, values: &[f64]) -> Self {
        if values.len() < MANY {
            return self;
        }
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let noise = 1.0 / (sorted.len() as f64).sqrt();
        for (share, z) in FAR {
            let reach =
                (quantile(&sorted, share) - self.center) / (self.scale * bent(self.skew, z));
            let tail = 2.0 * reach.ln() / z.powi(2) - 0.6 * noise;
            if tail.is_finite() {
                self.tail = self.tail.max(tail.min(0.5));
            }
        }
        self
    }

    /// How many normal standard deviations a value lies on the bad side; 0 on the good one.
    pub(super) fn z(&self, value: f64) -> f64 {
        let target = (value - self.center) / self.scale;
        if target <= 0.0 || target.is_nan() {
            return 0.0;
        }
        if self.skew == 0.0 && self.tail == 0.0 {
            return target;
        }
        // The distribution is wider than the normal one everywhere on this side, so z is at most the target.
        let reached = |z: f64| bent(self.skew, z) * (self.tail * z * z / 2.0).exp();
        let (mut low, mut high) = (0.0, target.min(60.0));
        for _ in 0..50 {
            let middle = f64::midpoint(low, high);
            if reached(middle) < target {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The probability of a value at least as bad.
    pub(super) fn p_value(&self, value: f64) -> f64 {
        let z = self.z(value);
        match self.freedom {
            Some(freedom) => t_tail(z, freedom) / 2.0,
            // The upper tail, which is exact far out.
            None => normal_cdf(-z),
        }
    }
}

/// Tukey's g transform: what skew makes of a normal value.
fn bent(skew: f64, z: f64) -> f64 {
    if skew.abs() < 1e-9 {
        z
    } else if skew > 0.0 {
        (skew * z).exp_m1() / skew
    } else {
        // The other side, as a positive distance.
        -(skew * z).exp_m1() / -skew
    }
}

/// The step of values that come in few sizes, such as bandwidths with one decimal; 0 of others. A size counts that a twentieth of
/// all have: a single value that stands out is no size.
fn step(sorted: &[f64]) -> f64 {
    let least = (sorted.len() / 20).max(2);
    let sizes = sorted.chunk_by(|one, next| next - one <= 1e-9).filter(|same| same.len() >= least);
    let sizes: Vec<f64> = sizes.map(|same| same[0]).collect();
    let gap = sizes.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
    if gap.is_finite() { gap } else { 0.0 }
}

/// Hodges and Lehmann's estimate of the centre: the median of all means of two, each with itself too. NaN of nothing.
pub(super) fn center(values: &[f64]) -> f64 {
    let mut means = Vec::with_capacity(values.len() * (values.len() + 1) / 2);
    for (position, first) in values.iter().enumerate() {
        means.extend(values[position..].iter().map(|second| f64::midpoint(*first, *second)));
    }
    perfagent_regress::statistic::order::median_in_place(&mut means)
}

#[cfg(test)]
mod tests {
    use super::{Spread, center};

    /// Normal values by Marsaglia's polar method.
    fn normal(random: &mut fastrand::Rng) -> f64 {
        loop {
            let (x, y) = (random.f64() * 2.0 - 1.0, random.f64() * 2.0 - 1.0);
            let square: f64 = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * square.ln() / square).sqrt();
            }
        }
    }

    /// The share of values with a p-value below 0.001, which should be 0.001.
    fn share_of_rare(shape: impl Fn(&mut fastrand::Rng) -> f64) -> f64 {
        let mut random = fastrand::Rng::with_seed(11);
        let mut rare = 0;
        let rounds = 20;
        for _ in 0..rounds {
            let values: Vec<f64> = (0..5000).map(|_| shape(&mut random)).collect();
            let spread = Spread::fit(&values, 0.01).unwrap();
            rare += values.iter().filter(|value| spread.p_value(**value) < 1e-3).count();
        }
        rare as f64 / (f64::from(rounds) * 5000.0)
    }

    #[test]
    fn rare_values_are_as_rare_as_they_are_said_to_be() {
        let plain = share_of_rare(|random| 0.01 * normal(random));
        assert!((0.0005..0.0015).contains(&plain), "{plain}");
        let skewed = share_of_rare(|random| 0.02 * (0.5 * normal(random)).exp());
        assert!((0.0003..0.002).contains(&skewed), "{skewed}");
        let gamma =
            share_of_rare(|random| 0.01 * -(0..4).map(|_| (1.0 - random.f64()).ln()).sum::<f64>());
        assert!(gamma < 0.002, "{gamma}");
        let heavy = share_of_rare(|random| {
            let chi: f64 = (0..5).map(|_| normal(random).powi(2)).sum();
            0.01 * normal(random) / (chi / 5.0).sqrt()
        });
        assert!(heavy < 0.002, "{heavy}");
    }

    #[test]
    fn equal_values_have_the_least_spread() {
        let spread = Spread::fit(&[0.0; 20], 0.01).unwrap();
        assert!((0.005..0.01).contains(&spread.scale), "{spread:?}");
        let spread = Spread::fit(&[0.0; 1000], 0.01).unwrap();
        assert!((spread.scale - 0.005).abs() < 1e-12 && spread.z(0.05) > 9.0, "{spread:?}");
    }

    #[test]
    fn one_step_of_coarse_values_is_no_deviation() {
        let values: Vec<f64> =
            (0..400).map(|number| if number % 10 == 0 { 0.05 } else { 0.0 }).collect();
        assert!(Spread::fit(&values, 0.01).unwrap().z(0.05) <= 2.0);
        assert!(Spread::fit(&values, 0.01).unwrap().z(0.15) >= 5.0);
    }

    #[test]
    fn a_value_beside_equal_ones_is_a_deviation() {
        for count in [5, 12, 300] {
            let values: Vec<f64> =
                (0..count).map(|number| if number == 3 { 0.145 } else { 0.0 }).collect();
            let spread = Spread::fit(&values, 0.02).unwrap();
            assert!(spread.p_value(0.145) < 1e-4, "{count}: {spread:?}");
        }
    }

    #[test]
    fn of_a_few_values_little_is_certain() {
        let few = Spread::fit(&[0.0, 0.01, -0.01, 0.002, -0.003], 0.01).unwrap();
        assert!(few.p_value(0.04) > 1e-4 && few.p_value(0.2) < 1e-6, "{few:?}");
        assert!(Spread::fit(&[0.0, 1.0], 0.01).is_none());
    }

    #[test]
    fn the_centre_of_eight_is_hardly_moved_by_one() {
        let seven = [0.0, 0.01, -0.01, 0.005, -0.005, 0.002, -0.002];
        let moved = center(&[&seven[..], &[0.5]].concat());
        assert!(moved.abs() < 0.01, "{moved}");
        assert!((center(&[1.0, 2.0, 4.0]) - 2.25).abs() < 1e-12);
    }
}
