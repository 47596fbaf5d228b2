//! False alarms on series in which nothing changed.

use perfagent_regress::series::{LatestVerdict, Settings, changepoints};

use crate::simulate::{NOISES, Noise, Simulation};

const SERIES: [(usize, u64); 4] = [(10, 500), (30, 500), (100, 400), (300, 150)];

#[test]
fn a_series_without_change_seldom_alarms() {
    for noise in NOISES {
        let promised = match noise {
            Noise::Correlated3 | Noise::Correlated5 => 0.03,
            _ => 0.02,
        };
        let (mut all_alarms, mut all_series) = (0, 0);
        for (n, repetitions) in SERIES {
            let alarms = (0..repetitions).filter(|seed| alarms(noise, n, *seed)).count();
            // Three standard deviations of what chance adds to the promised rate.
            let series = repetitions as f64;
            let bound = promised + 3.0 * (promised * (1.0 - promised) / series).sqrt();
            assert!(alarms as f64 / series <= bound, "{noise:?}, n = {n}: {alarms} of {series}");
            all_alarms += alarms;
            all_series += repetitions;
        }
        let rate = all_alarms as f64 / all_series as f64;
        assert!(rate <= promised, "{noise:?}: {all_alarms} of {all_series}");
    }
}

fn alarms(noise: Noise, n: usize, seed: u64) -> bool {
    let values = Simulation::new(seed * 1000 + n as u64).series(noise, n);
    let found = changepoints(&values, &Settings::default()).unwrap();
    let newest = found.latest.verdict;
    !found.changepoints.is_empty()
        || matches!(newest, LatestVerdict::Regression | LatestVerdict::Improvement)
}
