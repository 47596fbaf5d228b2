//! Runs of perfagent-bench beside their predictions, before and after one of them was taken into account.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, anyhow, ensure};
use perfagent_predictor::{Anchor, Job, Prediction, Predictor};
use serde::{Deserialize, Serialize};

use crate::statistics::median;

/// The runs of a configuration.
#[derive(Serialize, Deserialize)]
pub(super) struct Measured {
    pub(super) model: String,
    pub(super) options: String,
    pub(super) job: Job,
    /// The median step of each run.
    pub(super) runs_s: Vec<f64>,
    /// The fullest rank's peak of each run.
    pub(super) peaks: Vec<f64>,
}

/// A configuration with what was predicted and measured.
pub(super) struct Row {
    pub(super) name: String,
    /// Medians over the rounds.
    step_s: f64,
    peak_bytes: f64,
    /// Greatest less least step of the rounds, by their median; none of one round.
    spread: Option<f64>,
    pub(super) ahead: Prediction,
    /// Beside the first of its model; none of that itself.
    beside: Option<Prediction>,
}

/// Each configuration beside its predictions; the first of a model is the one that those after it are re-fitted to.
pub(super) fn rows(predictor: &Predictor, measured: Vec<Measured>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut anchor: Option<(String, Anchor)> = None;
    for Measured { model, options, job, runs_s, peaks } in measured {
        let (step_s, peak_bytes) =
            median(&runs_s).zip(median(&peaks)).context("--rounds must be at least 1")?;
        let greatest = runs_s.iter().copied().fold(0.0, f64::max);
        let least = runs_s.iter().copied().fold(f64::INFINITY, f64::min);
        let ahead = predictor.predict(&job);
        ensure!(ahead.refused.is_none(), "{model} {options}: {:?}", ahead.refused);
        let own = anchor.as_ref().filter(|(of, _)| *of == model);
        let beside = own.map(|(_, anchor)| predictor.predict_beside(anchor, &job));
        if beside.is_none() {
            let of = predictor.anchor(&job, Some(step_s), Some(peak_bytes));
            let of = of.map_err(|why| anyhow!("{model} {options}: {why}"))?;
            anchor = Some((model.clone(), of));
        }
        let spread = (runs_s.len() > 1).then(|| (greatest - least) / step_s);
        rows.push(Row {
            name: format!("{model} {options}"),
            step_s,
            peak_bytes,
            spread,
            ahead,
            beside,
        });
    }
    Ok(rows)
}

/// The table, and below it how far predictions were off in all.
pub(super) fn table(page: &mut String, rows: &[Row]) -> Result<()> {
    writeln!(
        page,
        "| configuration | step | runs | predicted | re-fitted | peak memory | predicted | re-fitted |"
    )?;
    writeln!(page, "|---|---:|---:|---:|---:|---:|---:|---:|")?;
    let shown =
        |off: Option<f64>| off.map_or_else(String::new, |off| format!("{:+.1} %", 100.0 * off));
    for row in rows {
        writeln!(
            page,
            "| {} | {:.1} ms | {} | {} | {} | {:.1} MB | {} | {} |",
            row.name,
            1e3 * row.step_s,
            row.spread.map_or_else(String::new, |spread| format!("{:.1} %", 100.0 * spread)),
            shown(row.time(Some(&row.ahead))),
            shown(row.time(row.beside.as_ref())),
            row.peak_bytes / 1e6,
            shown(row.memory(Some(&row.ahead))),
            shown(row.memory(row.beside.as_ref())),
        )?;
    }
    writeln!(
        page,
        "\n| absolute error | configurations | median | worst | within the goal | in the 90 % interval |"
    )?;
    writeln!(page, "|---|---:|---:|---:|---:|---:|")?;
    let summary = |page: &mut String, name: &str, goal: f64, of: Vec<(f64, bool)>| {
        let errors: Vec<f64> = of.iter().map(|(off, _)| off.abs()).collect();
        let share = |count: usize| 100.0 * count as f64 / errors.len().max(1) as f64;
        writeln!(
            page,
            "| {name} | {} | {:.1} % | {:.1} % | {:.0} % within {:.0} % | {:.0} % |",
            errors.len(),
            100.0 * median(&errors).unwrap_or(0.0),
            100.0 * errors.iter().copied().fold(0.0, f64::max),
            share(errors.iter().filter(|off| **off <= goal).count()),
            100.0 * goal,
            share(of.iter().filter(|(_, covered)| *covered).count()),
        )
    };
    let all = |of: fn(&Row) -> Option<(f64, bool)>| rows.iter().filter_map(of).collect::<Vec<_>>();
    summary(
        page,
        "step",
        0.10,
        all(|row| row.time(Some(&row.ahead)).map(|off| (off, row.covers_time(&row.ahead)))),
    )?;
    summary(
        page,
        "step, re-fitted",
        0.05,
        all(|row| {
            let beside = row.beside.as_ref()?;
            Some((row.time(Some(beside))?, row.covers_time(beside)))
        }),
    )?;
    summary(
        page,
        "memory",
        0.05,
        all(|row| row.memory(Some(&row.ahead)).map(|off| (off, row.covers_memory(&row.ahead)))),
    )?;
    summary(
        page,
        "memory, re-fitted",
        0.03,
        all(|row| {
            let beside = row.beside.as_ref()?;
            Some((row.memory(Some(beside))?, row.covers_memory(beside)))
        }),
    )?;
    Ok(())
}

impl Row {
    fn time(&self, prediction: Option<&Prediction>) -> Option<f64> {
        Some(prediction?.step_s?.p50 / self.step_s - 1.0)
    }

    fn memory(&self, prediction: Option<&Prediction>) -> Option<f64> {
        Some(prediction?.peak_mem_bytes?.p50 / self.peak_bytes - 1.0)
    }

    fn covers_time(&self, prediction: &Prediction) -> bool {
        prediction.step_s.is_some_and(|of| of.p05 <= self.step_s && self.step_s <= of.p95)
    }

    fn covers_memory(&self, prediction: &Prediction) -> bool {
        let of = prediction.peak_mem_bytes;
        of.is_some_and(|of| of.p05 <= self.peak_bytes && self.peak_bytes <= of.p95)
    }
}
