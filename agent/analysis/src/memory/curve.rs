//! The level over time, small enough to be drawn and sent around.

use std::collections::BTreeMap;

use super::alive::Alive;
use super::change::Changes;
use crate::report::MemoryPoint;

/// Into how many pieces of equal length the time is cut; of each the first, least, greatest and last level are kept.
const PIECES: i128 = 64;

/// The points of the curve, each exact, in order of time; the least and greatest of all are among them.
pub(super) fn curve(Changes(changes): &Changes) -> Vec<MemoryPoint> {
    let (Some(first), Some(last)) = (changes.first(), changes.last()) else { return Vec::new() };
    if changes.iter().all(|change| change.bytes.is_none()) {
        return Vec::new();
    }
    let length = (i128::from(last.time) - i128::from(first.time)).max(1);
    let mut alive = Alive::before(changes);
    let mut reserved = BTreeMap::new();
    let (mut points, mut piece) = (Vec::new(), Piece::default());
    let mut number = 0;
    for (index, change) in changes.iter().enumerate() {
        alive.apply(index, change);
        if let Some(bytes) = change.reserved {
            reserved.insert(change.device, bytes);
        }
        let of = (i128::from(change.time) - i128::from(first.time)) * PIECES / length;
        if of != number {
            number = of;
            std::mem::take(&mut piece).end(&mut points);
        }
        piece.add(
            index,
            MemoryPoint {
                time_ns: change.time,
                allocated_bytes: alive.level,
                reserved_bytes: (!reserved.is_empty())
                    .then(|| reserved.values().copied().fold(0, i64::saturating_add)),
            },
        );
    }
    piece.end(&mut points);
    points
}

/// What is kept of a piece: points with their numbers.
#[derive(Default)]
struct Piece(Option<[(usize, MemoryPoint); 4]>);

impl Piece {
    fn add(&mut self, index: usize, point: MemoryPoint) {
        let this = (index, point);
        let Some([_, low, high, last]) = &mut self.0 else {
            self.0 = Some([this; 4]);
            return;
        };
        if point.allocated_bytes < low.1.allocated_bytes {
            *low = this;
        }
        if point.allocated_bytes > high.1.allocated_bytes {
            *high = this;
        }
        *last = this;
    }

    fn end(self, points: &mut Vec<MemoryPoint>) {
        if let Some(mut kept) = self.0 {
            kept.sort_unstable_by_key(|(index, _)| *index);
            for (at, (index, point)) in kept.iter().enumerate() {
                if at == 0 || kept[at - 1].0 != *index {
                    points.push(*point);
                }
            }
        }
    }
}
