//! The rank for which the others waited most.

use perfagent_analysis::{Skew, SkewCell};

/// The rank that held up the others, with where to look.
#[derive(Clone, Debug, PartialEq)]
pub struct Straggler {
    /// Its position among the ranks.
    pub rank: usize,
    /// What others waited for it, of all waits, 0 to 1.
    pub share: f64,
    /// The longest wait for it.
    pub longest: SkewCell,
}

/// Below this share above its due nobody is a straggler.
const MORE_THAN_DUE: f64 = 1.5;

/// The straggler. With `n` ranks alike each would hold up the others for one nth of all waits: one that does so for half as much
/// again is told; `None` where nobody does, or nobody waited.
#[must_use]
pub fn straggler(skew: &Skew) -> Option<Straggler> {
    let all: i64 = skew.ranks.iter().map(|rank| rank.held_up_ns).sum();
    let (rank, most) = skew.ranks.iter().enumerate().max_by_key(|(_, rank)| rank.held_up_ns)?;
    if all <= 0 {
        return None;
    }
    let share = most.held_up_ns as f64 / all as f64;
    let longest = skew.cells.iter().filter(|cell| cell.last == rank);
    let longest = longest.max_by_key(|cell| cell.longest_ns)?.clone();
    let due = 1.0 / skew.ranks.len().max(1) as f64;
    (share >= (MORE_THAN_DUE * due).min(0.75)).then_some(Straggler { rank, share, longest })
}

#[cfg(test)]
mod tests {
    use perfagent_analysis::{Skew, SkewCell, SkewRank};

    use super::straggler;

    fn skew(held_up: &[i64]) -> Skew {
        let ranks =
            held_up.iter().map(|&held_up_ns| SkewRank { held_up_ns, ..SkewRank::default() });
        let cells = held_up.iter().enumerate().map(|(last, &wait_ns)| SkewCell {
            waiter: (last + 1) % held_up.len(),
            last,
            wait_ns,
            longest_ns: wait_ns,
            ..SkewCell::default()
        });
        Skew { ranks: ranks.collect(), cells: cells.collect(), ..Skew::default() }
    }

    #[test]
    fn who_holds_up_the_others_is_told() {
        let found = straggler(&skew(&[10, 10, 60, 20])).unwrap();
        assert_eq!((found.rank, found.longest.last), (2, 2));
        assert!((found.share - 0.6).abs() < 1e-9);
    }

    #[test]
    fn nobody_is_blamed_for_his_due() {
        assert!(straggler(&skew(&[10, 11, 12, 10])).is_none());
        assert!(straggler(&skew(&[0, 0])).is_none());
        assert!(straggler(&Skew::default()).is_none());
        // Of two, one is always last in more than half.
        assert!(straggler(&skew(&[60, 40])).is_none());
    }
}
