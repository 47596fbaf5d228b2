//! The verdict on the newest value.

use perfagent_regress::series::{Direction, LatestVerdict, SeriesError, Settings, changepoints};

use crate::simulate::{Noise, Simulation};

fn verdict(values: &[f64]) -> LatestVerdict {
    changepoints(values, &Settings::default()).unwrap().latest.verdict
}

#[test]
fn a_newest_value_at_five_sigma_is_found() {
    const SERIES: u64 = 400;
    let found = (0..SERIES).filter(|seed| {
        let mut values = Simulation::new(seed + 55_000).series(Noise::Normal, 60);
        values[59] += 5.0;
        verdict(&values) == LatestVerdict::Regression
    });
    let share = found.count() as f64 / SERIES as f64;
    assert!(share >= 0.90, "{share}");
}

#[test]
fn the_direction_decides_what_is_worse() {
    let mut values = Simulation::new(1).series(Noise::Normal, 60);
    values[59] = 120.0;
    assert_eq!(verdict(&values), LatestVerdict::Regression);
    let rates = Settings { direction: Direction::HigherIsBetter, ..Settings::default() };
    let latest = changepoints(&values, &rates).unwrap().latest;
    assert_eq!(latest.verdict, LatestVerdict::Improvement);
    values[59] = 80.0;
    assert_eq!(verdict(&values), LatestVerdict::Improvement);
}

/// A step of three runs is a change already; the newest run is still told against what was before it.
#[test]
fn a_young_level_is_no_excuse() {
    let mut values = Simulation::new(2).series(Noise::Normal, 60);
    for value in &mut values[57..] {
        *value += 10.0;
    }
    let found = changepoints(&values, &Settings::default()).unwrap();
    assert_eq!(found.changepoints.len(), 1);
    assert_eq!(found.latest.verdict, LatestVerdict::Regression);
    assert_eq!(found.latest.baseline_n, 57);
}

#[test]
fn an_old_level_is_the_new_normal() {
    let mut values = Simulation::new(3).series(Noise::Normal, 60);
    for value in &mut values[40..] {
        *value += 10.0;
    }
    assert_eq!(verdict(&values), LatestVerdict::Ok);
}

#[test]
fn one_bad_run_of_the_past_does_not_blind() {
    let mut values = Simulation::new(4).series(Noise::Normal, 60);
    values[30] = 1e6;
    values[59] = 107.0;
    assert_eq!(verdict(&values), LatestVerdict::Regression);
}

#[test]
fn too_few_values_are_inconclusive() {
    for n in 1..=8 {
        let mut values = vec![1.0; n];
        values[n - 1] = 2.0;
        let latest = changepoints(&values, &Settings::default()).unwrap().latest;
        assert_eq!((latest.verdict, latest.p_value), (LatestVerdict::Inconclusive, None), "{n}");
    }
}

#[test]
fn what_is_no_series_is_refused() {
    let refused = |values: &[f64]| changepoints(values, &Settings::default()).unwrap_err();
    assert_eq!(refused(&[]), SeriesError::Empty);
    let message = refused(&[1.0, f64::NAN]).to_string();
    assert!(message.contains("value 1") && message.contains("NaN"), "{message}");
    let message = refused(&[f64::INFINITY]).to_string();
    assert!(message.contains("value 0") && message.contains("inf"), "{message}");
}
