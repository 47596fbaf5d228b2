//! Where and by which call CUDA events were last recorded: a table of fixed size that any thread writes and reads without
//! a lock. Two events that fall on one place put each other out, and what is out is not known.

use std::sync::atomic::{AtomicU64, Ordering};

/// How an event was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordedBy {
    /// The correlation id of the call.
    pub(super) correlation: u32,
    /// CUPTI's number for the stream.
    pub(super) stream: u32,
}

/// Places, a power of two: several times the events that programs have at once.
const PLACES: usize = 1 << 13;

/// The events that were recorded last.
pub(super) static RECORDED: RecordedEvents = RecordedEvents::new();

pub(super) struct RecordedEvents([Place; PLACES]);

/// The key is the event's address, exclusive-or the value: of two writers that mix, no reader finds either.
struct Place {
    key: AtomicU64,
    value: AtomicU64,
}

impl RecordedEvents {
    #[expect(
        clippy::large_stack_arrays,
        reason = "it is made where the static is, and never on a stack"
    )]
    const fn new() -> Self {
        Self([const { Place { key: AtomicU64::new(0), value: AtomicU64::new(0) } }; PLACES])
    }

    pub(super) fn put(&self, event: usize, by: RecordedBy) {
        let place = self.place(event);
        let value = u64::from(by.correlation) | u64::from(by.stream) << 32;
        place.key.store(event as u64 ^ value, Ordering::Relaxed);
        place.value.store(value, Ordering::Relaxed);
    }

    /// How an event was recorded last; `None` for the event 0 and where that is not known.
    pub(super) fn get(&self, event: usize) -> Option<RecordedBy> {
        let place = self.place(event);
        let value = place.value.load(Ordering::Relaxed);
        let known = event != 0 && place.key.load(Ordering::Relaxed) == event as u64 ^ value;
        known.then_some(RecordedBy { correlation: value as u32, stream: (value >> 32) as u32 })
    }

    fn place(&self, event: usize) -> &Place {
        // Multiplied, as addresses of equal objects lie in equal distances.
        let mixed = (event as u64 >> 3).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &self.0[(mixed >> 32) as usize % PLACES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(correlation: u32, stream: u32) -> RecordedBy {
        RecordedBy { correlation, stream }
    }

    #[test]
    fn the_last_record_of_an_event_is_known_and_no_other_events() {
        static TABLE: RecordedEvents = RecordedEvents::new();
        let table = &TABLE;
        assert_eq!(table.get(0x7000), None);
        table.put(0x7000, by(5, 13));
        table.put(0x7000, by(9, 14));
        assert_eq!(table.get(0x7000), Some(by(9, 14)));
        assert_eq!(table.get(0), None);
        // Whatever falls on the same place puts it out, and does not answer for it.
        let others = (1..4 * PLACES).map(|index| 0x10_0000 + index * 0x40);
        for other in others.clone() {
            table.put(other, by(other as u32, 1));
            assert_eq!(table.get(other), Some(by(other as u32, 1)));
        }
        let kept = others.filter(|other| table.get(*other) == Some(by(*other as u32, 1))).count();
        assert!(kept > PLACES / 2 && kept <= PLACES, "{kept} of {PLACES} places are used");
    }

    #[test]
    fn threads_that_write_at_once_never_make_up_a_record() {
        static TABLE: RecordedEvents = RecordedEvents::new();
        let table = &TABLE;
        std::thread::scope(|scope| {
            for thread in 0..4_u32 {
                scope.spawn(move || {
                    for round in 0..50_000_u32 {
                        let event = 0x5000_0000 + (round as usize % 7) * 0x40;
                        // What belongs to an event is told by its address.
                        let of = |value: u32| value << 8 | (event as u32 >> 6 & 0xff);
                        table.put(event, by(of(round), of(thread)));
                        if let Some(found) = table.get(event) {
                            assert_eq!(found.correlation & 0xff, event as u32 >> 6 & 0xff);
                            assert_eq!(found.stream & 0xff, event as u32 >> 6 & 0xff);
                        }
                    }
                });
            }
        });
    }
}
