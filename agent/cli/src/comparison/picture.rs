//! The runs of both sides, metric by metric.

use perfagent_regress::compare::{Comparison, Family, MetricRow, SideFigures, Verdict};

use super::page::{self, title};
use crate::page::Page;
use crate::picture::{Drawing, Picture, SideRow, Sides};

/// Metrics of a picture; there are more pictures for more.
const MOST: usize = 16;

/// Adds pictures of all headline metrics, and of the others that changed.
pub(super) fn runs(page: &mut Page, comparison: &Comparison) {
    let matters = |row: &&MetricRow| {
        row.family == Family::Headline
            || matches!(row.verdict, Verdict::Regression | Verdict::Improvement)
    };
    let rows: Vec<SideRow> =
        comparison.metrics.iter().filter(matters).filter_map(side_row).collect();
    let mut rows = rows.into_iter().peekable();
    let mut is_first = true;
    while rows.peek().is_some() {
        let some: Vec<SideRow> = rows.by_ref().take(MOST).collect();
        page.picture(Picture::new(
            if is_first { "The runs of both sides." } else { "More metrics." },
            format!(
                "Each mark is one run, as its difference from the median of the base runs: circles above are base, squares below new; a cross is a single bad run that is left out. The bar is the 95 % interval of the change. Within the grey band, {} % to either side, a change does not matter.",
                crate::unit::significant(comparison.threshold_pct)
            ),
            Drawing::Sides(Sides { rows: some, threshold_pct: comparison.threshold_pct }),
        ));
        is_first = false;
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
