//! The factor of a symmetric positive matrix.

/// A lower triangle, row by row.
#[derive(Debug)]
pub(super) struct Cholesky(Vec<Vec<f64>>);

impl Cholesky {
    /// Factors `matrix`, of which only the rows up to the diagonal are read; `None` when it is not positive definite.
    pub(super) fn of(matrix: &[Vec<f64>]) -> Option<Self> {
        let mut lower: Vec<Vec<f64>> = Vec::with_capacity(matrix.len());
        for (at, row) in matrix.iter().enumerate() {
            let mut own: Vec<f64> = Vec::with_capacity(at + 1);
            for column in 0..at {
                let other = &lower[column];
                let sum: f64 = own.iter().zip(other).map(|(a, b)| a * b).sum();
                own.push((row[column] - sum) / other[column]);
            }
            let sum: f64 = own.iter().map(|value| value * value).sum();
            let square = row[at] - sum;
            if square.is_nan() || square <= 0.0 {
                return None;
            }
            own.push(square.sqrt());
            lower.push(own);
        }
        Some(Self(lower))
    }

    /// The vector that the triangle turns into `right`.
    pub(super) fn half_solve(&self, right: &[f64]) -> Vec<f64> {
        let mut solved: Vec<f64> = Vec::with_capacity(right.len());
        for (at, row) in self.0.iter().enumerate() {
            let sum: f64 = row.iter().zip(&solved).map(|(a, b)| a * b).sum();
            solved.push((right[at] - sum) / row[at]);
        }
        solved
    }

    /// The vector that the matrix turns into `right`.
    pub(super) fn solve(&self, right: &[f64]) -> Vec<f64> {
        let mut solved = self.half_solve(right);
        for at in (0..solved.len()).rev() {
            let below: f64 = (at + 1..solved.len()).map(|row| self.0[row][at] * solved[row]).sum();
            solved[at] = (solved[at] - below) / self.0[at][at];
        }
        solved
    }

    /// Half the logarithm of the determinant.
    pub(super) fn log_of_diagonal(&self) -> f64 {
        self.0.iter().enumerate().map(|(at, row)| row[at].ln()).sum()
    }

    /// The diagonal of the inverse matrix.
    pub(super) fn diagonal_of_inverse(&self) -> Vec<f64> {
        let size = self.0.len();
        let unit =
            |at: usize| (0..size).map(|row| f64::from(u8::from(row == at))).collect::<Vec<_>>();
        (0..size)
            .map(|at| self.half_solve(&unit(at)).iter().map(|value| value * value).sum())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Cholesky;

    #[test]
    fn a_matrix_is_solved_and_inverted() {
        let matrix = vec![vec![4.0, 2.0, 0.0], vec![2.0, 5.0, 1.0], vec![0.0, 1.0, 3.0]];
        let factor = Cholesky::of(&matrix).unwrap();
        let solved = factor.solve(&[8.0, 15.0, 11.0]);
        for (value, expected) in solved.iter().zip([1.0, 2.0, 3.0]) {
            assert!((value - expected).abs() < 1e-12, "{solved:?}");
        }
        // Determinant 44; the inverse's diagonal is (14, 12, 16) / 44.
        assert!((2.0 * factor.log_of_diagonal() - 44_f64.ln()).abs() < 1e-12);
        for (value, expected) in factor.diagonal_of_inverse().iter().zip([14.0, 12.0, 16.0]) {
            assert!((value - expected / 44.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_matrix_that_is_not_positive_is_told() {
        assert!(Cholesky::of(&[vec![1.0, 2.0], vec![2.0, 1.0]]).is_none());
        assert!(Cholesky::of(&[vec![f64::NAN]]).is_none());
    }
}
