//! Axes: from a value to a place, and ticks at round values.

use crate::unit;

/// What an axis or a bar measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Nanoseconds.
    Duration,
    Bytes,
    /// Percent.
    Share,
    /// Percent with a sign.
    Change,
    /// 1e9 bytes/s.
    Gbps,
    /// 1e12 operations/s.
    Tflops,
    /// Operations a byte.
    Intensity,
    /// A whole number.
    Number,
    /// Anything, without a unit.
    Plain,
}

const DURATIONS: &[(f64, &str)] = &[(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")];
const SIZES: &[(f64, &str)] = &[
    (1.0, "B"),
    (1024.0, "KiB"),
    (1_048_576.0, "MiB"),
    (1_073_741_824.0, "GiB"),
    (1_099_511_627_776.0, "TiB"),
];
const RATES: &[(f64, &str)] = &[(1e-6, "kB/s"), (1e-3, "MB/s"), (1.0, "GB/s"), (1e3, "TB/s")];
const SPEEDS: &[(f64, &str)] =
    &[(1e-6, "MFLOP/s"), (1e-3, "GFLOP/s"), (1.0, "TFLOP/s"), (1e3, "PFLOP/s")];

impl Measure {
    /// The unit in which a value of this size is written, and its size.
    fn unit(self, size: f64) -> (f64, &'static str) {
        let units = match self {
            Self::Duration => DURATIONS,
            Self::Bytes => SIZES,
            Self::Share | Self::Change => return (1.0, "%"),
            Self::Gbps => RATES,
            Self::Tflops => SPEEDS,
            Self::Intensity | Self::Number | Self::Plain => return (1.0, ""),
        };
        let fits = units.iter().rev().find(|(unit, _)| size.abs() >= *unit * (1.0 - 1e-9));
        fits.or(units.first()).copied().unwrap_or((1.0, ""))
    }

    /// A tick's words, in the unit that fits `size`.
    fn tick(self, value: f64, size: f64) -> String {
        let (scale, unit) = self.unit(size);
        let sign = if self == Self::Change && value > 0.0 { "+" } else { "" };
        let figure = format!("{sign}{}", unit::significant(value / scale));
        if unit.is_empty() || value == 0.0 { figure } else { format!("{figure} {unit}") }
    }
}

/// From values to places between 0 and 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    measure: Measure,
    is_log: bool,
    low: f64,
    high: f64,
}

impl Axis {
    /// From `low` to `high` in even steps.
    pub(super) fn linear(measure: Measure, low: f64, high: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self { measure, is_log: false, low, high }
    }

    /// By powers, over all `values`, which are greater than zero.
    pub(super) fn log(measure: Measure, values: impl Iterator<Item = f64> + Clone) -> Self {
        let base = Self::base(measure);
        let power = |value: f64| value.log(base);
        let low = values.clone().map(power).fold(f64::INFINITY, f64::min);
        let high = values.map(power).fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        // Room on both sides, so that no mark is cut by the edge.
        let room = ((high - low) * 0.06).max(1.0 / base.log2());
        Self { measure, is_log: true, low: low - room, high: high + room }
    }

    /// Where a value is; values beyond the ends are at the ends.
    pub(super) fn at(&self, value: f64) -> f64 {
        let value = if self.is_log { value.log(Self::base(self.measure)) } else { value };
        let place = (value - self.low) / (self.high - self.low);
        if place.is_nan() { 0.0 } else { place.clamp(0.0, 1.0) }
    }

    /// The value at a place.
    pub(super) fn value(&self, place: f64) -> f64 {
        let value = self.low + place * (self.high - self.low);
        if self.is_log { Self::base(self.measure).powf(value) } else { value }
    }

    /// About `wanted` round values, with their words.
    pub(super) fn ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        if self.is_log { self.log_ticks(wanted) } else { self.linear_ticks(wanted) }
    }

    fn base(measure: Measure) -> f64 {
        if measure == Measure::Bytes { 2.0 } else { 10.0 }
    }

    fn linear_ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        let size = self.low.abs().max(self.high.abs());
        let (scale, _) = self.measure.unit(size);
        let mut step = nice((self.high - self.low) / scale / wanted.max(1) as f64) * scale;
        if self.measure == Measure::Number {
            step = step.max(1.0);
        }
        let first = (self.low / step - 1e-9).ceil();
        (0..)
            .map(|number| (first + f64::from(number)) * step)
            .take_while(|value| *value <= self.high + step * 1e-9)
            // So many only where a step is lost in the size of the values.
            .take(wanted.max(1) * 4)
            .map(|value| (value, self.measure.tick(value, size)))
            .collect()
    }

    fn log_ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        let base = Self::base(self.measure);
        let (first, last) = (self.low.ceil() as i32, self.high.floor() as i32);
        let powers = (last - first + 1).max(0) as usize;
        let ticks: Vec<f64> = if powers < 3 && self.measure != Measure::Bytes {
            let within = |value: &f64| (self.low..=self.high).contains(&value.log10());
            let decades = (first - 1)..=last;
            let of = |power: i32| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(power));
            decades.flat_map(of).filter(within).collect()
        } else {
            let stride = powers.div_ceil(wanted.max(1)).max(1);
            (first..=last).step_by(stride).map(|power| base.powi(power)).collect()
        };
        ticks.into_iter().map(|value| (value, self.measure.tick(value, value))).collect()
    }
}

/// The least of 1, 2, 5, 10, … that is not below `step`.
fn nice(step: f64) -> f64 {
    if !step.is_finite() || step <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(step.log10().floor());
    let digit = [1.0, 2.0, 5.0].into_iter().find(|digit| digit * power >= step * (1.0 - 1e-9));
    digit.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::{Axis, Measure};

    fn words(axis: Axis, wanted: usize) -> Vec<String> {
        axis.ticks(wanted).into_iter().map(|(_, words)| words).collect()
    }

    #[test]
    fn ticks_are_round() {
        let axis = Axis::linear(Measure::Duration, 0.0, 123e6);
        assert_eq!(words(axis, 5), ["0", "50 ms", "100 ms"]);
        let axis = Axis::linear(Measure::Bytes, 0.0, 1.3 * f64::from(1 << 30));
        assert_eq!(words(axis, 5), ["0", "0.5 GiB", "1 GiB"]);
        let axis = Axis::linear(Measure::Number, 7.0, 9.0);
        assert_eq!(words(axis, 8), ["7", "8", "9"]);
    }

    #[test]
    fn powers_have_a_tick_each_while_there_is_room() {
        let axis = Axis::log(Measure::Gbps, [0.002, 900.0].into_iter());
        assert_eq!(
            words(axis, 8),
            ["1 MB/s", "10 MB/s", "100 MB/s", "1 GB/s", "10 GB/s", "100 GB/s", "1 TB/s"]
        );
        let axis = Axis::log(Measure::Bytes, [1024.0, 4096.0].into_iter());
        assert_eq!(words(axis, 8), ["512 B", "1 KiB", "2 KiB", "4 KiB", "8 KiB"]);
        let axis = Axis::log(Measure::Tflops, [2.0, 5.0].into_iter());
        assert_eq!(words(axis, 8), ["1 TFLOP/s", "2 TFLOP/s", "5 TFLOP/s", "10 TFLOP/s"]);
    }

    #[test]
    fn every_value_has_a_place() {
        for axis in [
            Axis::linear(Measure::Duration, 5.0, 5.0),
            Axis::linear(Measure::Number, -9e18, 9e18),
            Axis::linear(Measure::Number, 9e18, 9e18),
            Axis::log(Measure::Gbps, [1.0].into_iter()),
            Axis::log(Measure::Bytes, [].into_iter()),
        ] {
            for value in [f64::NEG_INFINITY, -1.0, 0.0, 1.0, 1e300, f64::INFINITY, f64::NAN] {
                assert!((0.0..=1.0).contains(&axis.at(value)), "{axis:?} {value}");
            }
            assert!(axis.ticks(6).len() <= 24, "{axis:?}");
        }
    }
}
