//! The parts of a prediction, as people call them.

use perfagent_predictor::Prediction;

/// A part of the step or of the memory with its share of the whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it is called.
    pub name: String,
    /// Seconds or bytes.
    pub value: f64,
    /// Of the sum of all parts that are not negative, 0 to 1.
    pub share: f64,
}

/// Where the step's time goes, greatest first, seconds.
#[must_use]
pub fn of_time(prediction: &Prediction) -> Vec<Part> {
    parts(prediction.time_breakdown.iter().flatten(), "_s")
}

/// What the memory is made of, greatest first, bytes.
#[must_use]
pub fn of_memory(prediction: &Prediction) -> Vec<Part> {
    parts(prediction.memory_breakdown.iter().flatten(), "_bytes")
}

fn parts<'a>(all: impl Iterator<Item = (&'a String, &'a f64)>, unit: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = all
        .map(|(name, &value)| Part {
            name: sentence(name.strip_suffix(unit).unwrap_or(name)),
            value,
            share: 0.0,
        })
        .filter(|part| part.value != 0.0)
        .collect();
    let whole: f64 = parts.iter().map(|part| part.value.max(0.0)).sum();
    for part in &mut parts {
        part.share = if whole > 0.0 { part.value / whole } else { 0.0 };
    }
    parts.sort_by(|a, b| b.value.total_cmp(&a.value));
    parts
}

/// `data_stall` as `Data stall`.
#[must_use]
pub fn sentence(name: &str) -> String {
    let mut text = name.replace('_', " ");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// A figure whose unit stands in its name: whole where it is large, with three digits that count where it is small.
#[must_use]
pub fn figure(value: f64) -> String {
    if value.abs() >= 1000.0 {
        let whole = crate::units::count(value.abs().round() as u64);
        return if value < 0.0 { format!("-{whole}") } else { whole };
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let decimals = (2.0 - value.abs().log10().floor()).clamp(0.0, 9.0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use perfagent_predictor::Prediction;

    use super::{figure, of_time};

    #[test]
    fn figures_have_digits_that_count() {
        for (value, text) in [
            (0.0, "0"),
            (1234.6, "1,235"),
            (-2e6, "-2,000,000"),
            (0.012_345, "0.0123"),
            (12.0, "12"),
        ] {
            assert_eq!(figure(value), text);
        }
    }

    #[test]
    fn parts_stand_in_order_with_their_shares() {
        let mut prediction = Prediction::refused(None, String::new());
        let parts = [("host_bound_s", 0.1), ("products_s", 0.3), ("corrections_s", -0.02)];
        prediction.time_breakdown =
            Some(parts.map(|(name, value)| (name.to_owned(), value)).into_iter().collect());
        let parts = of_time(&prediction);
        let names: Vec<_> = parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["Products", "Host bound", "Corrections"]);
        assert!((parts[0].share - 0.75).abs() < 1e-9);
    }
}
