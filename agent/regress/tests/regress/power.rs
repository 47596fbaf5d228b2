//! Changes that are there are found, where they are.

use perfagent_regress::series::{Settings, changepoints};

use crate::simulate::{Noise, Simulation};

/// Share of `series` series of 60 values whose last `after` values are `sigma` higher, in which that is found to
/// within two values.
fn found(sigma: f64, after: usize, series: u64) -> f64 {
    let found = (0..series).filter(|seed| {
        let mut values = Simulation::new(seed + 31_000).series(Noise::Normal, 60);
        for value in &mut values[60 - after..] {
            *value += sigma;
        }
        let found = changepoints(&values, &Settings::default()).unwrap().changepoints;
        found.iter().any(|change| change.index.abs_diff(60 - after) <= 2)
    });
    found.count() as f64 / series as f64
}

#[test]
fn changes_are_found_as_often_as_promised() {
    for (sigma, after, series, promised) in
        [(2.0, 30, 300, 0.75), (3.0, 5, 1500, 0.70), (5.0, 3, 300, 0.90)]
    {
        let share = found(sigma, after, series);
        println!("{sigma} sigma, {after} values: {share}");
        assert!(share >= promised, "{sigma} sigma, {after} values: {share}");
    }
}

#[test]
fn a_change_is_described() {
    let mut values = Simulation::new(8).series(Noise::Normal, 80);
    for value in &mut values[50..] {
        *value += 10.0;
    }
    let found = changepoints(&values, &Settings::default()).unwrap();
    let [change] = found.changepoints.as_slice() else { panic!("{found:?}") };
    assert_eq!(change.index, 50);
    assert!((change.before - 100.0).abs() < 1.0 && (change.after - 110.0).abs() < 1.0);
    assert!((change.change_pct.unwrap() - 10.0).abs() < 1.0);
    assert!(change.confidence > 0.99);
    let levels: Vec<_> = found.levels.iter().map(|level| (level.start, level.end)).collect();
    assert_eq!(levels, [(0, 50), (50, 80)]);
}

/// One bad run is neither a change nor hides one, however bad it is.
#[test]
fn outliers_do_not_matter() {
    for outlier in [30.0, 1e3, 1e9, -1e9] {
        let mut values = Simulation::new(9).series(Noise::Normal, 80);
        values[20] += outlier;
        values[21] += outlier / 2.0;
        assert_eq!(changepoints(&values, &Settings::default()).unwrap().changepoints, []);
        for value in &mut values[50..] {
            *value += 5.0;
        }
        let found = changepoints(&values, &Settings::default()).unwrap().changepoints;
        let indices: Vec<_> = found.iter().map(|change| change.index).collect();
        assert!(matches!(indices[..], [49..=51]), "{outlier}: {indices:?}");
    }
}

/// The answer depends on the order and the proportions of the values alone.
#[test]
fn scale_and_offset_do_not_matter() {
    let mut values = Simulation::new(10).series(Noise::HeavyTailed, 120);
    for value in &mut values[70..] {
        *value += 6.0;
    }
    let indices = |values: &[f64]| -> Vec<usize> {
        let found = changepoints(values, &Settings::default()).unwrap().changepoints;
        found.iter().map(|change| change.index).collect()
    };
    let plain = indices(&values);
    assert_eq!(plain.len(), 1);
    for scaled in [1e-9, 1e9, -1.0] {
        let scaled: Vec<f64> = values.iter().map(|value| value * scaled).collect();
        assert_eq!(indices(&scaled), plain);
    }
    let moved: Vec<f64> = values.iter().map(|value| value + 1e7).collect();
    assert_eq!(indices(&moved), plain);
}

#[test]
fn the_same_series_has_the_same_answer() {
    let values = Simulation::new(4).series(Noise::LogNormal, 200);
    let answer = || changepoints(&values, &Settings::default()).unwrap();
    assert_eq!(answer(), answer());
}

#[test]
fn series_without_noise() {
    let answer = |values: &[f64]| changepoints(values, &Settings::default()).unwrap();
    assert_eq!(answer(&[0.0; 100]).changepoints, []);
    let step: Vec<f64> = (0..40).map(|i| if i < 25 { 3.0 } else { 4.0 }).collect();
    let found = answer(&step).changepoints;
    assert_eq!(found.iter().map(|change| change.index).collect::<Vec<_>>(), [25]);
    let from_zero: Vec<f64> = (0..40).map(|i| if i < 25 { 0.0 } else { 4.0 }).collect();
    assert_eq!(answer(&from_zero).changepoints[0].change_pct, None);
}
