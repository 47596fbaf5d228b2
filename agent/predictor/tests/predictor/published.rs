//! On published jobs, where they lie beside the repository: nobody may commit them.

use std::collections::BTreeMap;
use std::path::Path;

use perfagent_predictor::fit::{Sample, calibrate, weigh};
use perfagent_predictor::{Calibration, Figure, Job, Measured};
use serde::Deserialize;

use crate::jobs::{check, part, predictor};

/// A line of the file.
#[derive(Deserialize)]
struct Line {
    kind: String,
    measured: Measured,
    #[serde(flatten)]
    job: Job,
}

#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn lines() -> Option<Vec<Line>> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/jobs/calibration.jsonl");
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped: no shared/data/jobs/calibration.jsonl beside the repository");
        return None;
    };
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn median_errors_of_every_source_stay_under_their_ceilings() {
    let Some(lines) = lines() else { return };
    let predictor = predictor();
    let mut errors = BTreeMap::<(&str, Figure), Vec<f64>>::new();
    let mut refused = 0;
    for line in &lines {
        let answer = predictor.predict(&line.job);
        check(&line.job, &answer);
        refused += usize::from(answer.refused.is_some());
        let mut add =
            |figure, predicted: Option<perfagent_predictor::Interval>, measured: Option<f64>| {
                if let (Some(predicted), Some(measured)) = (predicted, measured) {
                    errors
                        .entry((&line.kind, figure))
                        .or_default()
                        .push((predicted.p50 / measured - 1.0).abs());
                }
            };
        add(Figure::Time, answer.step_s, line.measured.step_s);
        add(Figure::Memory, answer.peak_mem_bytes, line.measured.peak_mem_bytes);
    }
    assert!(20 * refused <= lines.len(), "{refused} of {} refused", lines.len());
    assert!(errors.len() >= 12);
    for ((source, figure), errors) in errors {
        let ceiling = if figure == Figure::Time { 0.12 } else { 0.09 };
        let median = median(errors);
        println!("{source} {figure:?}: {:.1} %", 100.0 * median);
        assert!(median <= ceiling, "{source}: median error of {figure:?} {:.1} %", 100.0 * median);
    }
}

#[test]
fn no_measured_peak_is_below_the_states_that_the_formulas_count() {
    let Some(lines) = lines() else { return };
    let mut below = 0;
    let mut peaks = 0;
    for line in &lines {
        let (Some(measured), Some(parts)) =
            (line.measured.peak_mem_bytes, predictor().predict(&line.job).memory_breakdown)
        else {
            continue;
        };
        let states: f64 = ["weights_bytes", "gradients_bytes", "optimizer_bytes"]
            .iter()
            .map(|name| part(&parts, name))
            .sum();
        peaks += 1;
        below += usize::from(measured < states);
    }
    println!("{below} of {peaks} measured peaks are below the states");
    assert!(100 * below <= peaks, "{below} of {peaks}");
}

#[test]
fn parameters_that_sources_state_are_those_of_the_shapes() {
    let Some(lines) = lines() else { return };
    let off: Vec<f64> = lines
        .iter()
        .filter_map(|line| Some((line.job.parameters().ok()? / line.job.model.params? - 1.0).abs()))
        .collect();
    let near = off.iter().filter(|off| **off < 0.02).count();
    println!("{near} of {} within 2 %", off.len());
    assert!(near as f64 > 0.9 * off.len() as f64, "{near} of {}", off.len());
}

#[test]
fn the_built_in_calibration_is_what_a_fit_gives_now() {
    let Some(lines) = lines() else { return };
    let mut samples: Vec<Sample> = lines
        .iter()
        .filter_map(|line| Sample::of(&line.job, &line.measured, &line.kind).ok())
        .collect();
    weigh(&mut samples);
    let (mut fitted, _) = calibrate(&samples);
    let own = Calibration::built_in().unwrap();
    fitted.made = own.made.clone();
    let (fitted, own) = (fitted.text().unwrap(), own.text().unwrap());
    let differing = fitted.lines().zip(own.lines()).find(|(new, old)| new != old);
    assert_eq!(
        differing, None,
        "data/calibration.toml is not up to date: run `cargo xtask calibrate`"
    );
    assert_eq!(fitted.len(), own.len());
}
