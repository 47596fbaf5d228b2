//! Figures between measured points: a smooth law fitted to all of them, corrected by what those near by are off from it.

/// How far a measured point tells about others, in natural logarithms of each side: half of it at a factor of two.
const REACH: f64 = 0.6;
/// Weight of the law against measured points: far from all of them it stands alone.
const LAW: f64 = 0.05;

/// What a law leaves over at measured points, over the logarithms of sides.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Surface<const N: usize> {
    points: Vec<([f64; N], f64)>,
}

impl<const N: usize> Surface<N> {
    /// Of points, each with the natural logarithm of measured by the law.
    pub(super) fn new(points: Vec<([f64; N], f64)>) -> Self {
        Self { points }
    }

    /// The logarithm of the correction there: the mean of those near by, drawn towards none.
    pub(super) fn at(&self, place: [f64; N]) -> f64 {
        let (mut sum, mut weights) = (0.0, LAW);
        for (point, left) in &self.points {
            let weight = (-distance(point, &place) / (2.0 * REACH * REACH)).exp();
            sum += weight * left;
            weights += weight;
        }
        sum / weights
    }

    /// By how many doublings the nearest measured point is away.
    pub(super) fn doublings(&self, place: [f64; N]) -> f64 {
        let nearest = self.points.iter().map(|(point, _)| distance(point, &place));
        nearest.fold(f64::INFINITY, f64::min).sqrt() / std::f64::consts::LN_2
    }
}

fn distance<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}
