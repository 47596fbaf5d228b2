//! Memory that ends where nothing can be read.

use std::ptr;

/// A copy of some bytes; what stands right behind them belongs to nobody, so that reading it ends the process.
pub(super) struct Pages {
    mapped: *mut libc::c_void,
    length: usize,
    start: *mut u8,
}

const PAGE: usize = 4096;

impl Pages {
    pub(super) fn ending_with(bytes: &[u8]) -> Self {
        let room = bytes.len().next_multiple_of(PAGE);
        let length = room + PAGE;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new private mapping, of which the last page is made unreadable and the rest is written within.
        unsafe {
            let mapped = libc::mmap(
                ptr::null_mut(),
                length,
                access,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            assert_ne!(mapped, libc::MAP_FAILED);
            assert_eq!(libc::mprotect(mapped.byte_add(room), PAGE, libc::PROT_NONE), 0);
            let start = mapped.byte_add(room - bytes.len()).cast::<u8>();
            ptr::copy_nonoverlapping(bytes.as_ptr(), start, bytes.len());
            Self { mapped, length, start }
        }
    }

    pub(super) fn start(&self) -> *mut u8 {
        self.start
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and nothing points into it any more.
        unsafe { libc::munmap(self.mapped, self.length) };
    }
}
