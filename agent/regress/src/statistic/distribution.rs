//! Tails and quantiles of Student's t and the normal distribution.

use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

/// Two-sided tail of Student's t: the probability of a value at least as far from 0 as `t`.
/// `freedom` is in degrees, ≥ 1.
#[must_use]
pub fn t_tail(t: f64, freedom: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    StudentsT::new(0.0, 1.0, freedom.max(1.0))
        .map_or(1.0, |distribution| (2.0 * distribution.sf(t.abs())).min(1.0))
}

/// The value that Student's t stays below with probability `share` (0..1).
pub(crate) fn t_quantile(share: f64, freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom.max(1.0))
        .map_or(f64::INFINITY, |distribution| distribution.inverse_cdf(share))
}

/// The probability that a standard normal value is below `z`.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// The value that a standard normal one stays below with probability `share` (0..1).
pub(crate) fn normal_quantile(share: f64) -> f64 {
    Normal::standard().inverse_cdf(share)
}

#[cfg(test)]
mod tests {
    use super::{normal_cdf, normal_quantile, t_quantile, t_tail};

    #[test]
    fn figures_of_printed_tables() {
        assert!((t_quantile(0.975, 8.0) - 2.306).abs() < 1e-3);
        assert!((t_quantile(0.975, 1.0) - 12.706).abs() < 1e-3);
        assert!((t_tail(2.306, 8.0) - 0.05).abs() < 1e-4);
        assert!((t_tail(-2.306, 8.0) - 0.05).abs() < 1e-4);
        assert!((normal_quantile(0.975) - 1.95996).abs() < 1e-4);
        assert!((normal_cdf(1.95996) - 0.975).abs() < 1e-5);
        assert!(t_tail(f64::INFINITY, 3.0).abs() < 1e-12);
    }
}
