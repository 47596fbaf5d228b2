//! Own time by name, where only the sums are asked for: like [`Nesting`](crate::nesting::Nesting), in memory that does not grow
//! with what was found.

use std::cmp::Reverse;

use perfagent_recording::StringId;

use crate::nesting::DEEPEST;
use crate::statistic::Tally;

/// Something with a beginning and an end on one thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// Its depth as recorded; decides which of two spans with equal times is the outer one.
    depth: i32,
    name: u32,
}

impl Span {
    /// `end` is not before `start`.
    pub(crate) fn new((start, end): (i64, i64), depth: i64, name: StringId) -> Self {
        let depth = depth.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
        // A name that no file can define counts under the empty text.
        Self { start, end, depth, name: u32::try_from(name.0).unwrap_or(0) }
    }
}

/// The times of one name.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Named {
    /// Times in which nothing nested ran.
    pub(crate) own: Tally,
    /// Times with what is nested; of a name within itself, the outermost alone.
    pub(crate) inclusive: i64,
}

impl Named {
    /// Counts one more.
    pub(crate) fn add(&mut self, own: i64, inclusive: Option<i64>) {
        self.own.add(own);
        self.inclusive = self.inclusive.saturating_add(inclusive.unwrap_or(0));
    }
}

/// A span that is not over yet.
struct Open {
    span: Span,
    own: i64,
    is_recursive: bool,
}

/// Adds the spans of one thread to the times of their names. Spans that overlap without nesting are taken as if the later one
/// were nested in the earlier one.
pub(crate) fn add(mut spans: Vec<Span>, names: &mut [Named]) {
    spans.sort_unstable_by_key(|span| (span.start, Reverse(span.end), span.depth, span.name));
    let mut open: Vec<Open> = Vec::new();
    let mut now = i64::MIN;
    for span in spans {
        close(&mut open, &mut now, span.start, names);
        if let Some(parent) = open.last_mut() {
            parent.own += (span.start - now).max(0);
        }
        let is_recursive = (open.iter().rev().take(DEEPEST))
            .any(|outer| outer.span.name == span.name && span.end <= outer.span.end);
        now = now.max(span.start);
        open.push(Open { span, own: 0, is_recursive });
    }
    close(&mut open, &mut now, i64::MAX, names);
}

/// Ends the innermost spans that are over at `time`.
fn close(open: &mut Vec<Open>, now: &mut i64, time: i64, names: &mut [Named]) {
    while let Some(innermost) = open.pop_if(|innermost| innermost.span.end <= time) {
        let Open { span, own, is_recursive } = innermost;
        let own = own + (span.end - *now).max(0);
        *now = (*now).max(span.end);
        let name = if (span.name as usize) < names.len() { span.name as usize } else { 0 };
        if let Some(named) = names.get_mut(name) {
            named.add(own, (!is_recursive).then(|| span.end.saturating_sub(span.start)));
        }
    }
}

#[cfg(test)]
mod tests {
    use perfagent_recording::{StringId, ThreadId};
    use proptest::prelude::*;

    use super::{Named, Span, add};
    use crate::nesting::{Item, Nesting, Role};

    proptest! {
        /// The two ways to own time agree.
        #[test]
        fn sums_are_those_of_the_nesting(
            spans in prop::collection::vec((0_i64..60, 0_i64..30, 0_i64..3, 0_i64..4), 0..40)
        ) {
            let item = |&(start, length, depth, name): &(i64, i64, i64, i64)| Item {
                thread: ThreadId(1), start, end: start + length, depth, name: StringId(name), role: Role::Operator,
            };
            let nesting = Nesting::of(spans.iter().map(item).collect());
            let mut own = vec![0; nesting.items.len()];
            for slice in &nesting.slices {
                own[slice.item as usize] += slice.end - slice.start;
            }
            let mut expected = [Named::default(); 4];
            for (index, item) in nesting.items.iter().enumerate() {
                let inclusive = (!nesting.is_recursive(index, &|_| true)).then_some(item.end - item.start);
                expected[item.name.0 as usize].add(own[index], inclusive);
            }
            let mut names = [Named::default(); 4];
            let span = |&(start, length, depth, name): &(i64, i64, i64, i64)| Span::new((start, start + length), depth, StringId(name));
            add(spans.iter().map(span).collect(), &mut names);
            let figures = |named: &Named| (named.own.count, named.own.total, named.own.min, named.own.max, named.inclusive);
            prop_assert_eq!(names.each_ref().map(figures), expected.each_ref().map(figures));
        }
    }
}
