//! Memory that ends where what is put there ends: whoever reads further crashes.
#![expect(unsafe_code, reason = "pages are mapped and protected by system calls")]

use std::ptr;

const PAGE_BYTES: usize = 4096;

/// Two pages, of which the second must not be touched.
#[derive(Debug)]
pub struct Guarded {
    pages: *mut u8,
}

impl Default for Guarded {
    fn default() -> Self {
        Self::new()
    }
}

impl Guarded {
    /// Maps the pages.
    ///
    /// # Panics
    /// When there is no memory.
    #[must_use]
    pub fn new() -> Self {
        // SAFETY: a new private mapping, of which the second half is protected.
        unsafe {
            let pages = libc::mmap(
                ptr::null_mut(),
                2 * PAGE_BYTES,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            assert_ne!(pages, libc::MAP_FAILED, "no memory for a test");
            let protected = libc::mprotect(pages.byte_add(PAGE_BYTES), PAGE_BYTES, libc::PROT_NONE);
            assert_eq!(protected, 0, "a page cannot be protected");
            Self { pages: pages.cast() }
        }
    }

    /// Puts bytes there, in the place of earlier ones; where they begin. The first byte behind them cannot be read.
    ///
    /// # Panics
    /// When they are more than fit.
    pub fn put(&mut self, bytes: &[u8]) -> *const u8 {
        assert!(bytes.len() <= PAGE_BYTES, "too long for a test");
        // SAFETY: the first page has room for the bytes at its end, and only this value writes there.
        unsafe {
            let place = self.pages.add(PAGE_BYTES - bytes.len());
            ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len());
            place
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this length.
        unsafe { libc::munmap(self.pages.cast(), 2 * PAGE_BYTES) };
    }
}
