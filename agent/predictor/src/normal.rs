//! The normal distribution.

use std::f64::consts::{PI, SQRT_2};

/// Its density at `at`.
#[must_use]
pub fn density(at: f64) -> f64 {
    (-0.5 * at * at).exp() / (2.0 * PI).sqrt()
}

/// How probable values below `at` are, to 2e-7.
#[must_use]
pub fn probability(at: f64) -> f64 {
    // Abramowitz and Stegun, 7.1.26.
    let scaled = at.abs() / SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * scaled);
    let series = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592]
        .into_iter()
        .fold(0.0, |sum, coefficient| (sum + coefficient) * t);
    let above = 0.5 * series * (-scaled * scaled).exp();
    if at < 0.0 { above } else { 1.0 - above }
}

#[cfg(test)]
mod tests {
    use super::{density, probability};

    #[test]
    fn values_of_the_tables() {
        for (at, expected) in [
            (0.0, 0.5),
            (1.0, 0.841_344_7),
            (-1.0, 0.158_655_3),
            (1.644_854, 0.95),
            (-3.0, 0.001_349_9),
        ] {
            assert!((probability(at) - expected).abs() < 5e-7, "{at}: {}", probability(at));
        }
        assert!((density(0.0) - 0.398_942_28).abs() < 1e-8);
    }
}
