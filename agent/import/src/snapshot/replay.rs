//! The events of a device once more, from their start to the state at the end of them.

use std::collections::HashMap;

use super::document::{Action, Block, Change, DeviceTrace};
use crate::texts::Text;
use crate::warning::{Problem, Problems};

/// A memory event or reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) time: i64,
    /// `None` for a reading.
    pub(super) bytes: Option<i64>,
    pub(super) address: i64,
    /// The level after it.
    pub(super) allocated: i64,
    pub(super) reserved: i64,
    pub(super) site: Text,
    pub(super) kind: Text,
}

/// What became of a device's events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Replay {
    /// First the blocks that were there before the first event, then the events.
    pub(super) rows: Vec<Row>,
    /// How many of the rows are of no event.
    pub(super) earlier: usize,
}

/// What is known of an address.
enum Known {
    /// Allocated, with these bytes, by the event at this offset.
    Alive(i64, u64),
    /// Freed again.
    Free,
}

/// Replays the events of a device. `at` is the time of blocks of which no event tells; `has_end` says that the blocks of
/// the trace are those that must be there at the end.
pub(super) fn replay(
    trace: &DeviceTrace,
    at: i64,
    has_end: bool,
    problems: &mut Problems,
) -> Replay {
    let start = trace.changes.first().map_or(at, |first| first.time);
    let earlier = earlier(trace, has_end, problems);
    let mut rows = Rows {
        done: Vec::with_capacity(earlier.len() + trace.changes.len()),
        allocated: 0,
        reserved: reserved_at_start(trace, has_end, problems),
    };
    for block in &earlier {
        rows.change(start, block.size, block.address, (block.site, Text::default()));
    }
    let mut alive: HashMap<i64, i64> =
        earlier.iter().map(|block| (block.address, block.size)).collect();
    for change in &trace.changes {
        let Change { action, address, size, time, site, kind, .. } = *change;
        match action {
            Action::Allocate => {
                // The allocator cannot give an address out twice, so the block that was there is gone.
                if let Some(gone) = alive.insert(address, size) {
                    rows.change(time, -gone, address, Default::default());
                }
                rows.change(time, size, address, (site, kind));
            }
            // One that frees nothing was told by `earlier`.
            Action::Free => {
                if let Some(gone) = alive.remove(&address) {
                    rows.change(time, -gone, address, (site, kind));
                }
            }
            Action::Reserve => rows.reading(time, size, address, site),
            Action::Release => rows.reading(time, -size, address, site),
        }
    }
    if rows.done.is_empty() && rows.reserved > 0 {
        rows.reading(start, 0, 0, Text::default());
        return Replay { earlier: 1, rows: rows.done };
    }
    Replay { earlier: earlier.len(), rows: rows.done }
}

/// The blocks that were there before the first event: those that are freed without having been allocated, and those
/// that are there at the end without. Tells on the way what cannot be.
fn earlier(trace: &DeviceTrace, has_end: bool, problems: &mut Problems) -> Vec<Block> {
    let mut known: HashMap<i64, Known> = HashMap::new();
    let mut earlier = Vec::new();
    for change in &trace.changes {
        let Change { action, address, size, offset, .. } = *change;
        let mut contradicts = |what: &str| {
            let detail = || format!("{what} the address {address:#x}");
            problems.add(Problem::Contradicts, offset, detail);
        };
        match action {
            Action::Allocate => {
                if let Some(Known::Alive(..)) = known.insert(address, Known::Alive(size, offset)) {
                    contradicts("it allocates, without a free in between,");
                }
            }
            Action::Free => match known.insert(address, Known::Free) {
                Some(Known::Alive(allocated, _)) if allocated != size => {
                    contradicts("it frees other bytes than were allocated at");
                }
                Some(Known::Alive(..)) => {}
                Some(Known::Free) => contradicts("it frees a second time"),
                None => earlier.push(Block { address, size, site: Text::default(), offset }),
            },
            Action::Reserve | Action::Release => {}
        }
    }
    if has_end {
        for block in &trace.blocks {
            let mut contradicts = |what: &str| {
                let detail = || format!("a block at {:#x} {what}", block.address);
                problems.add(Problem::Contradicts, block.offset, detail);
            };
            match known.remove(&block.address) {
                None => earlier.push(*block),
                Some(Known::Alive(size, _)) if size == block.size => {}
                Some(Known::Alive(..)) => contradicts("is of another size than the trace says"),
                Some(Known::Free) => contradicts("is in use, and free by the trace"),
            }
        }
        let mut lost: Vec<(u64, i64)> = known
            .into_iter()
            .filter_map(|(address, known)| match known {
                Known::Alive(_, offset) => Some((offset, address)),
                Known::Free => None,
            })
            .collect();
        lost.sort_unstable();
        for (offset, address) in lost {
            problems.add(Problem::Contradicts, offset, || {
                format!("a block at {address:#x} is in use by the trace, and not listed")
            });
        }
    }
    earlier.sort_unstable_by_key(|block| block.address);
    earlier
}

/// What was reserved before the first event, so that the end is what the segments say.
fn reserved_at_start(trace: &DeviceTrace, has_end: bool, problems: &mut Problems) -> i64 {
    let (mut level, mut least) = (0_i64, 0_i64);
    for change in &trace.changes {
        level = level.saturating_add(match change.action {
            Action::Reserve => change.size,
            Action::Release => -change.size,
            Action::Allocate | Action::Free => 0,
        });
        least = least.min(level);
    }
    let start = if has_end { trace.reserved.saturating_sub(level) } else { 0 };
    // What is released must have been there.
    if start.saturating_add(least) >= 0 {
        return start;
    }
    if has_end {
        let offset = trace.changes.first().map_or(0, |first| first.offset);
        problems.add(Problem::Contradicts, offset, || {
            format!(
                "the segments that are listed hold {} bytes less than the trace needs",
                least.saturating_add(start).saturating_neg()
            )
        });
    }
    least.saturating_neg()
}

struct Rows {
    done: Vec<Row>,
    allocated: i64,
    reserved: i64,
}

impl Rows {
    fn change(&mut self, time: i64, bytes: i64, address: i64, (site, kind): (Text, Text)) {
        self.allocated = self.allocated.saturating_add(bytes);
        self.push(Row { bytes: Some(bytes), site, kind, ..Row::at(time, address) });
    }

    fn reading(&mut self, time: i64, bytes: i64, address: i64, site: Text) {
        self.reserved = self.reserved.saturating_add(bytes);
        self.push(Row { site, ..Row::at(time, address) });
    }

    fn push(&mut self, row: Row) {
        self.done.push(Row { allocated: self.allocated, reserved: self.reserved, ..row });
    }
}

impl Row {
    fn at(time: i64, address: i64) -> Self {
        Self {
            time,
            bytes: None,
            address,
            allocated: 0,
            reserved: 0,
            site: Text::default(),
            kind: Text::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::reserved_at_start;
    use crate::snapshot::document::{Action, Change, DeviceTrace};
    use crate::texts::Text;
    use crate::warning::Problems;

    /// Sizes that each could be are more together than a number holds.
    #[test]
    fn releases_of_more_than_a_number_holds() {
        let release = Change {
            action: Action::Release,
            address: 0,
            size: 1 << 48,
            time: 0,
            site: Text::default(),
            kind: Text::default(),
            offset: 0,
        };
        let trace = DeviceTrace {
            changes: vec![release; (1 << 15) + 1],
            reserved: 0,
            ..DeviceTrace::default()
        };
        let mut problems = Problems::default();
        for has_end in [false, true] {
            assert!(reserved_at_start(&trace, has_end, &mut problems) >= i64::MAX - 1);
        }
    }
}
