//! The buffer between one thread of the target and the writer thread: single producer, single consumer, no locks.
#![expect(unsafe_code, reason = "the two sides share the words of the buffer through raw memory")]

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, compiler_fence};

use crate::message::{self, Event, Kind};
use crate::writer;

/// Capacity in words: 1 MiB, some 20,000 events. On a machine with more busy threads than processors the writer thread may
/// have to wait for tens of milliseconds: a quarter of this was seen to overflow then. Pages that are never filled are
/// never touched. Even, like every message's length, so a message of two words never straddles the end.
const WORDS: usize = 128 << 10;
/// Filled beyond this, the writer thread is woken instead of waiting for its next round.
const WAKE_WORDS: u64 = WORDS as u64 / 8;
/// NVTX domains whose nesting is counted; in others push and pop answer "not tracked".
const TRACKED_DOMAINS: usize = 64;
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

/// Keeps the two sides' positions off each other's cache line.
#[repr(C, align(128))]
struct Apart<T>(T);

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
    producer: UnsafeCell<Producer>,
    head: Apart<AtomicU64>,
    dropped: AtomicU64,
    tail: Apart<AtomicU64>,
    words: UnsafeCell<[u64; WORDS]>,
}

// SAFETY: `producer` is touched by the owning thread only (and by the consumer while there is none), `words` between
// tail and head by the consumer only and the rest by the owner only; everything else is atomic.
unsafe impl Sync for ThreadBuffer {}

struct Producer {
    head: u64,
    /// The consumer's position when it was last looked at.
    tail: u64,
    /// The head when the writer thread was last woken.
    woken: u64,
    /// Recorded pushes without their pop; room for the pops is kept free.
    open: u64,
    nesting: [Nesting; TRACKED_DOMAINS],
}

#[derive(Clone, Copy)]
struct Nesting {
    depth: u32,
    /// 1 + the depth of the outermost push that found no room, 0 for none. Everything inside it is dropped together
    /// with its pop, so that what is recorded still nests.
    muted: u32,
}

impl ThreadBuffer {
    /// Opens a range; its level, counted from 0. Only the owning thread may call it.
    #[inline]
    pub(crate) fn push(&self, event: &Event<'_>) -> i32 {
        self.as_owner(NOT_TRACKED, |producer| {
            let domain = event.domain as usize;
            let muted = producer.nesting.get(domain).is_some_and(|nesting| nesting.muted != 0);
            let keep = 2 * (producer.open + 1);
            let written = !muted && self.write(producer, event, keep);
            producer.open += u64::from(written);
            if !written {
                self.count_dropped();
            }
            let Some(nesting) = producer.nesting.get_mut(domain) else { return NOT_TRACKED };
            let level = nesting.depth;
            nesting.depth += 1;
            if !written && !muted {
                nesting.muted = level + 1;
            }
            level as i32
        })
    }

    /// Closes the innermost range; its level. Only the owning thread may call it.
    #[inline]
    pub(crate) fn pop(&self, event: &Event<'_>) -> i32 {
        self.as_owner(NOT_TRACKED, |producer| {
            let mut level = NOT_TRACKED;
            if let Some(nesting) = producer.nesting.get_mut(event.domain as usize) {
                if nesting.depth == 0 {
                    return -1;
                }
                nesting.depth -= 1;
                level = nesting.depth as i32;
                if nesting.muted != 0 {
                    if nesting.muted == nesting.depth + 1 {
                        nesting.muted = 0;
                    }
                    return level;
                }
            }
            producer.open = producer.open.saturating_sub(1);
            let keep = 2 * producer.open;
            if !self.write(producer, event, keep) {
                self.count_dropped();
            }
            level
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
    /// time. Only the writer thread may call it. `false` when a message made no sense and the rest was given up.
    pub(crate) fn drain(&self, each: &mut dyn FnMut(&[u64]) -> bool) -> bool {
        let head = self.head.0.load(Ordering::Acquire);
        let mut tail = self.tail.0.load(Ordering::Relaxed);
        let mut sound = true;
        while tail < head {
            let place = tail as usize % WORDS;
            let most = (WORDS - place).min((head - tail) as usize);
            // SAFETY: words from tail to head were published by the owner and are not touched by it until the tail
            // passes them; `place + most` is within the buffer.
            let words = unsafe {
                std::slice::from_raw_parts(self.words.get().cast::<u64>().add(place), most)
            };
            let length = if words[0] as u8 == Kind::Skip as u8 {
                WORDS - place
            } else {
                message::words(words[0])
            };
            if length > most {
                sound = false;
                tail = head;
                break;
            }
            if !each(&words[..length]) {
                break;
            }
            tail += length as u64;
            if tail % 1024 < length as u64 {
                // Now and then, so that a fast owner does not wait for the whole round.
                self.tail.0.store(tail, Ordering::Release);
            }
        }
        self.tail.0.store(tail, Ordering::Release);
        sound
    }

    /// Whether everything published has been drained.
    pub(crate) fn is_drained(&self) -> bool {
        self.head.0.load(Ordering::Acquire) == self.tail.0.load(Ordering::Relaxed)
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
        producer.nesting = [Nesting { depth: 0, muted: 0 }; TRACKED_DOMAINS];
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
    fn write(&self, producer: &mut Producer, event: &Event<'_>, keep: u64) -> bool {
        let header = event.header();
        let length = message::words(header);
        let mut place = producer.head as usize % WORDS;
        let until_end = WORDS - place;
        let skipped = if length > until_end { until_end } else { 0 };
        let total = (length + skipped) as u64;
        if producer.head - producer.tail + total + keep > WORDS as u64 {
            producer.tail = self.tail.0.load(Ordering::Acquire);
            if producer.head - producer.tail + total + keep > WORDS as u64 {
                return false;
            }
        }
        // SAFETY: the words from head on, `total` of them, are free (checked above), so the consumer does not read
        // them before the head is stored below; both places are within the buffer.
        let out = unsafe {
            let words = self.words.get().cast::<u64>();
            if skipped > 0 {
                words.add(place).write(Kind::Skip as u64);
                place = 0;
            }
            std::slice::from_raw_parts_mut(words.add(place), length)
        };
        event.write(header, out);
        producer.head += total;
        self.head.0.store(producer.head, Ordering::Release);
        if producer.head - producer.tail > WAKE_WORDS {
            self.wake_writer(producer);
        }
        true
    }

    /// The buffer fills, as far as the owner knows: look again, and do not wait for the writer's next round.
    #[cold]
    fn wake_writer(&self, producer: &mut Producer) {
        producer.tail = self.tail.0.load(Ordering::Acquire);
        let filled = producer.head - producer.tail > WAKE_WORDS;
        if filled && producer.head - producer.woken > WAKE_WORDS {
            producer.woken = producer.head;
            writer::wake();
        }
    }

    fn count_dropped(&self) {
        // Only the owner writes it, so a load and a store are enough.
        self.dropped.store(self.dropped.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Text;

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
        assert!(buffer.is_drained());
        kinds
    }

    #[test]
    fn a_full_buffer_drops_whole_ranges_and_keeps_the_nesting() {
        let buffer = buffer();
        let push = Event { text: Text::Bytes(&[b'x'; 900], false), ..Event::bare(Kind::Push, 0) };
        for level in 0..2000 {
            assert_eq!(buffer.push(&push), level);
        }
        for level in (0..2000).rev() {
            assert_eq!(buffer.pop(&Event::bare(Kind::Pop, 0)), level);
        }
        assert_eq!(buffer.pop(&Event::bare(Kind::Pop, 0)), -1);
        let kinds = kinds(&buffer);
        let pushes = kinds.iter().filter(|kind| **kind == Kind::Push).count();
        assert_eq!(kinds.len(), 2 * pushes, "every recorded push has its pop");
        assert_eq!(pushes as u64 + buffer.dropped(), 2000);
        assert!(buffer.dropped() > 0);
        // Once there is room again, recording goes on.
        assert_eq!(buffer.push(&push), 0);
        assert_eq!(buffer.dropped() as usize, 2000 - pushes);
    }

    #[test]
    fn messages_of_all_lengths_survive_the_wrap() {
        let buffer = buffer();
        let bytes = [b'y'; message::MAX_TEXT];
        let mut read = Vec::new();
        for round in 0..5000_usize {
            let text = &bytes[..round * 7 % bytes.len()];
            buffer.record(&Event { text: Text::Bytes(text, false), ..Event::bare(Kind::Mark, 70) });
            assert_eq!(buffer.push(&Event::bare(Kind::Push, 70)), NOT_TRACKED);
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
        // SAFETY: no other thread uses this buffer.
        unsafe { (*buffer.words.get())[0] = u64::MAX };
        assert!(!buffer.drain(&mut |_| panic!("not a message")));
        assert!(buffer.is_drained());
    }
}
