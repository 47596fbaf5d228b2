//! Kernels that are new, gone, renamed, or took another time.

use super::document::{Difference, Kernel};

/// Changes below this are the clock's, ns a step.
const LEAST_NS: f64 = 1.0;

/// A kernel of which something changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// Its figures; of one that was renamed, those of the base side are its predecessor's.
    pub kernel: Kernel,
    /// What it was called before.
    pub was: Option<String>,
    /// New, gone, renamed or changed.
    pub note: &'static str,
}

impl Changed {
    /// By how much its time a step changed, ns.
    #[must_use]
    pub fn change_ns(&self) -> f64 {
        self.kernel.new_ns - self.kernel.base_ns
    }
}

/// The kernels of one side only, those with another name, and those whose time a step changed by more than the
/// threshold, greatest change first.
#[must_use]
pub fn changed(difference: &Difference, threshold_pct: f64) -> Vec<Changed> {
    let is_old = |at: usize| difference.renames.iter().any(|&(old, _)| old == at);
    let mut rows: Vec<Changed> = difference
        .kernels
        .iter()
        .enumerate()
        .filter(|&(at, _)| !is_old(at))
        .filter_map(|(at, kernel)| {
            let old = difference.renames.iter().find(|&&(_, new)| new == at);
            let old = old.and_then(|&(old, _)| difference.kernels.get(old));
            let mut kernel = kernel.clone();
            if let Some(old) = old {
                (kernel.base_count, kernel.base_ns) = (old.base_count, old.base_ns);
            }
            let note = if old.is_some() {
                "renamed"
            } else if kernel.base_count == 0.0 {
                "new"
            } else if kernel.new_count == 0.0 {
                "gone"
            } else {
                let change = (kernel.new_ns - kernel.base_ns).abs();
                let matters = change >= LEAST_NS && change * 100.0 > kernel.base_ns * threshold_pct;
                matters.then_some("changed")?
            };
            Some(Changed { kernel, was: old.map(|old| old.name.clone()), note })
        })
        .collect();
    rows.sort_by(|a, b| b.change_ns().abs().total_cmp(&a.change_ns().abs()));
    rows
}

#[cfg(test)]
mod tests {
    use super::changed;
    use crate::model::compare::document::{Difference, Kernel};

    #[test]
    fn what_is_the_same_within_the_threshold_is_left_out() {
        let kernel = |name: &str, base: (f64, f64), new: (f64, f64)| Kernel {
            name: name.into(),
            base_count: base.0,
            base_ns: base.1,
            new_count: new.0,
            new_ns: new.1,
        };
        let difference = Difference {
            kernels: vec![
                kernel("same", (1.0, 1000.0), (1.0, 1010.0)),
                kernel("slower", (1.0, 1000.0), (1.0, 1100.0)),
                kernel("old", (2.0, 500.0), (0.0, 0.0)),
                kernel("renamed", (0.0, 0.0), (2.0, 700.0)),
                kernel("new", (0.0, 0.0), (1.0, 50.0)),
                kernel("gone", (1.0, 60.0), (0.0, 0.0)),
            ],
            renames: vec![(2, 3)],
            common: 2,
        };
        let rows = changed(&difference, 2.0);
        let shown: Vec<_> = rows.iter().map(|row| (row.kernel.name.as_str(), row.note)).collect();
        assert_eq!(
            shown,
            [("renamed", "renamed"), ("slower", "changed"), ("gone", "gone"), ("new", "new")]
        );
        assert_eq!((rows[0].was.as_deref(), rows[0].change_ns()), (Some("old"), 200.0));
    }
}
