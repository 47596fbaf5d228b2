//! Where an axis has its ticks.

use super::{Axis, Scale};

/// Ticks within a range, at most about `most`, in order.
pub(super) fn ticks(axis: &Axis, range: (f64, f64), most: usize) -> Vec<(f64, String)> {
    if let Some(ticks) = &axis.ticks {
        return ticks.clone();
    }
    let mut most = most.max(2);
    loop {
        let values = match axis.scale {
            Scale::Linear => linear(range, most),
            Scale::Log => log(range, most),
        };
        let ticks: Vec<_> = values.into_iter().map(|value| (value, (axis.format)(value))).collect();
        // An axis of whole numbers would have some of them twice.
        let repeats = ticks.windows(2).any(|pair| pair[0].1 == pair[1].1);
        if !repeats || most == 1 {
            return ticks;
        }
        most /= 2;
    }
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn linear((from, to): (f64, f64), most: usize) -> Vec<f64> {
    let rough = (to - from) / most as f64;
    if !(rough.is_finite() && rough > 0.0) {
        return vec![from];
    }
    let power = 10.0_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|&step| step >= rough)
        .unwrap_or(10.0 * power);
    let first = (from / step - 1e-9).ceil();
    let count = ((to / step + 1e-9).floor() - first).max(-1.0) as usize + 1;
    (0..count.min(1000)).map(|index| (first + index as f64) * step).collect()
}

/// Powers of ten, with their double and fivefold where there is room, or only some of them.
fn log((from, to): (f64, f64), most: usize) -> Vec<f64> {
    let (first, last) = (from.log10().floor() as i32, to.log10().ceil() as i32);
    let decades = (to / from).log10();
    let factors: &[f64] = if decades * 3.0 <= most as f64 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let every = ((decades / most as f64).ceil() as i32).max(1);
    (first..=last)
        .filter(|power| power.rem_euclid(every) == 0)
        .flat_map(|power| factors.iter().map(move |factor| factor * 10.0_f64.powi(power)))
        .filter(|&value| value >= from * (1.0 - 1e-9) && value <= to * (1.0 + 1e-9))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Axis, Scale, linear, log, ticks};

    #[test]
    fn an_axis_of_whole_numbers_has_each_once() {
        let axis = Axis::new("Steps", Scale::Linear, |value| format!("{value:.0}"));
        for (range, most) in [((0.0, 2.0), 10), ((0.2, 3.4), 8), ((0.1, 0.4), 6), ((0.0, 40.0), 5)]
        {
            let labels: Vec<String> =
                ticks(&axis, range, most).into_iter().map(|tick| tick.1).collect();
            let mut once = labels.clone();
            once.dedup();
            assert_eq!(labels, once, "{range:?}");
        }
        assert_eq!(ticks(&axis, (0.0, 2.0), 10).len(), 3);
    }

    #[test]
    fn ticks_are_round_numbers_within_the_range() {
        assert_eq!(linear((0.0, 10.0), 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(linear((-0.3, 0.31), 4), [-0.2, 0.0, 0.2]);
        assert_eq!(linear((5.0, 5.0), 4), [5.0]);
        assert_eq!(log((1.0, 100.0), 8), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        assert_eq!(log((1.0, 1e12), 4), [1.0, 1e3, 1e6, 1e9, 1e12]);
    }
}
