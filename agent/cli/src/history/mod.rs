//! Histories of results: what a file contributes, which runs are meant, and answers as pages. The store is
//! `perfagent_history`'s, the statistics are in `perfagent_regress`.

mod check_page;
mod comparable;
mod intake;
mod judged;
mod origin;
mod selection;
mod series;
mod sparkline;

pub(crate) use check_page::page as check_page;
pub(crate) use intake::{Files, Intake, Said, seconds};
pub(crate) use judged::{Question, judged};
pub(crate) use origin::Origin;
pub(crate) use selection::Wanted;
pub(crate) use series::{Series, overview, runs_page, series, series_page};

use crate::unit;

/// A value in a metric's unit, as a person reads it.
pub(crate) fn quantity(value: f64, unit: &str) -> String {
    match unit {
        "ns" => unit::mean_duration(value),
        "bytes" => unit::bytes(value.round() as i64),
        "gbps" => unit::rate(value),
        "" | "count" => unit::significant(value),
        "tokens_per_s" => format!("{} tokens/s", unit::significant(value)),
        "samples_per_s" => format!("{} samples/s", unit::significant(value)),
        unit => format!("{} {unit}", unit::significant(value)),
    }
}

/// A range of values, with the unit once where that is possible.
pub(crate) fn between(low: f64, high: f64, unit: &str) -> String {
    let (low, high) = (quantity(low, unit), quantity(high, unit));
    let scaled = matches!(unit, "ns" | "bytes" | "gbps");
    match low.split_once(' ') {
        Some((low, _)) if !scaled => format!("{low} to {high}"),
        _ => format!("{low} to {high}"),
    }
}

/// The first characters of a commit, enough to find it.
pub(crate) fn short(commit: &str) -> String {
    let is_hash = commit.len() >= 20 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    commit.chars().take(if is_hash { 10 } else { 24 }).collect()
}
