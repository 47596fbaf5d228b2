//! What made the change of the mean step: parts that add up to it.

use perfagent_analysis::brief_kernel_name;

use super::document::{Attribution, Part};

/// Parts that have a bar of their own.
pub const TOP: usize = 12;

/// A part of the change as it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// What it is: kernel, idle, …
    pub kind: String,
    /// Its name, short.
    pub label: String,
    /// Its name, whole, with what it was called before.
    pub name: String,
    /// New, gone, renamed, or nothing to say.
    pub note: &'static str,
    /// Its part of the mean step of the base side, ns.
    pub base_ns: i64,
    /// Its part of the mean step of the new side, ns.
    pub new_ns: i64,
}

impl Share {
    /// By how much it made the step longer, ns.
    #[must_use]
    pub const fn change_ns(&self) -> i64 {
        self.new_ns - self.base_ns
    }
}

/// The parts that changed most, at most `top`, and all others as one, so that they still add up.
#[must_use]
pub fn shares(attribution: &Attribution, top: usize) -> Vec<Share> {
    let (first, rest) = attribution.rows.split_at(attribution.rows.len().min(top));
    let mut shares: Vec<Share> = first.iter().map(share).collect();
    if !rest.is_empty() {
        let label = crate::units::counted(rest.len() as u64, "other part");
        shares.push(Share {
            kind: "others".to_owned(),
            name: label.clone(),
            label,
            note: "",
            base_ns: rest.iter().map(|part| part.base_ns).sum(),
            new_ns: rest.iter().map(|part| part.new_ns).sum(),
        });
    }
    shares
}

/// The name of the events that a part is of, to look for in a timeline; `None` where it is none of an event.
#[must_use]
pub fn event(part: &Part) -> Option<&str> {
    let has_events =
        matches!(part.kind.as_str(), "kernel" | "communication" | "operator" | "range");
    has_events.then_some(&part.name)
}

fn share(part: &Part) -> Share {
    let is_kernel = matches!(part.kind.as_str(), "kernel" | "communication");
    let label = if is_kernel { brief_kernel_name(&part.name) } else { part.name.clone() };
    let note = match (&part.was, part.base_ns, part.new_ns) {
        (Some(_), ..) => "renamed",
        (None, 0, _) => "new",
        (None, _, 0) => "gone",
        _ => "",
    };
    let was = part.was.as_ref().map_or_else(String::new, |was| format!(" (was {was})"));
    Share {
        kind: kind(&part.kind).to_owned(),
        label,
        name: format!("{}{was}", part.name),
        note,
        base_ns: part.base_ns,
        new_ns: part.new_ns,
    }
}

/// A kind of part in words.
fn kind(kind: &str) -> &str {
    match kind {
        "communication" => "exposed communication",
        "copy" => "exposed copy",
        "data" => "loading of data",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::shares;
    use crate::model::compare::document::{Attribution, Part};

    #[test]
    fn the_parts_that_are_shown_add_up_to_the_change() {
        let part = |name: &str, base_ns, new_ns| Part {
            kind: "kernel".into(),
            name: name.into(),
            base_ns,
            new_ns,
            change_ns: new_ns - base_ns,
            ..Part::default()
        };
        let rows = vec![
            part("void a<int>()", 10, 90),
            part("b", 30, 0),
            Part { was: Some("old".into()), ..part("c", 5, 9) },
            part("d", 0, 3),
        ];
        let attribution = Attribution { change_ns: 57, rows, ..Attribution::default() };
        for top in 0..6 {
            let sum: i64 = shares(&attribution, top).iter().map(super::Share::change_ns).sum();
            assert_eq!(sum, 57, "{top}");
        }
        let notes: Vec<_> = shares(&attribution, 9).iter().map(|share| share.note).collect();
        assert_eq!(notes, ["", "gone", "renamed", "new"]);
        let last = shares(&attribution, 2).pop().unwrap();
        assert_eq!((last.label.as_str(), last.change_ns()), ("2 other parts", 7));
    }
}
