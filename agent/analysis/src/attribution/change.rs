//! Which parts of a step made the difference between two sides.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{PartKind, StepPart, StepSums};

/// The change of the mean step, divided among the parts of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Attribution {
    /// Steps of the first side.
    pub base_steps: usize,
    /// Steps of the second.
    pub new_steps: usize,
    /// The mean step of the first, ns.
    pub base_ns: i64,
    /// The mean step of the second, ns.
    pub new_ns: i64,
    /// `new_ns - base_ns`.
    pub change_ns: i64,
    /// The parts, greatest change first. Their `base_ns`, `new_ns` and `change_ns` add up to those of the step.
    pub rows: Vec<AttributionRow>,
}

/// One part of a step on both sides. A part is rounded so that all of them add up, which moves it by less than 1 ns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttributionRow {
    /// What it is.
    pub kind: PartKind,
    /// Its name.
    pub name: String,
    /// What it was called on the first side, where that is another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// Its part of the mean step of the first side, ns.
    pub base_ns: i64,
    /// Its part of the mean step of the second side, ns.
    pub new_ns: i64,
    /// `new_ns - base_ns`.
    pub change_ns: i64,
}

impl AttributionRow {
    /// There is none of it on the first side.
    #[must_use]
    pub const fn appeared(&self) -> bool {
        self.base_ns == 0 && self.was.is_none()
    }

    /// There is none of it on the second side.
    #[must_use]
    pub const fn vanished(&self) -> bool {
        self.new_ns == 0
    }
}

impl Attribution {
    /// What made the difference; `None` where a side has no steps. `renames` are kernels' names on both sides.
    #[must_use]
    pub fn between(base: &StepSums, new: &StepSums, renames: &[(String, String)]) -> Option<Self> {
        if base.steps == 0 || new.steps == 0 {
            return None;
        }
        let was: BTreeMap<&str, &str> =
            renames.iter().map(|(old, new)| (new.as_str(), old.as_str())).collect();
        let became: BTreeMap<&str, &str> =
            renames.iter().map(|(old, new)| (old.as_str(), new.as_str())).collect();
        let mut rows: BTreeMap<StepPart, (Option<String>, i64, i64)> = BTreeMap::new();
        for (part, &time) in &base.parts {
            let later = became.get(part.name.as_str()).filter(|_| is_kernel(part.kind));
            let part = match later {
                Some(&name) => StepPart { kind: part.kind, name: name.to_owned() },
                None => part.clone(),
            };
            let row = rows.entry(part).or_default();
            row.1 = row.1.saturating_add(time);
        }
        for (part, &time) in &new.parts {
            rows.entry(part.clone()).or_default().2 = time;
        }
        for (part, row) in &mut rows {
            let old = was.get(part.name.as_str()).filter(|_| is_kernel(part.kind));
            row.0 = old.map(|&old| old.to_owned());
        }
        let base_means = means(rows.values().map(|row| row.1), base.steps);
        let new_means = means(rows.values().map(|row| row.2), new.steps);
        let mut rows: Vec<AttributionRow> = rows
            .into_iter()
            .zip(base_means.into_iter().zip(new_means))
            .map(|((part, (was, ..)), (base_ns, new_ns))| AttributionRow {
                kind: part.kind,
                name: part.name,
                was,
                base_ns,
                new_ns,
                change_ns: new_ns - base_ns,
            })
            .filter(|row| row.base_ns != 0 || row.new_ns != 0)
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.change_ns.abs()));
        let sum = |of: fn(&AttributionRow) -> i64| rows.iter().map(of).sum::<i64>();
        let (base_ns, new_ns) = (sum(|row| row.base_ns), sum(|row| row.new_ns));
        Some(Self {
            base_steps: base.steps,
            new_steps: new.steps,
            base_ns,
            new_ns,
            change_ns: new_ns - base_ns,
            rows,
        })
    }
}

const fn is_kernel(kind: PartKind) -> bool {
    matches!(kind, PartKind::Kernel | PartKind::Communication)
}

/// Each total shared by the steps, in whole ns: sums are rounded, and a part is the difference of two, so that the parts add up
/// to the rounded mean of the whole.
fn means(totals: impl Iterator<Item = i64>, steps: usize) -> Vec<i64> {
    let steps = steps.max(1) as i128;
    let rounded = |sum: i128| ((2 * sum + steps) / (2 * steps)) as i64;
    let mut sum = 0_i128;
    totals
        .map(|total| {
            let before = rounded(sum);
            sum += i128::from(total);
            rounded(sum) - before
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Attribution, means};
    use crate::attribution::{PartKind, StepPart, StepSums};

    proptest! {
        #[test]
        fn parts_add_up_to_the_mean(totals in prop::collection::vec(0_i64..1_000_000, 1..40), steps in 1_usize..50) {
            let found = means(totals.iter().copied(), steps);
            let whole = totals.iter().sum::<i64>() as f64 / steps as f64;
            prop_assert_eq!(found.iter().sum::<i64>(), whole.round() as i64);
            for (found, total) in found.iter().zip(&totals) {
                prop_assert!((*found as f64 - *total as f64 / steps as f64).abs() < 1.0);
            }
        }
    }

    fn sums(steps: usize, parts: &[(PartKind, &str, i64)]) -> StepSums {
        let part = |&(kind, name, time): &(PartKind, &str, i64)| {
            (StepPart { kind, name: name.to_owned() }, time)
        };
        StepSums {
            steps,
            total: parts.iter().map(|part| part.2).sum(),
            parts: parts.iter().map(part).collect(),
        }
    }

    #[test]
    fn new_gone_and_renamed_kernels_are_rows() {
        let base = sums(2, &[(PartKind::Kernel, "old", 20), (PartKind::Kernel, "gone", 4)]);
        let new = sums(1, &[(PartKind::Kernel, "renamed", 15), (PartKind::Kernel, "added", 7)]);
        let renames = [("old".to_owned(), "renamed".to_owned())];
        let found = Attribution::between(&base, &new, &renames).unwrap();
        assert_eq!((found.base_ns, found.new_ns, found.change_ns), (12, 22, 10));
        let rows: Vec<_> = found
            .rows
            .iter()
            .map(|row| (row.name.as_str(), row.was.as_deref(), row.change_ns))
            .collect();
        assert_eq!(rows, [("added", None, 7), ("renamed", Some("old"), 5), ("gone", None, -2)]);
        assert!(found.rows[0].appeared() && found.rows[2].vanished());
        assert!(!found.rows[1].appeared() && !found.rows[1].vanished());
        assert_eq!(Attribution::between(&base, &StepSums::default(), &[]), None);
    }
}
