//! Gates of simulated cases: how often they fail when nothing has changed, and how often they find what has.

use perfagent_regress::compare::{
    Better, Comparison, Family, Metric, Overall, Settings, Unit, compare,
};
use perfagent_regress::gate::{Fresh, alarms, confirm, runs_to_confirm, settle};

use crate::simulate::{Noise, Simulation};

const RUNS: usize = 6;
/// Fresh runs at most, three times the first ones.
const MOST: usize = 18;
/// Relative standard deviation between runs.
const SPREAD: f64 = 0.02;

/// A gate of `cases` cases of two headline metrics and four details.
struct Gate {
    noise: Noise,
    cases: usize,
    /// By how much the new side of the first case is slower.
    factor: f64,
}

/// How it went.
struct Outcome {
    alarmed: bool,
    failed: bool,
}

impl Gate {
    fn side(&self, simulation: &mut Simulation, runs: usize, factor: f64) -> Vec<Vec<f64>> {
        let values = simulation.series(self.noise, runs);
        values
            .into_iter()
            .map(|value| vec![1e8 * factor * (SPREAD * (value - 100.0)).exp()])
            .collect()
    }

    fn case(&self, simulation: &mut Simulation, factor: f64) -> Vec<Metric> {
        (0..6)
            .map(|number| Metric {
                case: None,
                name: format!("m{number}"),
                subject: None,
                unit: Unit::Nanoseconds,
                better: Better::Lower,
                family: if number < 2 { Family::Headline } else { Family::Detail },
                base: self.side(simulation, RUNS, 1.0),
                new: self.side(simulation, RUNS, factor),
            })
            .collect()
    }

    /// Runs it once. What is done here is what `perfagent ci gate` does, with simulated runs.
    fn run(&self, seed: u64) -> Outcome {
        let mut simulation = Simulation::new(seed);
        // The p-values do not come from the resamples.
        let settings = Settings { resamples: 100, ..Settings::default() };
        let factor = |case| if case == 0 { self.factor } else { 1.0 };
        let firsts: Vec<Comparison> = (0..self.cases)
            .map(|case| {
                let metrics = self.case(&mut simulation, factor(case));
                let names = (vec!["b".to_owned(); RUNS], vec!["n".to_owned(); RUNS]);
                compare(names, &metrics, Vec::new(), false, &settings).unwrap()
            })
            .collect();
        let mut looked = Vec::new();
        let mut of_case = Vec::new();
        for (case, first) in firsts.iter().enumerate() {
            let alarmed: Vec<_> = alarms(first).collect();
            let runs = runs_to_confirm(&alarmed, settings.threshold_pct, RUNS, MOST);
            for row in alarmed {
                let base = self.side(&mut simulation, runs, 1.0);
                let new = self.side(&mut simulation, runs, factor(case));
                looked.push((row.clone(), Fresh { base, new }));
                of_case.push(case);
            }
        }
        let alarmed = !looked.is_empty();
        let confirmations = confirm(looked, &settings).unwrap();
        let failed = firsts.iter().enumerate().any(|(case, first)| {
            let own = confirmations.iter().zip(&of_case).filter(|(_, of)| **of == case);
            let own: Vec<_> = own.map(|(one, _)| one.clone()).collect();
            settle(first, &own) == Overall::Regression
        });
        Outcome { alarmed, failed }
    }

    /// Shares of gates that alarmed and that failed.
    fn rates(&self, gates: u64) -> (f64, f64) {
        let outcomes: Vec<_> = (0..gates).map(|seed| self.run(seed * 13 + 5)).collect();
        let share = |holds: fn(&Outcome) -> bool| {
            outcomes.iter().filter(|outcome| holds(outcome)).count() as f64 / gates as f64
        };
        (share(|outcome| outcome.alarmed), share(|outcome| outcome.failed))
    }
}

/// With eight cases a quarter of the gates alarms when nothing has changed, and next to none of them fails.
#[test]
fn a_gate_without_a_change_next_to_never_fails() {
    for noise in [Noise::Normal, Noise::LogNormal, Noise::HeavyTailed, Noise::Quantised] {
        for (cases, gates) in [(1, 300), (8, 60)] {
            let (alarmed, failed) = Gate { noise, cases, factor: 1.0 }.rates(gates);
            println!("{noise:?}, {cases} cases: {alarmed} alarm, {failed} fail");
            let q = 0.05;
            let promised = (cases as f64 * q).min(1.0) * q;
            let error = (promised * (1.0 - promised) / gates as f64).sqrt();
            assert!(failed <= promised + 3.0 * error, "{noise:?}, {cases} cases: {failed}");
        }
    }
}

#[test]
fn a_gate_finds_a_case_that_became_slower() {
    for noise in [Noise::Normal, Noise::HeavyTailed] {
        let (_, failed) = Gate { noise, cases: 8, factor: 1.08 }.rates(40);
        println!("{noise:?}: {failed} found");
        assert!(failed >= 0.95, "{noise:?}: {failed}");
    }
}
