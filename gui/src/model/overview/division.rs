//! Where the time went: parts that do not overlap and add up to the whole.

use std::collections::BTreeMap;

use perfagent_analysis::report::{Breakdown, GapCause, Rank};

use crate::model::whose::Member;

/// What a part of the time went to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartKind {
    /// Computation of a category.
    Compute(String),
    /// Communication that no computation hid.
    ExposedCommunication,
    /// Copies that nothing hid.
    ExposedCopy,
    /// Loading of data while nothing ran.
    Data,
    /// Nothing ran; the cause where it is known.
    Idle(Option<Cause>),
}

/// What a GPU that had nothing to do was waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The host waited for the GPU.
    Synchronization,
    /// The launch came late.
    LateLaunch,
    /// From one operation to the next.
    Turnaround,
    /// Waiting for other streams or ranks, and the idle end.
    Other,
    /// The launching call is not recorded.
    Unlinked,
}

impl From<GapCause> for Cause {
    fn from(cause: GapCause) -> Self {
        match cause {
            GapCause::Synchronization => Self::Synchronization,
            GapCause::LateLaunch => Self::LateLaunch,
            GapCause::Turnaround => Self::Turnaround,
            GapCause::Other => Self::Other,
            GapCause::Unlinked => Self::Unlinked,
        }
    }
}

impl Cause {
    /// In words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Synchronization => "host waited for the GPU",
            Self::LateLaunch => "launched late",
            Self::Turnaround => "from one operation to the next",
            Self::Other => "waiting for other streams or ranks",
            Self::Unlinked => "launching call not recorded",
        }
    }
}

impl PartKind {
    /// Its name for people.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Compute(category) if category == "matmul" => "Matrix products".to_owned(),
            Self::Compute(category) if category == "other" => "Other computation".to_owned(),
            Self::Compute(category) => capitalised(category),
            Self::ExposedCommunication => "Exposed communication".to_owned(),
            Self::ExposedCopy => "Exposed copies".to_owned(),
            Self::Data => "Loading data".to_owned(),
            Self::Idle(Some(cause)) => format!("Idle, {}", cause.label()),
            Self::Idle(None) => "Idle".to_owned(),
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// One part.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it went to.
    pub kind: PartKind,
    /// Its time, summed over ranks, ns.
    pub total_ns: i64,
    /// Its share of the whole, 0 to 1.
    pub share: f64,
    /// A place to look at, where the report tells one: start and end of the longest, ns.
    pub longest: Option<(i64, i64)>,
}

/// The time of some ranks, divided.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Division {
    /// The parts, computation first, each kind greatest first.
    pub parts: Vec<Part>,
    /// The whole, summed over ranks, ns.
    pub window_ns: i64,
    /// How many ranks.
    pub ranks: usize,
    /// From the first step to the last; else everything that was recorded.
    pub of_steps: bool,
}

impl Division {
    /// The time of these ranks: from the first step to the last where every one has steps.
    #[must_use]
    pub fn of(members: &[Member<'_>]) -> Self {
        let of_steps =
            !members.is_empty() && members.iter().all(|member| member.rank.training.window_ns > 0);
        let mut sums: BTreeMap<PartKind, (i64, Option<(i64, i64)>)> = BTreeMap::new();
        let mut window_ns: i64 = 0;
        for member in members {
            let rank = member.rank;
            let whole = if of_steps { &rank.training } else { &rank.breakdown };
            window_ns = window_ns.saturating_add(whole.window_ns);
            for (kind, time, longest) in parts(rank, whole) {
                let sum = sums.entry(kind).or_default();
                sum.0 = sum.0.saturating_add(time);
                let length = |stretch: (i64, i64)| stretch.1.saturating_sub(stretch.0);
                if longest.map(length) > sum.1.map(length) {
                    sum.1 = longest;
                }
            }
        }
        let mut parts: Vec<Part> = sums
            .into_iter()
            .filter(|(_, (total_ns, _))| *total_ns > 0)
            .map(|(kind, (total_ns, longest))| {
                let share = if window_ns > 0 { total_ns as f64 / window_ns as f64 } else { 0.0 };
                Part { kind, total_ns, share, longest }
            })
            .collect();
        let class = |part: &Part| match part.kind {
            PartKind::Compute(_) => 0,
            PartKind::ExposedCommunication => 1,
            PartKind::ExposedCopy => 2,
            PartKind::Data => 3,
            PartKind::Idle(_) => 4,
        };
        parts.sort_by(|a, b| class(a).cmp(&class(b)).then(b.total_ns.cmp(&a.total_ns)));
        Self { parts, window_ns, ranks: members.len(), of_steps }
    }

    /// The share of all parts that `wanted` says yes to, 0 to 1.
    #[must_use]
    pub fn share(&self, wanted: impl Fn(&PartKind) -> bool) -> f64 {
        self.parts.iter().filter(|part| wanted(&part.kind)).map(|part| part.share).sum()
    }
}

type Found = (PartKind, i64, Option<(i64, i64)>);

fn parts(rank: &Rank, whole: &Breakdown) -> Vec<Found> {
    let computed = whole.categories.iter();
    let mut found: Vec<Found> = computed
        .map(|share| (PartKind::Compute(share.category.clone()), share.total_ns, None))
        .collect();
    found.push((PartKind::ExposedCommunication, whole.exposed_comm_ns, None));
    found.push((PartKind::ExposedCopy, whole.exposed_copy_ns, None));
    found.push((PartKind::Data, whole.data_ns, None));
    // The causes are of one stretch: only where it is this one they divide this idle time.
    let gaps = rank.gaps.as_ref().filter(|gaps| gaps.window_ns == whole.window_ns);
    let mut rest = whole.idle_ns;
    for row in gaps.into_iter().flat_map(|gaps| &gaps.causes) {
        let longest = (row.longest_ns > 0)
            .then(|| (row.longest_start_ns, row.longest_start_ns.saturating_add(row.longest_ns)));
        found.push((PartKind::Idle(Some(row.cause.into())), row.total_ns, longest));
        rest = rest.saturating_sub(row.total_ns);
    }
    found.push((PartKind::Idle(None), rest, None));
    found
}

#[cfg(test)]
mod tests {
    use perfagent_analysis::report::{Breakdown, CategoryShare, GapCause, GapRow, Gaps, Rank};

    use super::{Cause, PartKind, parts};

    #[test]
    fn idle_time_is_divided_by_its_causes_and_the_parts_add_up() {
        let whole = Breakdown {
            window_ns: 100,
            compute_ns: 60,
            categories: vec![CategoryShare { category: "matmul".into(), total_ns: 60 }],
            exposed_comm_ns: 10,
            exposed_copy_ns: 5,
            data_ns: 5,
            idle_ns: 20,
            comm_ns: 30,
        };
        let row = GapRow {
            cause: GapCause::LateLaunch,
            count: 2,
            total_ns: 15,
            long: 0,
            long_ns: 0,
            before_short: 0,
            before_short_ns: 0,
            waited_ns: 0,
            long_waited_ns: 0,
            longest_start_ns: 40,
            longest_ns: 9,
        };
        let gaps = Gaps { window_ns: 100, idle_ns: 25, causes: vec![row], ..Gaps::default() };
        let rank = Rank { gaps: Some(gaps), ..Rank::default() };
        let found = parts(&rank, &whole);
        assert_eq!(found.iter().map(|part| part.1).sum::<i64>(), 100);
        assert!(found.contains(&(PartKind::Idle(Some(Cause::LateLaunch)), 15, Some((40, 49)))));
        assert!(found.contains(&(PartKind::Idle(None), 5, None)));
        let other = Breakdown { window_ns: 90, ..whole };
        assert!(!parts(&rank, &other).iter().any(|part| matches!(part.0, PartKind::Idle(Some(_)))));
    }

    #[test]
    fn labels_are_words() {
        assert_eq!(PartKind::Compute("attention".into()).label(), "Attention");
        assert_eq!(PartKind::Compute("matmul".into()).label(), "Matrix products");
        assert_eq!(PartKind::Idle(Some(Cause::LateLaunch)).label(), "Idle, launched late");
    }
}
