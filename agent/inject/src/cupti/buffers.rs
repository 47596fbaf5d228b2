//! The buffers that CUPTI fills: handed out and taken back on any thread, without a lock.
#![expect(unsafe_code, reason = "buffers are mapped pages that CUPTI writes through raw pointers")]

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam::queue::ArrayQueue;
use perfagent_spool::LossCause;

use super::sys::SUCCESS;
use super::{session, theft};
use crate::door::door;
use crate::{losses, writer};

/// The size of a buffer, in bytes: about 5,000 kernels.
const BUFFER_BYTES: usize = 1 << 20;
/// Buffers that exist at most, while returned ones can be had instead: 32 MiB.
const MAX_BUFFERS: usize = 32;
/// Empty buffers that are kept; what a burst needed beyond them is given back.
const MAX_EMPTY: usize = 8;
/// How far behind the records a buffer is looked at before it is believed to be untouched there.
const BEHIND_BYTES: usize = 1 << 10;

/// A buffer that CUPTI has filled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filled {
    address: usize,
    /// Bytes of records.
    pub(super) bytes: usize,
}

/// Where buffers wait.
pub(super) struct Buffers {
    empty: ArrayQueue<usize>,
    filled: ArrayQueue<Filled>,
    made: AtomicUsize,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self {
            empty: ArrayQueue::new(MAX_EMPTY),
            filled: ArrayQueue::new(MAX_BUFFERS),
            made: AtomicUsize::new(0),
        }
    }

    /// The oldest filled buffer.
    pub(super) fn next_filled(&self) -> Option<Filled> {
        self.filled.pop()
    }

    /// Makes a buffer that was read ready for its next use.
    pub(super) fn recycle(&self, buffer: Filled) {
        buffer.clear();
        self.give(buffer.address);
    }

    fn give(&self, address: usize) {
        if self.empty.push(address).is_err() {
            // SAFETY: the buffer was mapped by `map` with this length and nobody has it.
            unsafe { libc::munmap(ptr::with_exposed_provenance_mut(address), BUFFER_BYTES) };
            self.made.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// A zeroed buffer. When there are too many already, the oldest unread one is given up: older versions of CUPTI
    /// crash when they are refused a buffer.
    fn get(&self) -> Option<usize> {
        if let Some(address) = self.empty.pop() {
            return Some(address);
        }
        if self.made.load(Ordering::Relaxed) >= MAX_BUFFERS
            && let Some(oldest) = self.filled.pop()
        {
            losses::add(LossCause::Declined, count_records(oldest));
            oldest.clear();
            return Some(oldest.address);
        }
        self.map()
    }

    fn map(&self) -> Option<usize> {
        // SAFETY: a new private mapping; fresh pages are zero.
        let pages = unsafe {
            libc::mmap(
                ptr::null_mut(),
                BUFFER_BYTES,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if pages == libc::MAP_FAILED {
            return None;
        }
        self.made.fetch_add(1, Ordering::Relaxed);
        Some(pages.expose_provenance())
    }
}

impl Filled {
    pub(super) fn pointer(self) -> *mut u8 {
        ptr::with_exposed_provenance_mut(self.address)
    }

    /// Fills it with zeros again. CUPTI has written as far as its records go: the rest is zero already, and clearing it
    /// would cost time and bring its pages into memory.
    fn clear(self) {
        let behind = BEHIND_BYTES.min(BUFFER_BYTES - self.bytes);
        // SAFETY: the buffer is ours again, and BUFFER_BYTES long, which `bytes` does not exceed.
        unsafe {
            let rest = std::slice::from_raw_parts(self.pointer().add(self.bytes), behind);
            let used = if rest.iter().all(|byte| *byte == 0) { self.bytes } else { BUFFER_BYTES };
            ptr::write_bytes(self.pointer(), 0, used);
        }
    }
}

/// How many records a buffer holds.
fn count_records(buffer: Filled) -> u64 {
    let Some(session) = session::current() else { return 0 };
    let mut record = ptr::null_mut();
    let mut count = 0;
    // SAFETY: the buffer came back from CUPTI with this many bytes of records; stepping changes nothing in it.
    while unsafe { session.next_record(buffer.pointer(), buffer.bytes, &mut record) } == SUCCESS {
        count += 1;
    }
    count
}

/// CUPTI wants a buffer.
pub(super) extern "C" fn request_buffer(buffer: *mut *mut u8, size: *mut usize, most: *mut usize) {
    door((), || {
        let address = session::current().and_then(|session| session.buffers.get());
        if address.is_none() {
            losses::add(LossCause::Declined, 1);
        }
        // SAFETY: CUPTI passes valid places for the three answers.
        unsafe {
            *buffer = ptr::with_exposed_provenance_mut(address.unwrap_or(0));
            *size = if address.is_some() { BUFFER_BYTES } else { 0 };
            *most = 0;
        }
    });
}

/// CUPTI gives a buffer back, on whichever thread it likes.
pub(super) extern "C" fn buffer_completed(
    _context: *mut c_void,
    _stream: u32,
    buffer: *mut u8,
    _size: usize,
    valid: usize,
) {
    door((), || {
        let Some(session) = session::current() else { return };
        let address = buffer.expose_provenance();
        if address == 0 {
            return;
        }
        theft::returned();
        if valid == 0 {
            return session.buffers.recycle(Filled { address, bytes: 0 });
        }
        let filled = Filled { address, bytes: valid.min(BUFFER_BYTES) };
        if let Some(oldest) = session.buffers.filled.force_push(filled) {
            losses::add(LossCause::Declined, count_records(oldest));
            session.buffers.recycle(oldest);
        }
        writer::wake();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte was cleared at every use, which took longer than reading a few records, and made all of a buffer resident.
    #[test]
    fn a_buffer_comes_back_zeroed_as_far_as_it_was_used() {
        let buffers = Buffers::new();
        let whole = |address| {
            let pointer: *const u8 = ptr::with_exposed_provenance(address);
            // SAFETY: a buffer that only this test has.
            unsafe { std::slice::from_raw_parts(pointer, BUFFER_BYTES) }
        };
        for (written, told) in [(5000, 5000), (BUFFER_BYTES, BUFFER_BYTES), (5100, 5000), (64, 0)] {
            let address = buffers.get().unwrap();
            assert!(whole(address).iter().all(|byte| *byte == 0), "before {written}");
            let filled = Filled { address, bytes: told };
            // SAFETY: as above.
            unsafe { ptr::write_bytes(filled.pointer(), 7, written) };
            buffers.recycle(filled);
        }
        assert_eq!(buffers.made.load(Ordering::Relaxed), 1, "the same one every time");
    }

    #[test]
    fn what_a_burst_needed_is_given_back() {
        let buffers = Buffers::new();
        let burst: Vec<_> = (0..20).map(|_| buffers.get().unwrap()).collect();
        assert_eq!(buffers.made.load(Ordering::Relaxed), 20);
        for address in burst {
            buffers.recycle(Filled { address, bytes: 8 });
        }
        assert_eq!(buffers.made.load(Ordering::Relaxed), MAX_EMPTY);
    }
}
