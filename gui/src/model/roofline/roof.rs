//! The lines over the points: bandwidth up to the ridge, then the peak.

use crate::model::ceilings::Ceilings;

use super::point::{Point, peak};

/// The roof of one format.
#[derive(Clone, Debug, PartialEq)]
pub struct Roof {
    /// `bf16`, …
    pub precision: String,
    /// Operations a second at most.
    pub peak: f64,
    /// From the left end over the ridge to the right end: operations a byte, operations a second.
    pub line: Vec<[f64; 2]>,
}

/// The roofs of these formats, as far as there are ceilings, from one intensity to another, the highest first.
#[must_use]
pub fn roofs(ceilings: &Ceilings, precisions: &[&str], (from, to): (f64, f64)) -> Vec<Roof> {
    let mut roofs: Vec<Roof> = precisions
        .iter()
        .filter_map(|&precision| {
            let peak = peak(ceilings, precision)?;
            let ridge = peak / ceilings.memory;
            let (from, to) = (from.min(ridge / 2.0), to.max(ridge * 2.0));
            let line = vec![[from, from * ceilings.memory], [ridge, peak], [to, peak]];
            Some(Roof { precision: precision.to_owned(), peak, line })
        })
        .collect();
    roofs.sort_by(|a, b| b.peak.total_cmp(&a.peak));
    roofs
}

/// The formats of these points, in order of name, with tf32 beside fp32: either may have been used.
#[must_use]
pub fn precisions(points: &[Point]) -> Vec<&str> {
    let mut found: Vec<&str> = points.iter().map(|point| point.precision.as_str()).collect();
    if found.contains(&"fp32") {
        found.push("tf32");
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The intensities of the points from the least to the greatest, with room at both ends.
#[must_use]
pub fn intensities(points: &[Point]) -> (f64, f64) {
    let known = || points.iter().filter_map(|point| point.intensity);
    let least = known().fold(f64::INFINITY, f64::min);
    let most = known().fold(0.0, f64::max);
    if least.is_finite() { (least / 3.0, most * 3.0) } else { (0.1, 1000.0) }
}

#[cfg(test)]
mod tests {
    use super::roofs;
    use crate::model::ceilings::Ceilings;

    #[test]
    fn a_roof_breaks_where_memory_and_products_are_as_fast() {
        let ceilings = Ceilings::of_datasheet("A100").unwrap();
        let roofs = roofs(&ceilings, &["fp32", "bf16", "fp64"], (1.0, 10.0));
        assert_eq!(roofs.len(), 2);
        assert_eq!(roofs[0].precision, "bf16");
        for roof in roofs {
            let [start, ridge, end] = roof.line[..] else { panic!("{:?}", roof.line) };
            assert!(start[0] < ridge[0] && ridge[0] < end[0]);
            assert!((ridge[0] * ceilings.memory / roof.peak - 1.0).abs() < 1e-9);
            assert_eq!((ridge[1], end[1]), (roof.peak, roof.peak));
        }
    }
}
