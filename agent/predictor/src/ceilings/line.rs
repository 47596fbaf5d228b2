//! Times over sizes, between the sizes that were measured.

/// Sizes with their seconds, from the smallest.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Line(Vec<(f64, f64)>);

impl Line {
    /// Of these sizes; those without size or time are left out.
    pub(super) fn of(mut points: Vec<(f64, f64)>) -> Self {
        points.retain(|(size, seconds)| *size > 0.0 && *seconds > 0.0);
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(points)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The smallest size with its seconds.
    pub(crate) fn first(&self) -> Option<(f64, f64)> {
        self.0.first().copied()
    }

    /// Seconds of this size: straight between measured ones in logarithms, below them as the smallest, above them as much
    /// more as the size is.
    pub(crate) fn seconds(&self, size: f64) -> f64 {
        let (Some(first), Some(last)) = (self.0.first(), self.0.last()) else { return 0.0 };
        if size <= first.0 {
            return if size <= 0.0 { 0.0 } else { first.1 };
        }
        if size >= last.0 {
            return last.1 * size / last.0;
        }
        let above = self.0.partition_point(|(measured, _)| *measured < size);
        let ((low, at_low), (high, at_high)) = (self.0[above - 1], self.0[above]);
        let share = (size / low).ln() / (high / low).ln();
        at_low * (at_high / at_low).powf(share)
    }
}
