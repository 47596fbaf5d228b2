//! Several runs on one axis of time: where each is moved to.

use super::track::Step;

/// What stands at the same place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Alignment {
    /// Runs of different times begin their first steps together; what was recorded at the same time stays as it
    /// was.
    #[default]
    Automatic,
    /// Every event when it was.
    Recorded,
    /// The step of this number, from 0, of every rank begins at once.
    Step(usize),
}

/// What is moved as one: a rank of a recording.
pub(super) struct Moved<'a> {
    /// Its recording.
    pub(super) source: usize,
    /// Its steps, in order.
    pub(super) steps: &'a [Step],
    /// Its first and last event, ns.
    pub(super) span: Option<(i64, i64)>,
}

/// For every rank what is to be added to its times, ns.
pub(super) fn shifts(ranks: &[Moved<'_>], alignment: Alignment) -> Vec<i64> {
    match alignment {
        Alignment::Recorded => vec![0; ranks.len()],
        Alignment::Step(number) => {
            let start = |rank: &Moved<'_>| rank.steps.get(number).map(|step| step.start);
            let fixed = ranks.iter().find_map(start);
            ranks.iter().map(|rank| difference(fixed, start(rank))).collect()
        }
        Alignment::Automatic => {
            let sources = ranks.iter().map(|rank| rank.source).max().map_or(0, |last| last + 1);
            let spans: Vec<Option<(i64, i64)>> =
                (0..sources).map(|source| span_of(ranks, source)).collect();
            let begin = |source| first_step(ranks, source).or(spans[source].map(|span| span.0));
            let fixed = (0..sources).find(|&source| spans[source].is_some());
            let of_source: Vec<i64> = (0..sources)
                .map(|source| {
                    let Some(fixed) = fixed.filter(|&fixed| fixed != source) else { return 0 };
                    let together = spans[source]
                        .zip(spans[fixed])
                        .is_some_and(|(a, b)| a.0 <= b.1 && b.0 <= a.1);
                    if together { 0 } else { difference(begin(fixed), begin(source)) }
                })
                .collect();
            ranks.iter().map(|rank| of_source[rank.source]).collect()
        }
    }
}

fn difference(to: Option<i64>, from: Option<i64>) -> i64 {
    to.zip(from).map_or(0, |(to, from)| to.saturating_sub(from))
}

fn span_of(ranks: &[Moved<'_>], source: usize) -> Option<(i64, i64)> {
    let spans = ranks.iter().filter(|rank| rank.source == source).filter_map(|rank| rank.span);
    spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

fn first_step(ranks: &[Moved<'_>], source: usize) -> Option<i64> {
    let of_source = ranks.iter().filter(|rank| rank.source == source);
    of_source.filter_map(|rank| rank.steps.first()).map(|step| step.start).min()
}

#[cfg(test)]
mod tests {
    use super::{Alignment, Moved, shifts};
    use crate::model::track::Step;

    fn steps(starts: &[i64]) -> Vec<Step> {
        let step = |&start: &i64| Step { start, end: start + 5, label: String::new() };
        starts.iter().map(step).collect()
    }

    #[test]
    fn runs_of_different_days_begin_their_first_steps_together() {
        let (a, b) = (steps(&[10, 20]), steps(&[1_007, 1_020]));
        let moved = |source, steps, span| Moved { source, steps, span: Some(span) };
        let ranks = [moved(0, &a[..], (0, 30)), moved(1, &b[..], (1_000, 1_030))];
        assert_eq!(shifts(&ranks, Alignment::Automatic), [0, -997]);
        assert_eq!(shifts(&ranks, Alignment::Recorded), [0, 0]);
        assert_eq!(shifts(&ranks, Alignment::Step(1)), [0, -1_000]);
        assert_eq!(shifts(&ranks, Alignment::Step(7)), [0, 0]);
    }

    #[test]
    fn ranks_that_ran_together_stay_as_they_were() {
        let (a, b) = (steps(&[10]), steps(&[13]));
        let moved = |source, steps| Moved { source, steps, span: Some((0, 100)) };
        let ranks = [moved(0, &a[..]), moved(1, &b[..])];
        assert_eq!(shifts(&ranks, Alignment::Automatic), [0, 0]);
        assert_eq!(shifts(&ranks, Alignment::Step(0)), [0, -3]);
    }

    #[test]
    fn runs_without_steps_begin_together() {
        let moved = |source, span| Moved { source, steps: &[], span };
        let ranks = [moved(0, None), moved(1, Some((100, 200))), moved(2, Some((900, 950)))];
        assert_eq!(shifts(&ranks, Alignment::Automatic), [0, 0, -800]);
    }
}
