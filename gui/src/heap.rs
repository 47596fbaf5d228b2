//! How the C library's heap is used. Loading takes and gives back arrays of tens of megabytes for every rank; by default glibc
//! maps each anew, page by page: a fifth of the processor time of opening ten million events was the kernel's (perf, 2026-11-28).
#![expect(unsafe_code, reason = "the settings of malloc have no safe wrapper")]

/// Blocks up to the greatest size that glibc allows come from the heap.
#[cfg(target_env = "gnu")]
const LARGEST_BLOCK: i32 = 32 << 20;

/// What is freed is kept until it is given back on purpose.
#[cfg(target_env = "gnu")]
const KEPT: i32 = 1 << 30;

/// Keeps freed memory for the next array. To be called before there are threads; does nothing where the C library is another.
pub fn keep_freed() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt only takes numbers; of one that it does not know it returns 0 and changes nothing.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGEST_BLOCK);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

/// Gives what is free back to the system.
pub(crate) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim may be called at any time, from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
