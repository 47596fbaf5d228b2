//! The runs of both sides, metric by metric.

use perfagent_regress::compare::{Comparison, Family, MetricRow, SideFigures, Verdict};

use super::page::{self, title};
use crate::page::Page;
use crate::picture::{Drawing, Picture, SideRow, Sides};
use crate::unit;

/// Metrics of the picture of those that are no headline; the table has all.
const MOST: usize = 20;

/// Adds a picture of the headline metrics, and of the others that changed.
pub(super) fn runs(page: &mut Page, comparison: &Comparison) {
    let changed =
        |row: &&MetricRow| matches!(row.verdict, Verdict::Regression | Verdict::Improvement);
    let rows = |family| comparison.metrics.iter().filter(move |row| row.family == family);
    let headline: Vec<SideRow> = rows(Family::Headline).filter_map(side_row).collect();
    let details: Vec<SideRow> =
        rows(Family::Detail).filter(changed).take(MOST).filter_map(side_row).collect();
    for (title, rows, is_whole) in [
        ("The runs of both sides, headline metrics.", headline, true),
        ("The runs of both sides, other metrics that changed.", details, false),
    ] {
        if rows.is_empty() {
            continue;
        }
        page.picture(Picture::new(
            title,
            format!(
                "Each mark is one run, as its difference from the median of the base runs: circles above are base, squares below new; a cross is a single bad run that is left out, a diamond at the edge a run that is farther off. The bar is the 95 % interval of the change. Within the grey band, {} % to either side, a change does not matter.",
                unit::significant(comparison.threshold_pct)
            ),
            Drawing::Sides(Sides { rows, threshold_pct: comparison.threshold_pct, is_whole }),
        ));
    }
}

/// A metric in percent of the base runs' median; `None` where that is no measure.
fn side_row(row: &MetricRow) -> Option<SideRow> {
    if !(row.base.median > 0.0 && row.base.median.is_finite()) {
        return None;
    }
    let of_side = |side: &SideFigures| {
        let percent = |value: f64| 100.0 * (value / row.base.median - 1.0);
        let values = side.values.iter().enumerate();
        values.map(|(run, &value)| (percent(value), side.outliers.contains(&run))).collect()
    };
    Some(SideRow {
        label: title(row.case.as_deref(), &row.name, row.subject.as_deref()),
        base: of_side(&row.base),
        new: of_side(&row.new),
        interval: row.low_pct.zip(row.high_pct),
        note: page::verdict(row),
    })
}
