//! Where the time ruler has its ticks, and what they say.

use super::viewport::Viewport;

/// A tick of the ruler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Its time, ns.
    pub time: i64,
    /// Its text, relative to the start of the recording.
    pub text: String,
}

/// Ticks at round times since `origin`, at most one every `1 / most` of the view.
#[must_use]
pub fn ticks(view: Viewport, origin: i64, most: usize) -> Vec<Tick> {
    let step = step(view.length() / most.max(1) as i64);
    let (divisor, unit) = unit(step);
    // All ticks show as many decimals as the step needs, so that they line up while panning.
    let mut decimals = 0;
    let mut rest = step;
    while rest % divisor != 0 && decimals < 9 {
        rest = rest.saturating_mul(10);
        decimals += 1;
    }
    let mut time = (view.start() - origin).div_euclid(step) * step;
    let mut found = Vec::new();
    while origin + time <= view.end() {
        if origin + time >= view.start() {
            let text = format!("{:.decimals$} {unit}", time as f64 / divisor as f64);
            found.push(Tick { time: origin + time, text });
        }
        time += step;
    }
    found
}

/// The least of 1, 2, 5 times a power of ten (and of 1, 2, 5, 10, 30 minutes, hours) that is at least `least` ns.
fn step(least: i64) -> i64 {
    const MINUTE: i64 = 60_000_000_000;
    if least > MINUTE / 2 {
        for minutes in [1, 2, 5, 10, 30, 60, 120, 360, 720, 1440] {
            if minutes * MINUTE >= least {
                return minutes * MINUTE;
            }
        }
    }
    let mut step: i64 = 1;
    loop {
        for factor in [1, 2, 5] {
            if step.saturating_mul(factor) >= least {
                return step.saturating_mul(factor);
            }
        }
        step = step.saturating_mul(10);
    }
}

const fn unit(step: i64) -> (i64, &'static str) {
    match step {
        ..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        1_000_000_000..60_000_000_000 => (1_000_000_000, "s"),
        60_000_000_000..3_600_000_000_000 => (60_000_000_000, "min"),
        _ => (3_600_000_000_000, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::ticks;
    use crate::model::viewport::Viewport;

    #[test]
    fn ticks_are_round_and_carry_their_unit() {
        let texts = |length: i64| -> Vec<String> {
            ticks(Viewport::new(1000, 1000 + length), 1000, 4)
                .into_iter()
                .map(|tick| tick.text)
                .collect()
        };
        assert_eq!(texts(100), ["0 ns", "50 ns", "100 ns"]);
        assert_eq!(texts(4_000_000), ["0 ms", "1 ms", "2 ms", "3 ms", "4 ms"]);
        assert_eq!(texts(180_000_000_000), ["0 min", "1 min", "2 min", "3 min"]);
    }

    #[test]
    fn ticks_before_the_recording_are_negative() {
        let ticks = ticks(Viewport::new(-2000, 2000), 0, 4);
        assert_eq!(ticks.first().map(|tick| tick.text.as_str()), Some("-2 µs"));
    }

    #[test]
    fn there_are_never_too_many() {
        for exponent in 2..60 {
            let count = ticks(Viewport::new(0, 1 << exponent), 0, 10).len();
            assert!((1..=11).contains(&count), "{count} ticks at 2^{exponent} ns");
        }
    }
}
