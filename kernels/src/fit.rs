//! A straight line through times over sizes: the start-up time alpha and the time beta of each byte.

use serde::{Deserialize, Serialize};

/// `time = alpha + beta * bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Time of no bytes, in microseconds.
    pub alpha_us: f64,
    /// Time of each byte, in nanoseconds.
    pub beta_ns_per_byte: f64,
    /// The rate that beta amounts to, in 1e9 bytes/s.
    pub gbps: f64,
    /// The root of the mean square of the line's relative errors: above 0.3 the times do not lie on a line.
    pub relative_error: f64,
}

/// The line with the least squares of relative errors through `(bytes, seconds)`: absolute ones would be those of the
/// largest sizes alone. Neither alpha nor beta is below zero. `None` of fewer than three sizes or of times of zero.
pub(crate) fn line(points: &[(f64, f64)]) -> Option<Line> {
    let usable = |(bytes, seconds): &(f64, f64)| {
        bytes.is_finite() && *bytes >= 0.0 && seconds.is_finite() && *seconds > 0.0
    };
    if points.len() < 3 || !points.iter().all(usable) {
        return None;
    }
    // With weights of 1 / time^2 the sums are over a = 1 / time and b = bytes / time, for which alpha a + beta b = 1.
    let (mut aa, mut ab, mut bb, mut a, mut b) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (bytes, seconds) in points {
        let (of_alpha, of_beta) = (1.0 / seconds, bytes / seconds);
        aa += of_alpha * of_alpha;
        ab += of_alpha * of_beta;
        bb += of_beta * of_beta;
        a += of_alpha;
        b += of_beta;
    }
    let determinant = aa * bb - ab * ab;
    // Sizes that are all alike make no line.
    if determinant <= 1e-12 * aa * bb {
        return None;
    }
    let mut alpha = (a * bb - b * ab) / determinant;
    let mut beta = (b * aa - a * ab) / determinant;
    if alpha < 0.0 {
        (alpha, beta) = (0.0, b / bb);
    } else if beta < 0.0 {
        (alpha, beta) = (a / aa, 0.0);
    }
    let squares =
        points.iter().map(|(bytes, seconds)| ((alpha + beta * bytes) / seconds - 1.0).powi(2));
    let relative_error = (squares.sum::<f64>() / points.len() as f64).sqrt();
    Some(Line {
        alpha_us: alpha * 1e6,
        beta_ns_per_byte: beta * 1e9,
        gbps: if beta > 0.0 { 1e-9 / beta } else { 0.0 },
        relative_error,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop, prop_assert, proptest};

    use super::line;

    #[test]
    fn a_line_is_found_again() {
        // 12 us, and 200e9 bytes/s.
        let points: Vec<_> = (3..28)
            .map(|power| f64::from(1 << power))
            .map(|size| (size, 12e-6 + size / 200e9))
            .collect();
        let found = line(&points).unwrap();
        assert!((found.alpha_us - 12.0).abs() < 1e-6, "{found:?}");
        assert!((found.gbps - 200.0).abs() < 1e-6 && found.relative_error < 1e-9, "{found:?}");
    }

    #[test]
    fn what_makes_no_line_has_none() {
        assert_eq!(line(&[(1.0, 1.0), (2.0, 2.0)]), None, "two points");
        assert_eq!(line(&[(8.0, 1.0), (8.0, 2.0), (8.0, 3.0)]), None, "one size");
        assert_eq!(line(&[(1.0, 1.0), (2.0, 0.0), (3.0, 3.0)]), None, "no time");
        assert_eq!(line(&[(1.0, 1.0), (2.0, f64::NAN), (3.0, 3.0)]), None);
    }

    #[test]
    fn neither_part_is_negative() {
        let falling = line(&[(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)]).unwrap();
        assert!(falling.beta_ns_per_byte.abs() < 1e-9 && falling.alpha_us > 0.0, "{falling:?}");
        assert!(falling.relative_error > 0.2);
        let bent = line(&[(1e3, 1e-6), (1e4, 1e-4), (1e5, 1e-2)]).unwrap();
        assert!(bent.alpha_us >= 0.0 && bent.beta_ns_per_byte > 0.0, "{bent:?}");
    }

    proptest! {
        #[test]
        fn noise_moves_it_little(
            alpha in 1e-6..1e-4_f64,
            rate in 1e9..1e12_f64,
            noise in prop::collection::vec(0.98..1.02_f64, 20),
        ) {
            let points: Vec<_> = noise
                .iter()
                .zip(8..)
                .map(|(noise, power)| (f64::from(1_u32 << power), noise))
                .map(|(size, noise)| (size, (alpha + size / rate) * noise))
                .collect();
            let found = line(&points).unwrap();
            prop_assert!((found.alpha_us / 1e6 / alpha - 1.0_f64).abs() < 0.05, "{:?}", found);
            prop_assert!(found.relative_error < 0.03);
        }
    }
}
