//! A series as a line of text.

/// Characters of a line at most.
const WIDTH: usize = 48;
const MARKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One character a value, of a long series one for several neighbours (their mean), the least at the bottom
/// and the greatest at the top.
pub(crate) fn sparkline(values: &[f64]) -> String {
    let count = values.len().min(WIDTH);
    let shown: Vec<f64> = (0..count)
        .map(|column| {
            let part = &values[column * values.len() / count..(column + 1) * values.len() / count];
            // Divided first, so that no sum overflows.
            part.iter().map(|value| value / part.len() as f64).sum()
        })
        .collect();
    let least = shown.iter().copied().fold(f64::INFINITY, f64::min);
    let range = shown.iter().copied().fold(f64::NEG_INFINITY, f64::max) - least;
    let mark = |value: &f64| {
        let share = (value - least) / range;
        // Of a constant series there is no share.
        if share.is_finite() { MARKS[((share * 8.0) as usize).min(7)] } else { MARKS[3] }
    };
    shown.iter().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::sparkline;

    #[test]
    fn the_least_is_at_the_bottom() {
        assert_eq!(sparkline(&[1.0, 2.0, 8.0, 4.5]), "▁▂█▅");
        assert_eq!(sparkline(&[5.0, 5.0]), "▄▄");
        assert_eq!(sparkline(&[]), "");
    }

    #[test]
    fn long_series_are_drawn_together() {
        let rising: Vec<f64> = (0..1000).map(f64::from).collect();
        let line: Vec<char> = sparkline(&rising).chars().collect();
        assert_eq!((line.len(), line[0], line[47]), (48, '▁', '█'));
        assert!(line.is_sorted());
        assert_eq!(sparkline(&[f64::MAX, f64::MAX, -f64::MAX]).chars().count(), 3);
    }
}
