//! Linear systems with a symmetric positive definite matrix.

/// Solves `matrix` · x = `right` by Cholesky's decomposition; only the lower triangle is read. `None` if the matrix is not
/// positive definite.
pub(crate) fn solve(mut matrix: Vec<f64>, right: &[f64]) -> Option<Vec<f64>> {
    let size = right.len();
    for column in 0..size {
        for earlier in 0..column {
            let factor = matrix[column * size + earlier];
            if factor != 0.0 {
                for row in column..size {
                    matrix[row * size + column] -= matrix[row * size + earlier] * factor;
                }
            }
        }
        let pivot = matrix[column * size + column];
        if pivot.is_nan() || pivot <= 0.0 {
            return None;
        }
        let pivot = pivot.sqrt();
        for row in column..size {
            matrix[row * size + column] /= pivot;
        }
    }
    let mut x = right.to_vec();
    for row in 0..size {
        let known: f64 = (0..row).map(|earlier| matrix[row * size + earlier] * x[earlier]).sum();
        x[row] = (x[row] - known) / matrix[row * size + row];
    }
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|later| matrix[later * size + row] * x[later]).sum();
        x[row] = (x[row] - known) / matrix[row * size + row];
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::solve;

    #[test]
    fn solves_a_system_known_by_hand() {
        // [[4, 2], [2, 3]] · [1, 2] = [8, 8]; what stands above the diagonal is not read.
        let x = solve(vec![4.0, f64::NAN, 2.0, 3.0], &[8.0, 8.0]).unwrap();
        assert!((x[0] - 1.0).abs() < 1e-12 && (x[1] - 2.0).abs() < 1e-12, "{x:?}");
    }

    #[test]
    fn refuses_what_is_not_positive_definite() {
        assert_eq!(solve(vec![1.0, 0.0, 2.0, 1.0], &[1.0, 1.0]), None);
    }
}
