//! Which buffer belongs to which thread of the target.
#![expect(
    unsafe_code,
    reason = "buffers are mapped pages, and threads' ends are told by pthread keys"
)]

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use perfagent_spool::LossCause;

use crate::losses;
use crate::thread_buffer::{ThreadBuffer, life};

/// More threads at a time than these are not recorded.
const MAX_BUFFERS: u32 = 4096;

thread_local! {
    /// Has no destructor, so that the first use on a thread registers nothing and it can be read until its very end.
    static CURRENT: Cell<*const ThreadBuffer> = const { Cell::new(ptr::null()) };
}

/// All buffers ever made; none is ever unmapped.
static ALL: AtomicPtr<ThreadBuffer> = AtomicPtr::new(ptr::null_mut());
static COUNT: AtomicU32 = AtomicU32::new(0);
/// The pthread key whose destructor abandons a buffer; valid after [`prepare`].
static KEY: AtomicU32 = AtomicU32::new(0);

/// Makes ready to notice the end of threads. Call it once, before `current`.
pub(crate) fn prepare() -> bool {
    let mut key = 0;
    // SAFETY: `key` is a valid place; the destructor stays mapped, as the library is never unloaded.
    let made = unsafe { libc::pthread_key_create(&raw mut key, Some(abandon)) } == 0;
    KEY.store(key, Ordering::Relaxed);
    made
}

/// The calling thread's buffer; made or taken over at its first event. `None` when there is no memory for one.
#[inline]
pub(crate) fn current() -> Option<&'static ThreadBuffer> {
    let buffer = CURRENT.get();
    if buffer.is_null() {
        return attach();
    }
    // SAFETY: buffers are never unmapped, and only the owner's thread-local holds this pointer.
    Some(unsafe { &*buffer })
}

/// All buffers, of living and of ended threads.
pub(crate) fn all() -> impl Iterator<Item = &'static ThreadBuffer> {
    let mut next = ALL.load(Ordering::Acquire);
    std::iter::from_fn(move || {
        // SAFETY: the registry holds buffers that are never unmapped, or null at its end.
        let buffer = unsafe { next.as_ref() }?;
        next = buffer.next.load(Ordering::Acquire);
        Some(buffer)
    })
}

#[cold]
fn attach() -> Option<&'static ThreadBuffer> {
    let Some(buffer) = take_free().or_else(make) else {
        losses::add(LossCause::NoThreadBuffer, 1);
        return None;
    };
    // SAFETY: a plain system call.
    let tid = unsafe { libc::syscall(libc::SYS_gettid) };
    buffer.tid.store(tid as u32, Ordering::Relaxed);
    buffer.incarnation.fetch_add(1, Ordering::Relaxed);
    let pointer = ptr::from_ref(buffer);
    // SAFETY: the key was made by `prepare`; the value is only ever given to `abandon`.
    unsafe { libc::pthread_setspecific(KEY.load(Ordering::Relaxed), pointer.cast()) };
    CURRENT.set(pointer);
    Some(buffer)
}

fn take_free() -> Option<&'static ThreadBuffer> {
    all().find(|buffer| {
        let claim = buffer.life.compare_exchange(
            life::FREE,
            life::LIVE,
            Ordering::Acquire,
            Ordering::Relaxed,
        );
        claim.is_ok()
    })
}

fn make() -> Option<&'static ThreadBuffer> {
    if COUNT.fetch_add(1, Ordering::Relaxed) >= MAX_BUFFERS {
        COUNT.fetch_sub(1, Ordering::Relaxed);
        return None;
    }
    // SAFETY: a new private mapping, backed by nothing but memory that is handed out as it is touched.
    let pages = unsafe {
        libc::mmap(
            ptr::null_mut(),
            size_of::<ThreadBuffer>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if pages == libc::MAP_FAILED {
        COUNT.fetch_sub(1, Ordering::Relaxed);
        return None;
    }
    // SAFETY: fresh pages are zero, which is a valid buffer, large enough, page aligned, and never unmapped.
    let buffer = unsafe { &*pages.cast::<ThreadBuffer>() };
    buffer.life.store(life::LIVE, Ordering::Relaxed);
    let mut first = ALL.load(Ordering::Relaxed);
    loop {
        buffer.next.store(first, Ordering::Relaxed);
        match ALL.compare_exchange_weak(first, pages.cast(), Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return Some(buffer),
            Err(now) => first = now,
        }
    }
}

/// Runs on a thread that ends.
unsafe extern "C" fn abandon(buffer: *mut c_void) {
    // Destructors of other keys may still produce events; they start over with another buffer.
    CURRENT.set(ptr::null());
    // SAFETY: the key's value is a buffer, which is never unmapped.
    let buffer = unsafe { &*buffer.cast::<ThreadBuffer>() };
    buffer.life.store(life::ABANDONED, Ordering::Release);
}

const _: () = assert!(!std::mem::needs_drop::<ThreadBuffer>());
