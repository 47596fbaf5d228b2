//! Many metrics at once: how many of those that are called changed are not.

use perfagent_regress::compare::Family;

use crate::comparison::{is_changed, judge, metric, side};
use crate::simulate::{Noise, Simulation};

const METRICS: usize = 1_000;

/// Of 1,000 metrics the last `changed` are `factor` times what they were: the share of false ones among those that are called
/// changed, and the share of the changed that are found.
fn discoveries(
    noise: Noise,
    runs: usize,
    (changed, factor): (usize, f64),
    seed: u64,
) -> (f64, f64) {
    let mut simulation = Simulation::new(seed);
    let metrics: Vec<_> = (0..METRICS)
        .map(|index| {
            let factor = if index >= METRICS - changed { factor } else { 1.0 };
            let base = side(&mut simulation, noise, runs, 0.01, 1.0);
            let new = side(&mut simulation, noise, runs, 0.01, factor);
            let mut metric = metric("kernel_time", base, new);
            metric.family = Family::Detail;
            metric
        })
        .collect();
    let rows = judge(&metrics).metrics;
    let found = |range: std::ops::Range<usize>| {
        rows[range].iter().filter(|row| is_changed(row.verdict)).count() as f64
    };
    let (wrong, right) = (found(0..METRICS - changed), found(METRICS - changed..METRICS));
    (wrong / (wrong + right).max(1.0), right / (changed as f64).max(1.0))
}

/// The false discovery rate: with no change at all, any discovery is a false one.
#[test]
fn of_a_thousand_metrics_without_change_none_is_called_changed() {
    for noise in [Noise::Normal, Noise::LogNormal, Noise::HeavyTailed, Noise::Quantised] {
        const COMPARISONS: u64 = 40;
        let rates = (0..COMPARISONS).map(|seed| discoveries(noise, 5, (0, 1.0), seed + 8_000).0);
        let rate = rates.sum::<f64>() / COMPARISONS as f64;
        println!("{noise:?}: {rate}");
        assert!(rate <= 0.05, "{noise:?}: {rate}");
    }
}

/// The same where a tenth did change: of all discoveries at most 5 % are false, and most changes are found.
#[test]
fn few_of_many_discoveries_are_false() {
    const COMPARISONS: u64 = 20;
    let all: Vec<_> = (0..COMPARISONS)
        .map(|seed| discoveries(Noise::Normal, 5, (100, 1.05), seed + 90_000))
        .collect();
    let mean = |of: fn(&(f64, f64)) -> f64| all.iter().map(of).sum::<f64>() / COMPARISONS as f64;
    let (rate, power) = (mean(|found| found.0), mean(|found| found.1));
    println!("false: {rate}, found: {power}");
    assert!(rate <= 0.05, "{rate}");
    assert!(power >= 0.9, "{power}");
}
