//! The change points of a series as a page.

use perfagent_regress::series::{ChangePoint, ChangePoints, Direction, LatestVerdict};

use crate::page::{Cell, Page, Table};
use crate::picture::{Drawing, Picture, Trend};
use crate::series::Series;
use crate::unit;

/// Lays the changes of `series`, read from `name`, out.
pub(crate) fn page(name: &str, series: &Series, found: &ChangePoints) -> Page {
    let mut page = Page::default();
    page.title(format!("perfagent changepoints of {name}"));
    let better = match found.direction {
        Direction::LowerIsBetter => "lower (say --higher-is-better for rates)",
        Direction::HigherIsBetter => "higher",
    };
    page.facts(vec![
        ("values".to_owned(), unit::count(found.n as i64)),
        ("changes".to_owned(), unit::count(found.changepoints.len() as i64)),
        ("better".to_owned(), better.to_owned()),
        ("autocorrelation of the noise".to_owned(), format!("{:.2}", found.autocorrelation)),
    ]);
    page.section("Levels");
    let mut table = Table::new(["from", "to", "values", "median", "change", "confidence"]);
    let changes = std::iter::once(None).chain(found.changepoints.iter().map(Some));
    for (level, change) in found.levels.iter().zip(changes) {
        table.row([
            Cell::figure(run(series, level.start)),
            Cell::figure(run(series, level.end - 1)),
            Cell::figure(unit::count((level.end - level.start) as i64)),
            Cell::figure(unit::significant(level.median)),
            Cell::figure(
                change.map_or_else(String::new, |c| unit::known(c.change_pct, unit::change)),
            ),
            Cell::figure(change.map_or_else(String::new, |change| confidence(change.confidence))),
        ]);
    }
    page.table(table);
    page.picture(picture(name, series, found));
    page.section(format!("Newest value: {}", verdict(found.latest.verdict)));
    page.paragraph(newest(found));
    page
}

fn picture(name: &str, series: &Series, found: &ChangePoints) -> Picture {
    let change = |change: &ChangePoint| unit::known(change.change_pct, unit::change);
    let trend = Trend {
        values: series.values.clone(),
        names: series.times.clone(),
        levels: found.levels.iter().map(|level| (level.start, level.end, level.median)).collect(),
        changes: std::iter::once(String::new())
            .chain(found.changepoints.iter().map(change))
            .collect(),
        newest: matches!(
            found.latest.verdict,
            LatestVerdict::Regression | LatestVerdict::Improvement
        )
        .then(|| format!("newest: {}", verdict(found.latest.verdict))),
    };
    Picture::new(
        "The series",
        format!(
            "The values of {name}, the oldest first, with the median of each level; a dashed line is a change, and a triangle at the edge is a value beyond it."
        ),
        Drawing::Trend(trend),
    )
}

/// A run as its number and, where the file says, its name.
fn run(series: &Series, index: usize) -> String {
    match series.times.as_ref().and_then(|times| times.get(index)) {
        Some(time) => format!("{index} ({time})"),
        None => index.to_string(),
    }
}

/// Rounded down: never more certain than it is.
fn confidence(value: f64) -> String {
    format!("{:.1} %", (value * 1000.0 + 1e-9).floor() / 10.0)
}

fn verdict(verdict: LatestVerdict) -> &'static str {
    match verdict {
        LatestVerdict::Ok => "ok",
        LatestVerdict::Regression => "regression",
        LatestVerdict::Improvement => "improvement",
        LatestVerdict::Inconclusive => "inconclusive",
    }
}

fn newest(found: &ChangePoints) -> String {
    let latest = &found.latest;
    let (Some(baseline), Some(p_value)) = (latest.baseline, latest.p_value) else {
        return format!(
            "{} stands alone: there are too few values before it to say what is usual.",
            unit::significant(latest.value)
        );
    };
    format!(
        "{} is {} against the median of the {} values before it ({}); a value as far off has probability {} when nothing changed.",
        unit::significant(latest.value),
        unit::known(latest.change_pct, unit::change),
        latest.baseline_n,
        unit::significant(baseline),
        unit::probability(p_value)
    )
}
