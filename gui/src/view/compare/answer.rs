//! A comparison ready to be shown: worked out once, on the thread that received it.

use crate::model::compare::attribution::{Share, TOP, shares};
use crate::model::compare::document::{Attribution, Comparison, Detail};
use crate::model::compare::effect::{Effect, effects};
use crate::model::compare::kernels::{Changed, changed};
use crate::model::compare::summary;
use crate::view::grid;

use super::{environment, kernels, metrics, parts};

/// A comparison, and what the window makes of it.
pub(super) struct Answer {
    pub(super) comparison: Comparison,
    /// What the verdict rests on.
    pub(super) sentence: String,
    pub(super) effects: Vec<Effect>,
    pub(super) metrics: Table,
    pub(super) unpaired: Table,
    pub(super) environment: Table,
    /// What the sides do differently: once, or case by case.
    pub(super) details: Vec<Shown>,
    /// Sentences that a reader of the figures should know.
    pub(super) notes: Vec<String>,
}

/// What the sides do differently, of one case.
pub(super) struct Shown {
    pub(super) case: String,
    pub(super) attribution: Option<Attribution>,
    pub(super) shares: Vec<Share>,
    pub(super) parts: Table,
    pub(super) changed: Vec<Changed>,
    pub(super) common: usize,
    pub(super) kernels: Table,
}

/// Rows of a table, and its order and selection.
#[derive(Default)]
pub(super) struct Table {
    pub(super) rows: Vec<Vec<grid::Cell>>,
    pub(super) state: grid::State,
}

impl Table {
    pub(super) fn of(rows: Vec<Vec<grid::Cell>>) -> Self {
        Self { rows, state: grid::State::default() }
    }
}

impl Answer {
    pub(super) fn of(comparison: Comparison) -> Self {
        let of_cases = !comparison.case_details.is_empty();
        let details: Vec<&Detail> = if of_cases {
            comparison.case_details.iter().collect()
        } else {
            vec![&comparison.detail]
        };
        let shown =
            details.into_iter().map(|detail| Shown::of(detail, comparison.threshold_pct)).collect();
        let mut notes = comparison.warnings.clone();
        notes.extend(summary::losses(&comparison));
        let open = summary::reasons(&comparison);
        notes.extend(open.into_iter().map(|(reason, count)| {
            let metrics = crate::units::counted(count as u64, "metric");
            format!("{metrics} inconclusive: {reason}")
        }));
        Self {
            sentence: summary::sentence(&comparison),
            effects: effects(&comparison),
            metrics: Table::of(metrics::rows(&comparison)),
            unpaired: Table::of(metrics::unpaired_rows(&comparison)),
            environment: Table::of(environment::rows(&comparison)),
            details: shown,
            notes,
            comparison,
        }
    }

    pub(super) fn has_parts(&self) -> bool {
        self.details.iter().any(|shown| shown.attribution.is_some())
    }

    /// Kernels of which something changed.
    pub(super) fn changed(&self) -> usize {
        self.details.iter().map(|shown| shown.changed.len()).sum()
    }

    pub(super) fn has_kernels(&self) -> bool {
        self.details.iter().any(|shown| !shown.changed.is_empty()) || !self.unpaired.rows.is_empty()
    }
}

impl Shown {
    fn of(detail: &Detail, threshold_pct: f64) -> Self {
        let all = detail.attribution.as_ref().map_or_else(Vec::new, |all| shares(all, usize::MAX));
        let changed = detail
            .difference
            .as_ref()
            .map_or_else(Vec::new, |difference| changed(difference, threshold_pct));
        Self {
            case: detail.case.clone().unwrap_or_else(|| "All".to_owned()),
            shares: detail.attribution.as_ref().map_or_else(Vec::new, |all| shares(all, TOP)),
            parts: Table::of(parts::rows(&all, detail.attribution.as_ref())),
            attribution: detail.attribution.clone(),
            kernels: Table::of(kernels::rows(&changed)),
            changed,
            common: detail.difference.as_ref().map_or(0, |difference| difference.common),
        }
    }
}
