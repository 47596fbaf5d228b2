//! Which facts are worth most, and the sentence that says so.

use std::cmp::Reverse;

use crate::{Fact, Gain, Verdict};

/// Facts that the sentence names.
const MOST_NAMED: usize = 3;

/// Gives each fact to act on its place: by the likely gain, then by the greatest one; what gains no time comes last.
pub(crate) fn place(facts: &mut [Fact]) {
    let thousandths = |share: f64| (1000.0 * share) as i64;
    let key = |fact: &Fact| {
        let gain = fact.gain.as_ref();
        let shares = gain.map(|gain| (gain.likely_share_pct, gain.most_share_pct));
        let (likely, most) = shares.unwrap_or((-1.0, -1.0));
        (Reverse(thousandths(likely)), Reverse(thousandths(most)))
    };
    let mut acting: Vec<&mut Fact> =
        facts.iter_mut().filter(|fact| fact.verdict == Verdict::Act).collect();
    // Those of equal worth stay in the order of the document.
    acting.sort_by_key(|fact| key(fact));
    for (fact, place) in acting.into_iter().zip(1..) {
        fact.place = Some(place);
    }
}

/// What is worth most, and how many facts there are of each verdict.
pub(crate) fn summary(facts: &[Fact]) -> String {
    let mut acting: Vec<&Fact> = facts.iter().filter(|fact| fact.place.is_some()).collect();
    acting.sort_by_key(|fact| fact.place);
    let count = |verdict| facts.iter().filter(|fact| fact.verdict == verdict).count();
    let of_each = format!(
        "{} to act on, {} with nothing to gain, {} unknown",
        acting.len(),
        count(Verdict::NothingToGain),
        count(Verdict::Unknown)
    );
    if acting.is_empty() {
        return format!("Nothing to act on ({of_each}).");
    }
    let named: Vec<String> = acting.iter().take(MOST_NAMED).map(|fact| named(fact)).collect();
    format!("Most to gain: {} ({of_each}).", named.join("; "))
}

fn named(fact: &Fact) -> String {
    let name = fact.name.replace('_', " ");
    match &fact.gain {
        Some(gain) => format!("{name}, {}", gain.words()),
        None => name,
    }
}

impl Gain {
    /// The gain in words: `1.10 to 1.31 times as fast`.
    #[must_use]
    pub fn words(&self) -> String {
        // Beyond that the figure says no more than that nearly all of the time is lost.
        let speedup = |speedup: Option<f64>| match speedup {
            Some(times) if times <= 10.0 => format!("{times:.2}"),
            _ => "over 10".to_owned(),
        };
        let (likely, most) = (speedup(self.likely_speedup), speedup(self.most_speedup));
        if likely == most {
            format!("{most} times as fast")
        } else {
            format!("{likely} to {most} times as fast")
        }
    }
}
