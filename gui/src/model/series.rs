//! Sampled quantities over time, thinned out to what a screen can show.

use super::viewport::Viewport;

/// Samples that are summarised together.
const BLOCK: usize = 64;

/// What a series measures: decides in which plot it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantity {
    /// Bytes in use.
    Memory,
    /// Percent of a processor or GPU.
    Utilisation,
    /// Watts.
    Power,
    /// Degrees Celsius.
    Temperature,
    /// Megahertz.
    Clock,
    /// Bytes a second.
    Traffic,
    /// A number of things.
    Count,
}

impl Quantity {
    /// What a counter with this unit measures.
    #[must_use]
    pub fn of_unit(unit: &str) -> Self {
        match unit {
            "bytes" => Self::Memory,
            "pct" => Self::Utilisation,
            "W" => Self::Power,
            "C" => Self::Temperature,
            "MHz" => Self::Clock,
            "bytes/s" => Self::Traffic,
            _ => Self::Count,
        }
    }

    /// Its title.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Memory => "Memory",
            Self::Utilisation => "Utilisation",
            Self::Power => "Power",
            Self::Temperature => "Temperature",
            Self::Clock => "Clock",
            Self::Traffic => "Traffic",
            Self::Count => "Counts",
        }
    }

    /// [`Self::format`] of this quantity.
    #[must_use]
    pub fn formatter(self) -> fn(f64) -> String {
        match self {
            Self::Memory => |value| Self::Memory.format(value),
            Self::Traffic => |value| Self::Traffic.format(value),
            Self::Utilisation => |value| Self::Utilisation.format(value),
            Self::Power => |value| Self::Power.format(value),
            Self::Temperature => |value| Self::Temperature.format(value),
            Self::Clock => |value| Self::Clock.format(value),
            Self::Count => |value| Self::Count.format(value),
        }
    }

    /// A value with its unit.
    #[must_use]
    pub fn format(self, value: f64) -> String {
        match self {
            Self::Memory => crate::units::bytes(value),
            Self::Traffic => format!("{}/s", crate::units::bytes(value)),
            Self::Utilisation => format!("{value:.0} %"),
            Self::Power => format!("{value:.0} W"),
            Self::Temperature => format!("{value:.0} °C"),
            Self::Clock => format!("{value:.0} MHz"),
            Self::Count => format!("{value:.0}"),
        }
    }
}

/// One curve.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name in the legend.
    pub label: String,
    /// What it measures.
    pub quantity: Quantity,
    times: Vec<i64>,
    values: Vec<f64>,
    /// The least and the greatest value of every full block.
    blocks: Vec<(f64, f64)>,
}

impl Series {
    /// A curve through samples, which are put into order of time; what is not a number is left out.
    #[must_use]
    pub fn new(label: String, quantity: Quantity, mut samples: Vec<(i64, f64)>) -> Self {
        samples.retain(|sample| sample.1.is_finite());
        samples.sort_by_key(|sample| sample.0);
        let (times, values): (Vec<_>, Vec<_>) = samples.into_iter().unzip();
        let blocks = values.chunks_exact(BLOCK).map(extremes).collect();
        Self { label, quantity, times, values, blocks }
    }

    /// Moves all samples by so many ns.
    pub(super) fn shift(&mut self, by: i64) {
        for time in &mut self.times {
            *time = time.saturating_add(by);
        }
    }

    /// True without samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The times of the first and the last sample.
    #[must_use]
    pub fn span(&self) -> Option<(i64, i64)> {
        Some((*self.times.first()?, *self.times.last()?))
    }

    /// The greatest value.
    #[must_use]
    pub fn peak(&self) -> f64 {
        self.extremes_of(0, self.values.len()).1
    }

    /// The last value at or before `time`.
    #[must_use]
    pub fn value_at(&self, time: i64) -> Option<f64> {
        let past = self.times.partition_point(|&at| at <= time);
        self.values.get(past.checked_sub(1)?).copied()
    }

    /// At most `2 * columns + 2` points that have the outline of the samples in the view: times are
    /// seconds since `origin`. One sample on each side is kept, so that lines run off the screen.
    #[must_use]
    pub fn points(&self, view: Viewport, origin: i64, columns: usize) -> Vec<[f64; 2]> {
        let first = self.times.partition_point(|&at| at < view.start()).saturating_sub(1);
        let past = (self.times.partition_point(|&at| at <= view.end()) + 1).min(self.times.len());
        let seconds = |index: usize| self.times[index].saturating_sub(origin) as f64 / 1e9;
        let count = past - first;
        let columns = columns.max(1);
        if count <= columns * 2 {
            return (first..past).map(|index| [seconds(index), self.values[index]]).collect();
        }
        let mut points = Vec::with_capacity(columns * 2 + 2);
        for column in 0..columns {
            let from = first + count * column / columns;
            let to = first + count * (column + 1) / columns;
            let (least, greatest) = self.extremes_of(from, to);
            // In the order that keeps the line's direction at both ends of the column.
            let rising = self.values[from] <= self.values[to - 1];
            let (early, late) = if rising { (least, greatest) } else { (greatest, least) };
            points.push([seconds(from), early]);
            points.push([seconds(to - 1), late]);
        }
        points
    }

    fn extremes_of(&self, from: usize, to: usize) -> (f64, f64) {
        let mut found = (f64::INFINITY, f64::NEG_INFINITY);
        let mut index = from;
        while index < to {
            let whole_block = index.is_multiple_of(BLOCK) && index + BLOCK <= to;
            let (next, stretch) = match self.blocks.get(index / BLOCK) {
                Some(&block) if whole_block => (index + BLOCK, block),
                _ => (index + 1, (self.values[index], self.values[index])),
            };
            found = (found.0.min(stretch.0), found.1.max(stretch.1));
            index = next;
        }
        found
    }
}

fn extremes(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |found, &value| {
        (found.0.min(value), found.1.max(value))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Quantity, Series, extremes};
    use crate::model::viewport::Viewport;

    fn series(values: &[f64]) -> Series {
        let samples =
            values.iter().enumerate().map(|(index, &value)| (index as i64 * 10, value)).collect();
        Series::new("s".into(), Quantity::Count, samples)
    }

    #[test]
    fn one_peak_in_a_million_is_seen() {
        let mut values = vec![1.0; 1_000_000];
        values[654_321] = 99.0;
        let series = series(&values);
        let points = series.points(Viewport::new(0, 10_000_000), 0, 800);
        assert!(points.len() <= 1602);
        assert!(points.iter().any(|point| (point[1] - 99.0).abs() < 1e-9));
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        let series = Series::new("s".into(), Quantity::Count, vec![(2, f64::NAN), (1, 3.0)]);
        assert_eq!(series.span(), Some((1, 1)));
        assert_eq!(series.value_at(5), Some(3.0));
        assert_eq!(series.value_at(0), None);
    }

    proptest! {
        #[test]
        fn blocks_agree_with_looking_at_each(
            values in prop::collection::vec(-100.0_f64..100.0, 1..400), a in 0_usize..400, b in 0_usize..400
        ) {
            let (from, to) = (a.min(b).min(values.len() - 1), a.max(b).clamp(1, values.len()));
            let series = series(&values);
            prop_assume!(from < to);
            prop_assert_eq!(series.extremes_of(from, to), extremes(&values[from..to]));
        }
    }
}
