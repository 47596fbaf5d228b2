//! Sums of times by name, and what is told of a list of numbers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Times by name, as they come.
#[derive(Default)]
pub(crate) struct Table(pub(crate) BTreeMap<String, Vec<i64>>);

impl Table {
    pub(crate) fn add(&mut self, name: &str, time: i64) {
        self.0.entry(name.to_owned()).or_default().push(time);
    }

    /// Rows with count, total, mean, least and greatest, percentiles and standard deviation, and the category of each name.
    pub(crate) fn rows(&self, category: impl Fn(&str) -> String) -> Vec<Value> {
        let row = |(name, times): (&String, &Vec<i64>)| {
            let total: i64 = times.iter().sum();
            json!({
                "name": name,
                "category": category(name),
                "count": times.len(),
                "total_ns": total,
                "mean_ns": total as f64 / times.len() as f64,
                "min_ns": times.iter().min(),
                "max_ns": times.iter().max(),
                "p50_ns": percentile(times, 50),
                "p90_ns": percentile(times, 90),
                "p99_ns": percentile(times, 99),
                "std_ns": deviation(times),
            })
        };
        self.0.iter().map(row).collect()
    }
}

/// The mean; none of nothing.
pub(crate) fn mean(values: &[i64]) -> Option<f64> {
    let sum: i128 = values.iter().map(|&value| i128::from(value)).sum();
    (!values.is_empty()).then(|| sum as f64 / values.len() as f64)
}

/// The standard deviation of the sample; none of fewer than two.
fn deviation(values: &[i64]) -> Option<f64> {
    let mean = mean(values).filter(|_| values.len() > 1)?;
    let squares: f64 = values.iter().map(|&value| (value as f64 - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

/// The least value that so many percent of the values do not exceed.
pub(crate) fn percentile(values: &[i64], percent: usize) -> Option<i64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    // The place of the last of them, counted from 1 and rounded up.
    let place = (sorted.len() * percent).div_ceil(100);
    sorted.get(place.checked_sub(1)?).copied()
}
