//! Control of the false discovery rate over many tests (Benjamini and Hochberg 1995).

/// For each p-value the least false discovery rate at which it would be called a discovery, in the
/// order given.
#[must_use]
pub fn q_values(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut q_values = vec![1.0; p_values.len()];
    let mut least = 1.0_f64;
    for (rank, &index) in order.iter().enumerate().rev() {
        least = least.min(p_values[index] * p_values.len() as f64 / (rank + 1) as f64);
        q_values[index] = least;
    }
    q_values
}

#[cfg(test)]
mod tests {
    use super::q_values;

    #[test]
    fn the_example_of_the_paper() {
        // Benjamini and Hochberg 1995, section 3.2: 15 p-values, four discoveries at 0.05.
        let p_values = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
            0.5719, 0.6528, 0.7590, 1.0,
        ];
        let found = q_values(&p_values).into_iter().filter(|&q| q <= 0.05).count();
        assert_eq!(found, 4);
    }

    #[test]
    fn the_order_of_the_tests_does_not_matter() {
        let q = q_values(&[0.04, 0.01, 0.03]);
        for (q, expected) in q.into_iter().zip([0.04, 0.03, 0.04]) {
            assert!((q - expected).abs() < 1e-12);
        }
        assert!(q_values(&[]).is_empty());
    }
}
