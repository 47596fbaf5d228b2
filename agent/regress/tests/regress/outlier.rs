//! One bad run among five neither hides a change nor makes one.

use perfagent_regress::compare::{Overall, Verdict};

use crate::comparison::{judge, metric, side};
use crate::simulate::{Noise, Simulation};

const COMPARISONS: u64 = 300;

/// Which side has a bad run, and how many times too long that is.
const BAD: [(usize, f64); 4] = [(0, 1.6), (0, 0.6), (1, 1.6), (1, 10.0)];

/// Share of comparisons of five runs a side, at 1 % variation, that are told as a regression.
fn regressions(factor: f64, (bad_side, bad): (usize, f64)) -> f64 {
    let found = (0..COMPARISONS).filter(|&seed| {
        let mut simulation = Simulation::new(seed + 600_000);
        let base = side(&mut simulation, Noise::Normal, 5, 0.01, 1.0);
        let new = side(&mut simulation, Noise::Normal, 5, 0.01, factor);
        let mut sides = [base, new];
        sides[bad_side][seed as usize % 5][0] *= bad;
        let [base, new] = sides;
        judge(&[metric("step_time", base, new)]).verdict == Overall::Regression
    });
    found.count() as f64 / COMPARISONS as f64
}

#[test]
fn a_bad_run_makes_no_regression() {
    for bad in BAD {
        let share = regressions(1.0, bad);
        println!("{bad:?}: {share}");
        // Half of the 5 % of wrong alarms are regressions; three standard deviations of that.
        assert!(share <= 0.025 + 0.027, "{bad:?}: {share}");
    }
}

#[test]
fn a_bad_run_hides_no_regression() {
    for bad in BAD {
        let share = regressions(1.04, bad);
        println!("{bad:?}: {share}");
        assert!(share >= 0.9, "{bad:?}: {share}");
    }
}

#[test]
fn a_bad_run_is_named_and_does_not_move_the_effect() {
    let runs = |values: [f64; 5]| values.map(|value| vec![value]).to_vec();
    let base = runs([100.0, 101.0, 99.0, 100.5, 99.5]);
    let row = judge(&[metric("m", base.clone(), runs([103.0, 104.0, 300.0, 103.5, 102.5]))]);
    let row = &row.metrics[0];
    assert_eq!((&row.base.outliers[..], &row.new.outliers[..]), (&[][..], &[2][..]));
    assert!((row.new.values[2] - 300.0).abs() < 1e-9);
    assert!((row.change_pct.unwrap() - 3.2).abs() < 0.3, "{row:?}");
    assert!(row.high_pct.unwrap() < 6.0, "{row:?}");
    assert_eq!(row.verdict, Verdict::Regression);
    // Of four each one counts, and the effect is that of the pairs in the middle.
    let row = judge(&[metric(
        "m",
        base[1..].to_vec(),
        runs([103.0, 104.0, 300.0, 103.5, 0.0])[..4].to_vec(),
    )]);
    let row = &row.metrics[0];
    assert!(row.new.outliers.is_empty());
    assert!((row.change_pct.unwrap() - 3.6).abs() < 0.5, "{row:?}");
}
