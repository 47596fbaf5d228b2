//! The pieces that a thread's buffer is made of: mapped when the buffer grows, used again while it does not.
#![expect(unsafe_code, reason = "the two sides share the words of a segment through raw memory")]

use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

/// Room for messages in a segment, in words. A segment is 64 KiB, some 1,000 events: two of them go round in the steady
/// state and stay in the second-level cache.
pub(crate) const WORDS: usize = (64 << 10) / 8 - HEADER_WORDS;
const HEADER_WORDS: usize = 16;

/// Segments of a process beyond the first of each thread: 64 MiB, for when the writer thread gets no processor or the
/// disk keeps it waiting.
const MOST_OF_PROCESS: usize = 1024;
/// The same for one thread: 16 MiB, some 250,000 events.
pub(crate) const MOST_OF_THREAD: usize = 256;

static OF_PROCESS: AtomicUsize = AtomicUsize::new(0);

/// A piece of a buffer. All-zero memory is a valid, empty one.
#[repr(C, align(128))]
pub(crate) struct Segment {
    /// Words published so far; final once `next` is set.
    pub(crate) head: AtomicU64,
    /// What the owner went on to when this one was full.
    pub(crate) next: AtomicPtr<Segment>,
    words: UnsafeCell<[u64; WORDS]>,
}

// SAFETY: words below `head` are read by the consumer only, the rest is written by the owner only; the rest is atomic.
unsafe impl Sync for Segment {}

impl Segment {
    /// The first of the words. Below `head` they belong to the consumer, from there on to the owner.
    pub(crate) fn words(&self) -> *mut u64 {
        self.words.get().cast()
    }
}

/// The segments of one thread that are not in use, and how many it has.
pub(crate) struct Stock {
    /// One empty segment, kept for the owner.
    spare: AtomicPtr<Segment>,
    /// Segments beyond the first.
    count: AtomicUsize,
}

impl Stock {
    /// An empty segment for the owner: the first one of a thread, the spare, or a new one. `None` when there are too many
    /// or there is no memory. Neither locks nor allocates from the heap.
    pub(crate) fn take(&self, first: bool) -> Option<&'static Segment> {
        let spare = self.spare.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: a spare is a segment that the consumer has emptied and let go of.
        if let Some(segment) = unsafe { spare.as_ref() } {
            return Some(segment);
        }
        if first {
            return map();
        }
        if self.count.fetch_add(1, Ordering::Relaxed) < MOST_OF_THREAD {
            if OF_PROCESS.fetch_add(1, Ordering::Relaxed) < MOST_OF_PROCESS
                && let Some(segment) = map()
            {
                return Some(segment);
            }
            OF_PROCESS.fetch_sub(1, Ordering::Relaxed);
        }
        self.count.fetch_sub(1, Ordering::Relaxed);
        None
    }

    /// Takes back a segment that has been read to its end and that the owner has left.
    pub(crate) fn give_back(&self, segment: &'static Segment) {
        segment.head.store(0, Ordering::Relaxed);
        segment.next.store(ptr::null_mut(), Ordering::Relaxed);
        let place = ptr::from_ref(segment).cast_mut();
        let kept = self.spare.compare_exchange(
            ptr::null_mut(),
            place,
            Ordering::Release,
            Ordering::Relaxed,
        );
        if kept.is_err() {
            self.count.fetch_sub(1, Ordering::Relaxed);
            OF_PROCESS.fetch_sub(1, Ordering::Relaxed);
            // SAFETY: nobody else knows it any more: the owner went on to the next one, and the consumer is here.
            unsafe { libc::munmap(place.cast(), size_of::<Segment>()) };
        }
    }
}

/// A new segment.
fn map() -> Option<&'static Segment> {
    // SAFETY: a new private mapping, backed by memory that is handed out as it is touched.
    let pages = unsafe {
        libc::mmap(
            ptr::null_mut(),
            size_of::<Segment>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    // SAFETY: fresh pages are zero, which is a valid segment, large enough and page aligned; it stays until it is given
    // back by the only one who still refers to it.
    (pages != libc::MAP_FAILED).then(|| unsafe { &*pages.cast::<Segment>() })
}

const _: () = assert!(size_of::<Segment>() == 64 << 10);
