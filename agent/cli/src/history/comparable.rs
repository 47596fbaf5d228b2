//! Which older runs were measured in the same environment.

use std::collections::BTreeSet;

use perfagent_history::{Fact, StoredRun};
use perfagent_regress::compare::{Difference, Weight};
use perfagent_regress::history::SetAside;

/// What sets `older` apart from `newest`, of facts that forbid a comparison or (not `decisive`) of the others.
pub(super) fn differences(older: &[Fact], newest: &[Fact], decisive: bool) -> Vec<Difference> {
    let names: BTreeSet<&str> = older
        .iter()
        .chain(newest)
        .filter(|fact| fact.decisive == decisive)
        .map(|fact| fact.name.as_str())
        .collect();
    let value = |facts: &[Fact], name: &str| {
        let fact = facts.iter().find(|fact| fact.name == name);
        fact.and_then(|fact| fact.value.clone()).unwrap_or_else(|| "unknown".to_owned())
    };
    names
        .into_iter()
        .filter_map(|name| {
            let (base, new) = (value(older, name), value(newest, name));
            (base != new).then(|| Difference {
                fact: name.to_owned(),
                weight: if decisive { Weight::Decisive } else { Weight::Note },
                base: vec![base],
                new: vec![new],
            })
        })
        .collect()
}

/// The runs that may be held against `newest`, and those that may not, by what sets them apart.
pub(super) fn comparable<'a>(
    older: Vec<&'a StoredRun>,
    newest: &StoredRun,
) -> (Vec<&'a StoredRun>, Vec<SetAside>) {
    let mut set_aside: Vec<SetAside> = Vec::new();
    let mut kept = Vec::with_capacity(older.len());
    for stored in older {
        let differences = differences(&stored.run.environment, &newest.run.environment, true);
        if differences.is_empty() {
            kept.push(stored);
        } else if let Some(same) = set_aside.iter_mut().find(|same| same.differences == differences)
        {
            same.runs += 1;
        } else {
            set_aside.push(SetAside { runs: 1, differences });
        }
    }
    (kept, set_aside)
}

#[cfg(test)]
mod tests {
    use perfagent_history::Fact;

    use super::differences;

    #[test]
    fn what_is_unknown_on_one_side_is_a_difference() {
        let fact = |name: &str, value: Option<&str>, decisive| Fact {
            name: name.to_owned(),
            value: value.map(str::to_owned),
            decisive,
        };
        let older = [fact("gpu", Some("H100"), true), fact("host", Some("a"), false)];
        let newest = [fact("gpu", None, true), fact("host", Some("b"), false)];
        let found = differences(&older, &newest, true);
        assert_eq!(
            (found.len(), found[0].base[0].as_str(), found[0].new[0].as_str()),
            (1, "H100", "unknown")
        );
        assert_eq!(differences(&older, &newest, false)[0].fact, "host");
        assert!(differences(&older, &older, true).is_empty());
        assert_eq!(differences(&[], &newest, true).len(), 0, "unknown on both sides");
    }
}
