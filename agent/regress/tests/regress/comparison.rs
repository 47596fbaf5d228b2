//! Comparisons of simulated runs: false discoveries, power, sameness, and what cannot be decided.

use perfagent_regress::compare::{
    Better, CompareError, Comparison, Difference, Family, Metric, Overall, Settings, Unit, Verdict,
    Weight, compare,
};

use crate::simulate::{Noise, Simulation};

pub(crate) fn metric(name: &str, base: Vec<Vec<f64>>, new: Vec<Vec<f64>>) -> Metric {
    Metric {
        case: None,
        name: name.to_owned(),
        subject: None,
        unit: Unit::Nanoseconds,
        better: Better::Lower,
        family: Family::Headline,
        base,
        new,
    }
}

/// `runs` runs with one sample each; `spread` is the standard deviation between runs, relative.
pub(crate) fn side(
    simulation: &mut Simulation,
    noise: Noise,
    runs: usize,
    spread: f64,
    factor: f64,
) -> Vec<Vec<f64>> {
    let values = simulation.series(noise, runs);
    values.into_iter().map(|value| vec![1e8 * factor * (spread * (value - 100.0)).exp()]).collect()
}

pub(crate) fn judge(metrics: &[Metric]) -> Comparison {
    // Fewer resamples than by default: the interval is not what most of these tests are about.
    let settings = Settings { resamples: 200, ..Settings::default() };
    judge_with(metrics, &settings)
}

fn judge_with(metrics: &[Metric], settings: &Settings) -> Comparison {
    let runs = |side: fn(&Metric) -> usize| {
        vec!["run".to_owned(); metrics.iter().map(side).max().unwrap_or(0)]
    };
    let names = (runs(|metric| metric.base.len()), runs(|metric| metric.new.len()));
    compare(names, metrics, Vec::new(), false, settings).unwrap()
}

pub(crate) fn is_changed(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Regression | Verdict::Improvement)
}

/// Share of comparisons of equal sides in which anything is called changed.
fn false_discoveries(noise: Noise, runs: usize, metrics: usize, comparisons: u64) -> f64 {
    let wrong = (0..comparisons).filter(|seed| {
        let mut simulation = Simulation::new(seed * 7 + 1_000 * runs as u64 + metrics as u64);
        let metrics: Vec<Metric> = (0..metrics)
            .map(|_| {
                let base = side(&mut simulation, noise, runs, 0.05, 1.0);
                metric("m", base, side(&mut simulation, noise, runs, 0.05, 1.0))
            })
            .collect();
        judge(&metrics).metrics.iter().any(|row| is_changed(row.verdict))
    });
    wrong.count() as f64 / comparisons as f64
}

#[test]
fn equal_sides_are_seldom_called_changed() {
    for noise in [Noise::Normal, Noise::LogNormal, Noise::HeavyTailed, Noise::Quantised] {
        for (runs, metrics, comparisons) in [(5, 1, 600), (5, 20, 150), (8, 3, 30)] {
            let rate = false_discoveries(noise, runs, metrics, comparisons);
            let bound = 0.05 + 3.0 * (0.05 * 0.95 / comparisons as f64).sqrt();
            println!("{noise:?}, {runs} runs, {metrics} metrics: {rate}");
            assert!(rate <= bound, "{noise:?}, {runs} runs, {metrics} metrics: {rate}");
        }
    }
}

#[test]
fn three_percent_are_found_in_five_runs_a_side() {
    const COMPARISONS: u64 = 400;
    let found = (0..COMPARISONS).filter(|&seed| {
        let mut simulation = Simulation::new(seed + 400_000);
        let base = side(&mut simulation, Noise::Normal, 5, 0.01, 1.0);
        let new = side(&mut simulation, Noise::Normal, 5, 0.01, 1.03);
        let comparison = judge(&[metric("step_time", base, new)]);
        comparison.verdict == Overall::Regression
    });
    let share = found.count() as f64 / COMPARISONS as f64;
    println!("found: {share}");
    assert!(share >= 0.95, "{share}");
}

/// One kernel of hundreds that became slower is found in the family that pays for all of them.
#[test]
fn a_change_is_found_among_hundreds_of_metrics() {
    let mut simulation = Simulation::new(12);
    let metrics: Vec<Metric> = (0..300)
        .map(|index| {
            let base = side(&mut simulation, Noise::Normal, 6, 0.01, 1.0);
            let factor = if index == 150 { 1.2 } else { 1.0 };
            let new = side(&mut simulation, Noise::Normal, 6, 0.01, factor);
            Metric { family: Family::Detail, ..metric("kernel_time", base, new) }
        })
        .collect();
    let rows = judge(&metrics).metrics;
    let changed: Vec<_> =
        (0..rows.len()).filter(|&index| is_changed(rows[index].verdict)).collect();
    assert_eq!(changed, [150]);
}

/// A change of exactly the threshold is called the same in at most 5 % of cases.
#[test]
fn sameness_is_not_claimed_lightly() {
    for runs in [2, 3, 5, 10] {
        const COMPARISONS: u64 = 400;
        let wrong = (0..COMPARISONS).filter(|&seed| {
            let mut simulation = Simulation::new(seed + 900_000 + runs);
            let base = side(&mut simulation, Noise::Normal, runs as usize, 0.005, 1.0);
            let new = side(&mut simulation, Noise::Normal, runs as usize, 0.005, 1.02);
            judge(&[metric("m", base, new)]).metrics[0].verdict == Verdict::Equivalent
        });
        let share = wrong.count() as f64 / COMPARISONS as f64;
        println!("{runs} runs: {share}");
        assert!(share <= 0.05 + 3.0 * (0.05 * 0.95 / 400_f64).sqrt(), "{runs} runs: {share}");
    }
}

#[test]
fn the_interval_holds_the_truth() {
    for (noise, promised) in [(Noise::Normal, 0.95), (Noise::LogNormal, 0.90)] {
        for runs in [3, 5, 10] {
            const COMPARISONS: u64 = 200;
            let held = (0..COMPARISONS).filter(|&seed| {
                let mut simulation = Simulation::new(seed + 70_000 + runs);
                let base = side(&mut simulation, noise, runs as usize, 0.02, 1.0);
                let new = side(&mut simulation, noise, runs as usize, 0.02, 1.1);
                let comparison = judge_with(
                    &[metric("m", base, new)],
                    &Settings { resamples: 1000, ..Settings::default() },
                );
                let row = &comparison.metrics[0];
                (row.low_pct.unwrap()..=row.high_pct.unwrap()).contains(&10.0)
            });
            let share = held.count() as f64 / COMPARISONS as f64;
            let slack = 3.0 * (promised * (1.0 - promised) / COMPARISONS as f64).sqrt();
            println!("{noise:?}, {runs} runs: {share}");
            assert!(share >= promised - slack, "{noise:?}, {runs} runs: {share}");
        }
    }
}

#[test]
fn equal_sides_with_little_noise_are_the_same() {
    let mut simulation = Simulation::new(3);
    let base = side(&mut simulation, Noise::Normal, 8, 0.005, 1.0);
    let new = side(&mut simulation, Noise::Normal, 8, 0.005, 1.0);
    let comparison = judge(&[metric("step_time", base, new)]);
    assert_eq!(comparison.verdict, Overall::Equivalent);
    assert_eq!(comparison.metrics[0].runs_needed, None);
}

/// Thousands of samples in each run do not make two runs more than two: the runs differ by 5 %, and the
/// samples within a run hardly at all.
#[test]
fn samples_are_not_runs() {
    let mut simulation = Simulation::new(21);
    let mut run = |level: f64| -> Vec<f64> {
        (0..2000).map(|_| level * (1.0 + 0.001 * simulation.normal())).collect()
    };
    let (base, new) = ([100.0, 105.0, 98.0, 102.0], [103.0, 99.0, 106.0, 101.0]);
    let sides = (base.map(&mut run).to_vec(), new.map(&mut run).to_vec());
    let row = judge(&[metric("step_time", sides.0, sides.1)]).metrics.remove(0);
    assert_eq!(row.verdict, Verdict::Inconclusive);
    assert!(row.p_value.unwrap() > 0.3);
    assert_eq!((row.base.runs, row.base.samples), (4, 8000));
    assert!(row.runs_needed.unwrap() > 4);
}

#[test]
fn one_run_a_side_is_never_decided() {
    let steps = |level: f64| vec![(0..50).map(|i| level + f64::from(i % 5)).collect::<Vec<_>>()];
    let comparison = judge(&[metric("step_time", steps(1000.0), steps(1500.0))]);
    assert_eq!(comparison.verdict, Overall::Inconclusive);
    let row = &comparison.metrics[0];
    assert_eq!((row.verdict, row.p_value, row.low_pct), (Verdict::Inconclusive, None, None));
    assert_eq!(row.runs_needed, Some(4));
    assert!((row.change_pct.unwrap() - 49.9).abs() < 0.1);
    assert!(comparison.warnings[0].contains("One run on a side"), "{:?}", comparison.warnings);
    assert!(comparison.warnings[0].contains("at least 4 runs"), "{:?}", comparison.warnings);
}

#[test]
fn three_runs_a_side_say_how_many_would_do() {
    let runs = |level: f64| [0.0, 1.0, 2.0].map(|more| vec![level + more]).to_vec();
    let row = judge(&[metric("step_time", runs(1000.0), runs(1300.0))]).metrics.remove(0);
    assert_eq!((row.verdict, row.runs_needed), (Verdict::Inconclusive, Some(4)));
    assert!(row.reason.unwrap().contains("fewer than 4 runs"));
}

#[test]
fn the_direction_decides_what_is_worse() {
    let runs = |level: f64| (0..5).map(|i| vec![level + f64::from(i)]).collect::<Vec<_>>();
    let slower = metric("step_time", runs(1000.0), runs(1300.0));
    let rate = Metric { better: Better::Higher, ..slower.clone() };
    assert_eq!(judge(&[slower]).verdict, Overall::Regression);
    assert_eq!(judge(&[rate]).verdict, Overall::Improvement);
}

/// Counts and sizes that are the same in every run of a side need no statistics.
#[test]
fn what_does_not_vary_is_compared_as_it_is() {
    let runs = |value: f64| vec![vec![value]; 2];
    let judge = |base, new| judge(&[metric("count", runs(base), runs(new))]).metrics.remove(0);
    assert_eq!(judge(100.0, 100.0).verdict, Verdict::Equivalent);
    assert_eq!(judge(100.0, 101.0).verdict, Verdict::Equivalent);
    let more = judge(100.0, 110.0);
    assert_eq!((more.verdict, more.p_value), (Verdict::Regression, None));
    assert_eq!(judge(0.0, 0.0).verdict, Verdict::Equivalent);
    let from_zero = judge(0.0, 5.0);
    assert_eq!((from_zero.verdict, from_zero.change_pct), (Verdict::Regression, None));
    assert_eq!(judge(5.0, 0.0).verdict, Verdict::Improvement);
}

#[test]
fn a_metric_of_one_side_is_listed() {
    let comparison = judge(&[metric("kernel_time", Vec::new(), vec![vec![5.0]; 3])]);
    assert_eq!((comparison.metrics.len(), comparison.unpaired.len()), (0, 1));
    assert_eq!(comparison.verdict, Overall::Inconclusive);
}

#[test]
fn different_environments_are_refused_unless_forced() {
    let runs = |level: f64| (0..5).map(|i| vec![level + f64::from(i)]).collect::<Vec<_>>();
    let metrics = [metric("step_time", runs(1000.0), runs(1300.0))];
    let judge = |weight, force| {
        let difference = Difference {
            fact: "gpu".to_owned(),
            weight,
            base: vec!["A100".to_owned()],
            new: vec!["H100".to_owned()],
        };
        let names = (vec!["a".to_owned(); 5], vec!["b".to_owned(); 5]);
        compare(names, &metrics, vec![difference], force, &Settings::default()).unwrap()
    };
    let refused = judge(Weight::Decisive, false);
    assert_eq!((refused.verdict, refused.metrics.len()), (Overall::Incomparable, 0));
    assert_eq!(refused.environment.differences.len(), 1);
    assert_eq!(judge(Weight::Decisive, true).verdict, Overall::Regression);
    assert_eq!(judge(Weight::Note, false).verdict, Overall::Regression);
}

#[test]
fn samples_that_are_no_numbers_are_refused() {
    let metrics = [metric("step_time", vec![vec![1.0]], vec![vec![1.0], vec![2.0, f64::NAN]])];
    let error = compare((vec![], vec![]), &metrics, vec![], false, &Settings::default());
    let error = error.unwrap_err();
    assert!(matches!(&error, CompareError::NotFinite { run: 1, index: 1, .. }), "{error}");
}

#[test]
fn the_same_runs_have_the_same_answer() {
    let mut simulation = Simulation::new(5);
    let base = side(&mut simulation, Noise::HeavyTailed, 12, 0.02, 1.0);
    let new = side(&mut simulation, Noise::HeavyTailed, 12, 0.02, 1.01);
    let metrics = [metric("step_time", base, new)];
    assert_eq!(judge(&metrics), judge(&metrics));
}
