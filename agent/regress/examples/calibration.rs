//! False alarms and power of the change-point analysis on simulated series, and its agreement with
//! annotated ones: `cargo run --release -p perfagent-regress --example calibration [REPETITIONS]`.

#![allow(clippy::print_stdout, reason = "an example's answer")]
#![allow(missing_docs, reason = "an example has no users")]

#[path = "../tests/regress/annotated.rs"]
mod annotated;
#[path = "../tests/regress/simulate.rs"]
mod simulate;

use perfagent_regress::series::{LatestVerdict, Settings, changepoints};
use simulate::{NOISES, Noise, Simulation};

fn main() {
    let argument = |position| std::env::args().nth(position);
    let repetitions: usize = argument(1).map_or(1000, |text| text.parse().expect("a number"));
    let mut settings = Settings::default();
    if let Some(penalty) = argument(2) {
        settings.penalty = penalty.parse().expect("a number");
    }
    if let Some(alpha) = argument(3) {
        settings.alpha = alpha.parse().expect("a number");
    }
    println!("{settings:?}, {repetitions} series a row");
    false_alarms(repetitions, &settings);
    power(repetitions, &settings);
    speed(&settings);
    agreement(&settings);
}

fn false_alarms(repetitions: usize, settings: &Settings) {
    println!("\nfalse alarms, % of series: n, change point, newest run, either");
    for noise in NOISES {
        for n in [10, 30, 60, 100, 300] {
            let repetitions = if n == 300 { repetitions.div_ceil(2) } else { repetitions };
            let mut alarms = [0; 3];
            for seed in 0..repetitions {
                let values = Simulation::new(seed as u64 * 1000 + n as u64).series(noise, n);
                let found = changepoints(&values, settings).expect("finite values");
                let change = !found.changepoints.is_empty();
                let newest = matches!(
                    found.latest.verdict,
                    LatestVerdict::Regression | LatestVerdict::Improvement
                );
                alarms[0] += usize::from(change);
                alarms[1] += usize::from(newest);
                alarms[2] += usize::from(change || newest);
            }
            let [change, newest, either] =
                alarms.map(|count| 100.0 * count as f64 / repetitions as f64);
            println!("{noise:?} {n:5} {change:6.2} {newest:6.2} {either:6.2}");
        }
    }
}

fn power(repetitions: usize, settings: &Settings) {
    println!("\npower, n = 60 with normal noise: share found within 2 of the place");
    for (sigma, after) in [(1.0, 30), (2.0, 30), (3.0, 30), (3.0, 5), (5.0, 5), (5.0, 3)] {
        let found = (0..repetitions).filter(|&seed| {
            let mut values = Simulation::new(seed as u64 + 77_000).series(Noise::Normal, 60);
            for value in &mut values[60 - after..] {
                *value += sigma;
            }
            let found = changepoints(&values, settings).expect("finite values");
            found.changepoints.iter().any(|change| change.index.abs_diff(60 - after) <= 2)
        });
        let found = found.count() as f64 / repetitions as f64;
        println!("{sigma} sigma, {after} values after the step: {found:.3}");
    }
    for n in [10, 30, 60, 300] {
        let found = (0..repetitions).filter(|&seed| {
            let mut values = Simulation::new(seed as u64 + 99_000).series(Noise::Normal, n);
            *values.last_mut().expect("values") += 5.0;
            let latest = changepoints(&values, settings).expect("finite values").latest;
            latest.verdict == LatestVerdict::Regression
        });
        let found = found.count() as f64 / repetitions as f64;
        println!("newest of {n} at 5 sigma: {found:.3}");
    }
}

/// Processor time of this thread (Linux), which other programs on the machine do not lengthen.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    text.split(' ').next().and_then(|first| first.parse().ok()).expect("a number")
}

fn speed(settings: &Settings) {
    println!("\nprocessor time of one series");
    for (what, noise, steps) in [
        ("normal noise", Noise::Normal, 0),
        ("normal noise, 50 steps of 4 sigma", Noise::Normal, 50),
        ("correlated noise", Noise::Correlated5, 0),
        ("log-normal noise", Noise::LogNormal, 0),
        ("quantised noise", Noise::Quantised, 20),
        ("random walk", Noise::Walk, 0),
    ] {
        for n in [1_000, 10_000] {
            let mut values = Simulation::new(5).series(noise, n);
            for (index, value) in values.iter_mut().enumerate() {
                *value += if steps > 0 { 4.0 * ((index * steps / n) % 2) as f64 } else { 0.0 };
            }
            let begin = cpu_ns();
            let found = changepoints(&values, settings).expect("finite values").changepoints.len();
            let spent = (cpu_ns() - begin) as f64 / 1e6;
            println!("{what}, n = {n}: {spent:.0} ms, {found} changes");
        }
    }
}

fn agreement(settings: &Settings) {
    let Some(folder) = annotated::folder() else {
        println!("skipped: no folder shared/data/changepoints beside the repository");
        return;
    };
    let find = |values: &[f64]| -> Vec<usize> {
        let found = changepoints(values, settings).expect("finite values").changepoints;
        found.iter().map(|change| change.index).collect()
    };
    println!("\nannotated series, margin {}: precision, recall, F1, cover", annotated::MARGIN);
    let agreements = annotated::agreements(&folder, |_, values| find(values));
    for (name, a) in agreements.iter().chain([(&"mean".to_owned(), &annotated::mean(&agreements))])
    {
        println!("{name:20} {:.3} {:.3} {:.3} {:.3}", a.precision, a.recall, a.f1, a.cover);
    }
    let nothing = annotated::mean(&annotated::agreements(&folder, |_, _| Vec::new()));
    println!(
        "{:20} {:.3} {:.3} {:.3} {:.3}",
        "no changes", nothing.precision, nothing.recall, nothing.f1, nothing.cover
    );
    for name in [
        "tcpd/quality_control_1",
        "tcpd/quality_control_2",
        "tcpd/quality_control_3",
        "other/otava_tigerbeetle",
        "other/mongodb_short",
        "other/mongodb_small",
        "other/mongodb_medium",
    ] {
        let found = find(&annotated::read(&folder.join(format!("{name}.json"))));
        println!("{name}: {found:?}");
    }
}
