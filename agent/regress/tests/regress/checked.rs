//! The verdict on the newest runs of many metrics.

use perfagent_regress::compare::{Better, Family};
use perfagent_regress::history::{
    Group, HistoryCheck, HistoryError, Metric, Overall, RunName, Settings, Verdict, check,
};

use crate::simulate::{NOISES, Noise, Simulation};

fn metric(older: &[f64], newest: &[f64]) -> Metric {
    Metric {
        name: "step_time".to_owned(),
        subject: None,
        unit: "ms".to_owned(),
        better: Better::Lower,
        family: Family::Headline,
        older: older.to_vec(),
        newest: newest.to_vec(),
    }
}

fn group(metrics: Vec<Metric>) -> Group {
    let name = |id: usize| RunName {
        id: id as i64,
        commit: "abc".to_owned(),
        branch: "main".to_owned(),
        time: "2026-03-01T12:00:00Z".to_owned(),
    };
    let runs = |values: fn(&Metric) -> &Vec<f64>| {
        metrics.iter().map(|metric| values(metric).len()).max().unwrap_or(0)
    };
    Group {
        suite: "ci".to_owned(),
        machine: "node-1".to_owned(),
        newest: (0..runs(|metric| &metric.newest)).map(name).collect(),
        older: runs(|metric| &metric.older),
        set_aside: Vec::new(),
        metrics,
    }
}

fn checked(metrics: Vec<Metric>) -> HistoryCheck {
    check(vec![group(metrics)], &Settings::default()).unwrap()
}

/// The last `k` of a simulated series as the newest runs.
fn split(values: &[f64], k: usize) -> Metric {
    let (older, newest) = values.split_at(values.len() - k);
    metric(older, newest)
}

/// Nothing changed: a series raises a false alarm in at most 2 % of cases, whatever the noise, the length of
/// the history and the number of newest runs. Changes of any size count.
#[test]
fn false_alarms_are_bounded_on_null_series() {
    const SERIES: u64 = 500;
    let settings = Settings { threshold_pct: 1e-9, ..Settings::default() };
    for noise in NOISES {
        for (n, k) in [(10, 1), (30, 1), (30, 3), (100, 1)] {
            let alarms = (0..SERIES)
                .filter(|seed| {
                    let values = Simulation::new(seed + 70_000).series(noise, n + k);
                    let groups = vec![group(vec![split(&values, k)])];
                    let verdict = check(groups, &settings).unwrap().groups[0].metrics[0].verdict;
                    matches!(verdict, Verdict::Regression | Verdict::Improvement)
                })
                .count();
            let share = alarms as f64 / SERIES as f64;
            let most =
                if matches!(noise, Noise::Correlated3 | Noise::Correlated5) { 0.03 } else { 0.02 };
            assert!(share <= most, "{noise:?}, {n} older and {k} newest: {share}");
        }
    }
}

/// 1,000 metrics of which none changed: no discovery is expected in 199 of 200 such checks.
#[test]
fn a_thousand_null_metrics_stay_quiet() {
    let settings = Settings { threshold_pct: 1e-9, ..Settings::default() };
    let alarms = (0..8_u64).filter(|round| {
        let metrics = (0..1000_u64).map(|number| {
            let seed = 1_000_000 * (round + 1) + number;
            split(&Simulation::new(seed).series(Noise::Normal, 41), 1)
        });
        let found = check(vec![group(metrics.collect())], &settings).unwrap();
        found.verdict == Overall::Regression
    });
    assert!(alarms.count() <= 1);
}

#[test]
fn a_newest_run_at_five_sigma_is_found() {
    const SERIES: u64 = 400;
    for (n, k, shift) in [(60, 1, 5.0), (30, 1, 6.0), (30, 5, 3.5)] {
        let found = (0..SERIES).filter(|seed| {
            let mut values = Simulation::new(seed + 90_000).series(Noise::Normal, n + k);
            for value in &mut values[n..] {
                *value += shift;
            }
            checked(vec![split(&values, k)]).verdict == Overall::Regression
        });
        let share = found.count() as f64 / SERIES as f64;
        assert!(share >= 0.90, "{n} older, {k} newest, {shift} σ: {share}");
    }
}

/// What stands beside an `ok` holds: of changes of that size about 80 % are found.
#[test]
fn the_detectable_change_is_found_as_often_as_it_says() {
    const SERIES: u64 = 600;
    let (mut found, mut rounds) = (0, 0);
    for seed in 0..SERIES {
        let values = Simulation::new(seed + 110_000).series(Noise::Normal, 61);
        let quiet = checked(vec![split(&values, 1)]);
        let Some(detectable) = quiet.groups[0].metrics[0].detectable_pct else { continue };
        let mut changed = values.clone();
        changed[60] *= 1.0 + detectable / 100.0;
        found += usize::from(checked(vec![split(&changed, 1)]).verdict == Overall::Regression);
        rounds += 1;
    }
    let share = found as f64 / f64::from(rounds);
    assert!((0.7..=0.95).contains(&share), "{share}");
}

#[test]
fn the_direction_decides_what_is_worse() {
    let mut values = Simulation::new(1).series(Noise::Normal, 60);
    values[59] = 120.0;
    let rate = Metric { better: Better::Higher, ..split(&values, 1) };
    assert_eq!(checked(vec![split(&values, 1)]).verdict, Overall::Regression);
    assert_eq!(checked(vec![rate]).verdict, Overall::Improvement);
}

#[test]
fn changes_that_do_not_matter_are_no_regressions() {
    let mut values = vec![1000.0; 30];
    values[29] = 1010.0;
    let found = checked(vec![split(&values, 1)]);
    assert_eq!((found.verdict, found.groups[0].metrics[0].p_value), (Overall::Ok, Some(0.0)));
    values[29] = 1050.0;
    assert_eq!(checked(vec![split(&values, 1)]).verdict, Overall::Regression);
}

/// A step two commits ago is no excuse, and a step of ten runs ago is the new normal.
#[test]
fn the_baseline_is_the_newest_old_enough_level() {
    let stepped = |young: usize| {
        let mut values = Simulation::new(2).series(Noise::Normal, 61);
        for value in &mut values[60 - young..] {
            *value += 10.0;
        }
        checked(vec![split(&values, 1)])
    };
    let young = stepped(4);
    assert_eq!(
        (young.verdict, young.groups[0].metrics[0].baseline_runs),
        (Overall::Regression, 56)
    );
    let old = stepped(12);
    assert_eq!((old.verdict, old.groups[0].metrics[0].baseline_runs), (Overall::Ok, 12));
}

#[test]
fn one_bad_run_among_several_newest_is_no_change() {
    let mut values = Simulation::new(3).series(Noise::Normal, 65);
    values[62] = 500.0;
    assert_eq!(checked(vec![split(&values, 5)]).verdict, Overall::Ok);
}

#[test]
fn too_few_runs_are_inconclusive_and_say_how_many_are_missing() {
    for n in 1..8 {
        let found = checked(vec![metric(&vec![1.0; n], &[2.0])]);
        let row = &found.groups[0].metrics[0];
        assert_eq!((found.verdict, row.runs_missing), (Overall::Inconclusive, Some(8 - n)), "{n}");
        assert!(row.reason.is_some() && row.baseline.is_none() && row.p_value.is_none());
    }
    assert_eq!(checked(vec![metric(&[], &[2.0])]).verdict, Overall::Inconclusive, "one run only");
}

/// Suites that are not the same are said to be, never silently taken for it.
#[test]
fn missing_and_new_metrics_are_listed() {
    let values = Simulation::new(4).series(Noise::Normal, 31);
    let named = |name: &str, metric: Metric| Metric { name: name.to_owned(), ..metric };
    let found = checked(vec![
        named("both", split(&values, 1)),
        named("gone", metric(&values[..30], &[])),
        named("new", metric(&[], &[1.0])),
    ]);
    let group = &found.groups[0];
    assert_eq!(group.metrics.len(), 1);
    assert_eq!((group.missing[0].name.as_str(), group.missing[0].runs), ("gone", 30));
    assert_eq!((group.new[0].name.as_str(), group.new[0].runs), ("new", 1));
    assert_eq!(found.verdict, Overall::Inconclusive, "what is missing is not ok");
}

/// Found by its own strength, but not among many: the runs that would decide are named.
#[test]
fn a_suspicion_is_inconclusive() {
    let mut metrics: Vec<Metric> = (0..300)
        .map(|seed| split(&Simulation::new(seed + 5_000).series(Noise::Normal, 41), 1))
        .collect();
    let mut values = Simulation::new(9_999).series(Noise::Normal, 41);
    values[40] = 104.2;
    metrics.push(split(&values, 1));
    let found = checked(metrics);
    let row = found.groups[0].metrics.last().unwrap();
    assert_eq!(row.verdict, Verdict::Inconclusive, "p {:?}, q {:?}", row.p_value, row.q_value);
    assert!((1..10).contains(&row.runs_missing.unwrap()), "{:?}", row.runs_missing);
}

/// Step times of a crowded machine, some of them three times as long: nothing is told of them, and that is
/// not `ok`.
#[test]
fn noise_that_hides_everything_is_not_ok() {
    let mut simulation = Simulation::new(5);
    let older: Vec<f64> =
        (0..30).map(|_| if simulation.uniform() < 0.5 { 100.0 } else { 300.0 }).collect();
    let found = checked(vec![metric(&older, &[310.0])]);
    let row = &found.groups[0].metrics[0];
    assert_eq!((found.verdict, row.verdict), (Overall::Inconclusive, Verdict::Inconclusive));
    assert!(row.reason.as_ref().unwrap().contains("to see a change of 20 %"), "{row:?}");
}

#[test]
fn what_is_no_number_is_refused() {
    for (older, newest, index) in [(f64::NAN, 1.0, 0), (1.0, f64::INFINITY, 1)] {
        let refused = check(vec![group(vec![metric(&[older], &[newest])])], &Settings::default());
        let refused = refused.unwrap_err();
        assert!(matches!(refused, HistoryError::NotFinite { index: found, .. } if found == index));
        assert!(refused.to_string().contains("leave that run out"), "{refused}");
    }
}

/// Twelve runs that differ by one percent, neighbours alike by chance, and then fifteen percent more: that was once
/// lost in degrees of freedom that the correlation took away.
#[test]
fn a_seventh_more_is_found_after_twelve_runs() {
    let older =
        [10.129, 10.234, 10.009, 10.004, 9.882, 10.05, 9.974, 10.037, 9.906, 9.905, 9.878, 9.855];
    let found = checked(vec![metric(&older, &[11.5])]);
    assert_eq!(found.groups[0].metrics[0].verdict, Verdict::Regression, "{found:?}");
    assert_eq!(checked(vec![metric(&older, &[10.2])]).verdict, Overall::Ok);
}

/// Eleven runs that drift by a few percent were once expected to be followed by anything from nothing to a
/// thousand times as much.
#[test]
fn a_drift_leaves_an_interval_of_use() {
    let older = [783.0, 797.0, 801.0, 799.0, 795.0, 790.0, 787.0, 782.0, 779.0, 774.0, 770.0];
    let found = checked(vec![metric(&older, &[768.0])]);
    let row = &found.groups[0].metrics[0];
    let (low, high) = (row.low.unwrap(), row.high.unwrap());
    assert!(low > 600.0 && high < 1000.0, "{row:?}");
    let found = checked(vec![metric(&older, &[1100.0])]);
    assert_eq!(found.verdict, Overall::Regression, "{found:?}");
}
