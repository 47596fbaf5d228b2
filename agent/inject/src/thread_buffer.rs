//! The buffer between one thread of the target and the writer thread: single producer, single consumer, no locks. It is a
//! chain of segments that grows while the writer thread does not keep up.
#![expect(unsafe_code, reason = "the two sides share the words of the buffer through raw memory")]

use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, compiler_fence};

use crate::capture::Part;
use crate::message::{self, Event};
use crate::segment::{MOST_OF_THREAD, Segment, Stock, WORDS};
use crate::writer;

/// NVTX domains whose nesting is counted; in others push and pop answer "not tracked".
const TRACKED_DOMAINS: usize = 64;
/// Levels below this one may begin a capture.
pub(crate) const MOST_CAPTURES: i32 = 64;
/// What NVTX calls return when nesting is not tracked.
const NOT_TRACKED: i32 = -2;

/// Who a buffer belongs to.
pub(crate) mod life {
    /// Nobody; the next new thread takes it.
    pub(crate) const FREE: u32 = 0;
    /// A running thread.
    pub(crate) const LIVE: u32 = 1;
    /// A thread that ended; the writer thread frees it once it is drained.
    pub(crate) const ABANDONED: u32 = 2;
}

/// One thread's buffer. All-zero memory is a valid, free, empty one: it is allocated by mapping pages.
#[repr(C)]
pub(crate) struct ThreadBuffer {
    /// Of [`life`].
    pub(crate) life: AtomicU32,
    /// The thread that owns it.
    pub(crate) tid: AtomicU32,
    /// Grows with each owner, so that the consumer notices a new one.
    pub(crate) incarnation: AtomicU32,
    /// The next buffer of the registry; set once, before the buffer is published.
    pub(crate) next: AtomicPtr<ThreadBuffer>,
    /// Whether the owner is inside; a signal handler that interrupts it must stay out.
    busy: AtomicBool,
    dropped: AtomicU64,
    /// The segment that the first owner began with.
    first: AtomicPtr<Segment>,
    stock: Stock,
    producer: UnsafeCell<Producer>,
    consumer: UnsafeCell<Consumer>,
}

// SAFETY: `producer` is touched by the owning thread only (and by the consumer while there is none), `consumer` by the
// writer thread only; everything else is atomic.
unsafe impl Sync for ThreadBuffer {}

struct Producer {
    /// Where messages go; null before the first.
    segment: *const Segment,
    /// Words written in it.
    head: usize,
    /// Recorded pushes without their pop; room for the pops is kept free.
    open: usize,
    nesting: [Nesting; TRACKED_DOMAINS],
}

/// Aligned, to keep the two sides' positions off each other's cache line.
#[repr(align(128))]
struct Consumer {
    /// What is being read; null before the first message.
    segment: *const Segment,
    /// Words read of it.
    tail: usize,
}

#[derive(Clone, Copy)]
struct Nesting {
    depth: u32,
    /// 1 + the depth of the outermost push that found no room, 0 for none. Everything inside it is dropped together
    /// with its pop, so that what is recorded still nests.
    muted: u32,
    /// A bit for each level whose push was not to be recorded, and one for each that began a capture.
    outside: u64,
    captures: u64,
}

impl Nesting {
    const NONE: Self = Self { depth: 0, muted: 0, outside: 0, captures: 0 };

    /// The bit of a level; none of levels too deep to have one.
    fn bit(level: u32) -> u64 {
        1_u64.checked_shl(level).unwrap_or(0)
    }

    /// Takes a level's bit out of `bits`. Whether it was there.
    fn take(bits: &mut u64, level: u32) -> bool {
        let bit = Self::bit(level);
        let was = *bits & bit != 0;
        *bits &= !bit;
        was
    }
}

/// How a range was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Popped {
    /// Its level, or why there is none.
    pub(crate) level: i32,
    /// Whether a capture ends with it.
    pub(crate) ends_capture: bool,
}

impl ThreadBuffer {
    /// Opens a range; its level, counted from 0. One that begins a capture must be on a level below [`MOST_CAPTURES`] for
    /// its end to be known. Only the owning thread may call it.
    #[inline]
    pub(crate) fn push(&self, event: &Event<'_>, part: Part) -> i32 {
        self.as_owner(NOT_TRACKED, |producer| {
            let domain = event.domain as usize;
            let muted = producer.nesting.get(domain).is_some_and(|nesting| nesting.muted != 0);
            let keep = 2 * (producer.open + 1);
            // Where nesting is not known, a pop could not be told from that of a range which was not to be recorded.
            let wanted = part != Part::Outside || domain >= TRACKED_DOMAINS;
            let written = wanted && !muted && self.write(producer, event, keep);
            producer.open += usize::from(written);
            if wanted && !written {
                self.count_dropped();
            }
            let Some(nesting) = producer.nesting.get_mut(domain) else { return NOT_TRACKED };
            let level = nesting.depth;
            nesting.depth += 1;
            let bit = Nesting::bit(level);
            if part == Part::Capture {
                nesting.captures |= bit;
            }
            if !wanted && bit != 0 {
                nesting.outside |= bit;
            } else if !written && !muted {
                nesting.muted = level + 1;
            }
            level as i32
        })
    }

    /// Closes the innermost range; its level. Only the owning thread may call it.
    #[inline]
    pub(crate) fn pop(&self, event: &Event<'_>) -> Popped {
        let nothing = |level| Popped { level, ends_capture: false };
        self.as_owner(nothing(NOT_TRACKED), |producer| {
            let mut popped = nothing(NOT_TRACKED);
            if let Some(nesting) = producer.nesting.get_mut(event.domain as usize) {
                if nesting.depth == 0 {
                    return nothing(-1);
                }
                nesting.depth -= 1;
                popped.level = nesting.depth as i32;
                popped.ends_capture = Nesting::take(&mut nesting.captures, nesting.depth);
                if Nesting::take(&mut nesting.outside, nesting.depth) {
                    return popped;
                }
                if nesting.muted != 0 {
                    if nesting.muted == nesting.depth + 1 {
                        nesting.muted = 0;
                    }
                    return popped;
                }
            }
            producer.open = producer.open.saturating_sub(1);
            let keep = 2 * producer.open;
            if !self.write(producer, event, keep) {
                self.count_dropped();
            }
            popped
        })
    }

    /// Records an event that does not nest. Only the owning thread may call it.
    #[inline]
    pub(crate) fn record(&self, event: &Event<'_>) {
        self.as_owner((), |producer| {
            let keep = 2 * producer.open;
            if !self.write(producer, event, keep) {
                self.count_dropped();
            }
        });
    }

    /// Hands the messages published so far to `each`, until it answers `false` to one, which is kept for the next
    /// time. Only the writer thread may call it. `false` when a message made no sense and its segment was given up.
    pub(crate) fn drain(&self, each: &mut dyn FnMut(&[u64]) -> bool) -> bool {
        let mut sound = true;
        // Far enough for all that is there now; a thread that never rests must not keep the others waiting for ever.
        for _ in 0..=MOST_OF_THREAD {
            // SAFETY: only the writer thread comes here.
            let consumer = unsafe { &mut *self.consumer.get() };
            let Some(segment) = self.being_read(consumer) else { break };
            // Looked at before the head: once there is a next one, the head is final.
            let next = segment.next.load(Ordering::Acquire);
            let head = segment.head.load(Ordering::Acquire) as usize;
            while consumer.tail < head {
                let most = head - consumer.tail;
                // SAFETY: the words up to head were published by the owner, which does not touch them again before
                // the segment is given back below.
                let words =
                    unsafe { std::slice::from_raw_parts(segment.words().add(consumer.tail), most) };
                let length = message::words(words[0]);
                if length > most {
                    sound = false;
                    consumer.tail = head;
                    break;
                }
                if !each(&words[..length]) {
                    return sound;
                }
                consumer.tail += length;
            }
            if next.is_null() {
                break;
            }
            consumer.segment = next;
            consumer.tail = 0;
            self.stock.give_back(segment);
        }
        sound
    }

    /// Whether everything published has been drained. Only the writer thread may call it.
    pub(crate) fn is_drained(&self) -> bool {
        // SAFETY: only the writer thread comes here.
        let consumer = unsafe { &mut *self.consumer.get() };
        self.being_read(consumer).is_none_or(|segment| {
            segment.next.load(Ordering::Acquire).is_null()
                && segment.head.load(Ordering::Acquire) as usize == consumer.tail
        })
    }

    fn being_read(&self, consumer: &mut Consumer) -> Option<&'static Segment> {
        if consumer.segment.is_null() {
            consumer.segment = self.first.load(Ordering::Acquire);
        }
        // SAFETY: the segment that is being read is given back by this side only, when it goes on to the next.
        unsafe { consumer.segment.as_ref() }
    }

    /// Events dropped for want of room, since the buffer was made.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Forgets the last owner's nesting. Only the writer thread may call it, on an abandoned buffer.
    pub(crate) fn reset(&self) {
        // SAFETY: the owner is gone (its thread's end abandoned the buffer) and nobody can claim it before it is FREE.
        let producer = unsafe { &mut *self.producer.get() };
        producer.open = 0;
        producer.nesting = [Nesting::NONE; TRACKED_DOMAINS];
        self.busy.store(false, Ordering::Relaxed);
    }

    #[inline]
    fn as_owner<T>(&self, otherwise: T, inside: impl FnOnce(&mut Producer) -> T) -> T {
        if self.busy.load(Ordering::Relaxed) {
            self.count_dropped();
            return otherwise;
        }
        self.busy.store(true, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        // SAFETY: only the owning thread comes here, and `busy` keeps it from coming here twice.
        let answer = inside(unsafe { &mut *self.producer.get() });
        compiler_fence(Ordering::SeqCst);
        self.busy.store(false, Ordering::Relaxed);
        answer
    }

    /// Writes a message if `keep` words stay free after it.
    #[inline]
    fn write(&self, producer: &mut Producer, event: &Event<'_>, keep: usize) -> bool {
        let header = event.header();
        let length = message::words(header);
        // SAFETY: the segment that is being written stays mapped until this side has gone on to the next.
        let segment = unsafe { producer.segment.as_ref() };
        let segment = match segment {
            Some(segment) if WORDS - producer.head >= length + keep => segment,
            _ => match self.next_segment(producer, length + keep) {
                Some(segment) => segment,
                None => return false,
            },
        };
        // SAFETY: these words are within the segment (checked above, or it is an empty one and they fit in that), and the
        // consumer does not read them before the head is stored below.
        let out =
            unsafe { std::slice::from_raw_parts_mut(segment.words().add(producer.head), length) };
        event.write(header, out);
        producer.head += length;
        segment.head.store(producer.head as u64, Ordering::Release);
        true
    }

    /// Goes on to an empty segment, if `words` fit into one and there is one to be had.
    #[cold]
    fn next_segment(&self, producer: &mut Producer, words: usize) -> Option<&'static Segment> {
        if words > WORDS {
            return None;
        }
        let segment = self.stock.take(producer.segment.is_null())?;
        let place = ptr::from_ref(segment).cast_mut();
        // SAFETY: as in `write`.
        match unsafe { producer.segment.as_ref() } {
            Some(full) => full.next.store(place, Ordering::Release),
            None => self.first.store(place, Ordering::Release),
        }
        producer.segment = place;
        producer.head = 0;
        // Do not wait for the writer thread's next round.
        writer::wake();
        Some(segment)
    }

    fn count_dropped(&self) {
        // Only the owner writes it, so a load and a store are enough.
        self.dropped.store(self.dropped.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Kind, Text};

    fn buffer() -> Box<ThreadBuffer> {
        // SAFETY: all-zero memory is a valid buffer, as the type promises.
        unsafe { Box::<ThreadBuffer>::new_zeroed().assume_init() }
    }

    fn kinds(buffer: &ThreadBuffer) -> Vec<Kind> {
        let mut text = Vec::new();
        let mut kinds = Vec::new();
        assert!(buffer.drain(&mut |words| {
            kinds.extend(message::read(words, &mut text).map(|event| event.kind));
            true
        }));
        assert!(buffer.is_drained(), "one drain takes all that is there");
        kinds
    }

    #[test]
    fn a_buffer_grows_while_nobody_reads_and_then_drops_whole_ranges() {
        let buffer = buffer();
        let push = Event { text: Text::Bytes(&[b'x'; 900], false), ..Event::bare(Kind::Push, 0) };
        for _ in 0..20_000 {
            assert_eq!(buffer.push(&push, Part::Recorded), 0);
            assert_eq!(buffer.pop(&Event::bare(Kind::Pop, 0)).level, 0);
        }
        assert!(buffer.dropped() > 0, "16 MiB hold some 17,000 such ranges");
        let kept = kinds(&buffer);
        let pushes = kept.iter().filter(|kind| **kind == Kind::Push).count();
        assert!(pushes > 16_000, "{pushes}");
        assert_eq!(kept.len(), 2 * pushes);
        assert_eq!(pushes as u64 + buffer.dropped(), 20_000);
        // Once there is room again, recording goes on, and the memory was given back.
        let dropped = buffer.dropped();
        for _ in 0..20_000 {
            buffer.push(&push, Part::Recorded);
            buffer.pop(&Event::bare(Kind::Pop, 0));
            assert_eq!(kinds(&buffer), [Kind::Push, Kind::Pop]);
        }
        assert_eq!(buffer.dropped(), dropped);
    }

    #[test]
    fn ranges_nested_too_deep_are_dropped_whole_and_keep_the_nesting() {
        let buffer = buffer();
        let push = Event { text: Text::Bytes(&[b'x'; 900], false), ..Event::bare(Kind::Push, 0) };
        for level in 0..6000 {
            assert_eq!(buffer.push(&push, Part::Recorded), level);
        }
        for level in (0..6000).rev() {
            assert_eq!(buffer.pop(&Event::bare(Kind::Pop, 0)).level, level);
        }
        assert_eq!(buffer.pop(&Event::bare(Kind::Pop, 0)).level, -1);
        let kinds = kinds(&buffer);
        let pushes = kinds.iter().filter(|kind| **kind == Kind::Push).count();
        assert_eq!(kinds.len(), 2 * pushes, "every recorded push has its pop");
        assert_eq!(pushes as u64 + buffer.dropped(), 6000);
        assert!(pushes > 3000 && buffer.dropped() > 0);
        // Once there is room again, recording goes on.
        assert_eq!(buffer.push(&push, Part::Recorded), 0);
        assert_eq!(buffer.dropped() as usize, 6000 - pushes);
    }

    #[test]
    fn messages_of_all_lengths_survive_the_change_of_segments() {
        let buffer = buffer();
        let bytes = [b'y'; message::MAX_TEXT];
        let mut read = Vec::new();
        for round in 0..5000_usize {
            let text = &bytes[..round * 7 % bytes.len()];
            buffer.record(&Event { text: Text::Bytes(text, false), ..Event::bare(Kind::Mark, 70) });
            assert_eq!(buffer.push(&Event::bare(Kind::Push, 70), Part::Recorded), NOT_TRACKED);
            buffer.pop(&Event::bare(Kind::Pop, 70));
            let mut seen = Vec::new();
            buffer.drain(&mut |words| {
                if let Some(event) = message::read(words, &mut read) {
                    seen.push((event.kind, read.len()));
                }
                true
            });
            assert_eq!(seen, [(Kind::Mark, text.len()), (Kind::Push, 0), (Kind::Pop, 0)]);
        }
        assert_eq!(buffer.dropped(), 0);
    }

    #[test]
    fn what_was_begun_outside_a_capture_ends_unrecorded_and_the_capture_is_told_of() {
        let buffer = buffer();
        let push = Event::bare(Kind::Push, 0);
        for (level, part) in
            [Part::Outside, Part::Capture, Part::Recorded, Part::Outside].into_iter().enumerate()
        {
            assert_eq!(buffer.push(&push, part), level as i32);
        }
        let pop = || buffer.pop(&Event::bare(Kind::Pop, 0));
        assert_eq!(pop(), Popped { level: 3, ends_capture: false });
        assert_eq!(pop(), Popped { level: 2, ends_capture: false });
        assert_eq!(pop(), Popped { level: 1, ends_capture: true });
        assert_eq!(pop(), Popped { level: 0, ends_capture: false });
        assert_eq!(kinds(&buffer), [Kind::Push, Kind::Push, Kind::Pop, Kind::Pop]);
        assert_eq!(buffer.dropped(), 0, "nothing is lost");
        // Too deep for a bit of its own: what is inside goes with it.
        for level in 0..70 {
            assert_eq!(buffer.push(&push, Part::Outside), level);
        }
        assert_eq!(buffer.push(&push, Part::Recorded), 70);
        for level in (0..=70).rev() {
            assert_eq!(pop(), Popped { level, ends_capture: false });
        }
        assert_eq!(kinds(&buffer), []);
        assert_eq!(buffer.push(&push, Part::Recorded), 0);
        assert_eq!(pop().level, 0);
        assert_eq!(kinds(&buffer), [Kind::Push, Kind::Pop]);
    }

    #[test]
    fn what_is_not_taken_stays() {
        let buffer = buffer();
        for domain in 0..5 {
            buffer.record(&Event::bare(Kind::Mark, domain));
        }
        let mut text = Vec::new();
        let mut domains = Vec::new();
        for most in [2, 0, 9] {
            let mut taken = 0;
            buffer.drain(&mut |words| {
                if taken < most {
                    taken += 1;
                    domains.extend(message::read(words, &mut text).map(|event| event.domain));
                    return true;
                }
                false
            });
        }
        assert_eq!(domains, [0, 1, 2, 3, 4]);
        assert!(buffer.is_drained());
    }

    #[test]
    fn a_wild_store_of_the_target_is_survived() {
        let buffer = buffer();
        buffer.record(&Event::bare(Kind::Mark, 0));
        // SAFETY: no other thread uses this buffer, and it has its first segment.
        unsafe { *(*buffer.first.load(Ordering::Relaxed)).words() = u64::MAX };
        assert!(!buffer.drain(&mut |_| panic!("not a message")));
        assert!(buffer.is_drained());
    }
}
