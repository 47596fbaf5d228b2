//! One measured figure beside its goal.

use anyhow::{Context as _, Result};

use crate::statistics::{median, median_interval};

/// What a figure should be.
pub(super) enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// It is there to be looked at.
    None,
}

/// Prints the median of `values`, its interval and how it stands to the goal. `digits` is how many follow the point.
pub(super) fn print(
    what: &str,
    values: &[f64],
    unit: &str,
    digits: usize,
    goal: &Goal,
) -> Result<()> {
    let middle = median(values).context("--rounds must be at least 1")?;
    let (low, high) = median_interval(values).context("--rounds must be at least 1")?;
    let verdict = match *goal {
        Goal::AtMost(most) => format!("goal ≤ {most}: {}", word(middle <= most)),
        Goal::AtLeast(least) => format!("goal ≥ {least}: {}", word(middle >= least)),
        Goal::None => String::new(),
    };
    println!(
        "{what:<58} {middle:>8.digits$} {unit:<14} (median of {}; {low:.digits$} to {high:.digits$})  {verdict}",
        values.len(),
    );
    Ok(())
}

fn word(reached: bool) -> &'static str {
    if reached { "reached" } else { "missed" }
}
