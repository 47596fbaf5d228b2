//! Which event is under the pointer.

use super::lane::Lane;

/// The event of `lane` at `time`; else the nearest one that is not further away than `slack` ns.
#[must_use]
pub fn event_at(lane: &Lane, time: i64, slack: i64) -> Option<usize> {
    let found = lane.touching(time.saturating_sub(slack), time.saturating_add(slack));
    // The nearest is the last that starts before the pointer or the first behind it.
    let after = lane.first_after(time);
    let distance = |index: usize| {
        let (start, end) = (lane.start(index), lane.end(index));
        (start - time).max(time - end).max(0)
    };
    [after.checked_sub(1), Some(after)]
        .into_iter()
        .flatten()
        .filter(|index| found.contains(index))
        .min_by_key(|&index| distance(index))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::event_at;
    use crate::model::lane::{Event, Lane};
    use crate::model::names::NameId;
    use crate::model::tint::Tint;

    fn lane(times: &[(i64, i64)]) -> Lane {
        let events: Vec<Event> = times
            .iter()
            .map(|&(start, end)| Event::new(start, end, NameId(0), Tint::default(), 0))
            .collect();
        Lane::split(events).lanes.remove(0)
    }

    #[test]
    fn the_pointer_may_miss_by_the_slack() {
        let lane = lane(&[(100, 200), (210, 220)]);
        assert_eq!(event_at(&lane, 150, 0), Some(0));
        assert_eq!(event_at(&lane, 204, 0), None);
        assert_eq!(event_at(&lane, 204, 5), Some(0));
        assert_eq!(event_at(&lane, 206, 5), Some(1));
        assert_eq!(event_at(&lane, 99, 0), None);
    }

    proptest! {
        #[test]
        fn agrees_with_looking_at_each(
            steps in prop::collection::vec((1_i64..50, 0_i64..50), 1..60), time in 0_i64..3000, slack in 0_i64..40
        ) {
            let mut now = 0;
            let mut times = Vec::new();
            for (gap, length) in steps {
                times.push((now + gap, now + gap + length));
                now += gap + length;
            }
            let lane = lane(&times);
            let distance = |&(start, end): &(i64, i64)| (start - time).max(time - end).max(0);
            let nearest = times.iter().map(distance).min().filter(|&least| least <= slack);
            let found = event_at(&lane, time, slack).map(|index| distance(&times[index]));
            prop_assert_eq!(found, nearest);
        }
    }
}
