//! Slots that are referred to by numbers which tell when they are out of date.
//!
//! What NCCL is given as a pointer is such a number: generation and place. A number of an earlier generation is
//! recognised, not followed. Free slots are used again in turn, so a slot keeps what it held for as long as possible:
//! NCCL names parents that have ended.

use std::ffi::c_void;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use crossbeam::queue::ArrayQueue;

/// The number of a slot in use: generation, and place + 1 in the low 16 bits. 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handle(pub(super) u64);

impl Handle {
    pub(super) fn of(pointer: *mut c_void) -> Self {
        Self(pointer.addr() as u64)
    }

    pub(super) fn as_pointer(self) -> *mut c_void {
        ptr::without_provenance_mut(self.0 as usize)
    }

    fn place(self) -> Option<usize> {
        (self.0 & 0xffff).checked_sub(1).map(|place| place as usize)
    }

    fn generation(self) -> u64 {
        self.0 >> 16
    }
}

/// A value that a slot can start with.
pub(super) trait Blank {
    const BLANK: Self;
}

/// `N` slots, at most 65,535.
pub(super) struct Pool<T, const N: usize> {
    slots: [Slot<T>; N],
    free: OnceLock<ArrayQueue<u16>>,
}

struct Slot<T> {
    /// Generation, and in the lowest bit whether it is in use.
    tag: AtomicU64,
    value: T,
}

impl<T: Blank, const N: usize> Pool<T, N> {
    pub(super) const fn new() -> Self {
        Self {
            slots: [const { Slot { tag: AtomicU64::new(0), value: T::BLANK } }; N],
            free: OnceLock::new(),
        }
    }

    /// Allocates what is needed; later calls do nothing.
    pub(super) fn prepare(&self) -> &ArrayQueue<u16> {
        self.free.get_or_init(|| {
            let free = ArrayQueue::new(N);
            for place in 0..N {
                // There is room for every place.
                let _ = free.push(place as u16);
            }
            free
        })
    }

    /// Takes a slot, which `fill` prepares before it can be found. `None` when all are in use.
    pub(super) fn claim(&self, fill: impl FnOnce(&T)) -> Option<(Handle, &T)> {
        let place = self.prepare().pop()?;
        let slot = &self.slots[usize::from(place)];
        let generation = (slot.tag.load(Ordering::Relaxed) >> 1) + 1;
        // From here on the last user's number finds nothing: it must not see half of what is filled in.
        slot.tag.store(generation << 1, Ordering::Release);
        fence(Ordering::SeqCst);
        fill(&slot.value);
        slot.tag.store(generation << 1 | 1, Ordering::Release);
        Some((Handle(generation << 16 | (u64::from(place) + 1)), &slot.value))
    }

    /// The value of a slot that is in use.
    pub(super) fn live(&self, handle: Handle) -> Option<&T> {
        let slot = self.slots.get(handle.place()?)?;
        (slot.tag.load(Ordering::Acquire) == handle.generation() << 1 | 1).then_some(&slot.value)
    }

    /// What `look` finds in a slot that is in use, or was and has not been taken again.
    pub(super) fn remembered<R>(&self, handle: Handle, look: impl FnOnce(&T) -> R) -> Option<R> {
        let slot = self.slots.get(handle.place()?)?;
        let is_same = || slot.tag.load(Ordering::Acquire) >> 1 == handle.generation();
        if handle.generation() == 0 || !is_same() {
            return None;
        }
        let found = look(&slot.value);
        fence(Ordering::SeqCst);
        // It may have been taken meanwhile, and what was found is another's.
        is_same().then_some(found)
    }

    /// Ends the use of a slot and gives it back once `last` has looked at it. `None` when it is not in use.
    pub(super) fn release<R>(&self, handle: Handle, last: impl FnOnce(&T) -> R) -> Option<R> {
        let place = handle.place()?;
        let slot = self.slots.get(place)?;
        let live = handle.generation() << 1 | 1;
        slot.tag.compare_exchange(live, live - 1, Ordering::AcqRel, Ordering::Relaxed).is_ok().then(
            || {
                let found = last(&slot.value);
                let _ = self.prepare().push(place as u16);
                found
            },
        )
    }

    /// Gives back every slot in use that `whose` names.
    pub(super) fn release_all(&self, whose: impl Fn(&T) -> bool) {
        for (place, slot) in self.slots.iter().enumerate() {
            let tag = slot.tag.load(Ordering::Acquire);
            if tag & 1 == 1 && whose(&slot.value) {
                self.release(Handle((tag >> 1) << 16 | (place as u64 + 1)), |_| ());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Blank for AtomicU64 {
        const BLANK: Self = Self::new(0);
    }

    fn claim(pool: &Pool<AtomicU64, 4>, value: u64) -> Option<Handle> {
        pool.claim(|slot| slot.store(value, Ordering::Relaxed)).map(|(handle, _)| handle)
    }

    #[test]
    fn an_ended_slot_is_remembered_until_it_is_taken_again_and_never_ended_twice() {
        let pool = Pool::<AtomicU64, 4>::new();
        let first = claim(&pool, 7).unwrap();
        assert_eq!(pool.release(first, |value| value.load(Ordering::Relaxed)), Some(7));
        assert_eq!(pool.release(first, |_| ()), None);
        assert!(pool.live(first).is_none());
        let look = |handle| pool.remembered(handle, |value| value.load(Ordering::Relaxed));
        assert_eq!(look(first), Some(7));
        // The three others are used before the place of the first.
        let later: Vec<_> = (0..4).map(|value| claim(&pool, value).unwrap()).collect();
        assert!(later.iter().all(|handle| *handle != first));
        assert_eq!((look(first), look(later[3])), (None, Some(3)));
        assert_eq!(pool.release(first, |_| ()), None, "its place is another's now");
        assert!(claim(&pool, 0).is_none(), "all are in use");
        pool.release_all(|value| value.load(Ordering::Relaxed) > 1);
        assert_eq!((look(later[0]).is_some(), pool.live(later[2]).is_some()), (true, false));
        assert!(claim(&pool, 0).is_some());
    }

    #[test]
    fn wild_numbers_are_nobodys() {
        let pool = Pool::<AtomicU64, 4>::new();
        for wild in [0, 1, 4, 5, 0xffff, u64::MAX, 1 << 16, 1 << 16 | 1] {
            assert!(pool.live(Handle(wild)).is_none(), "{wild:x}");
            assert_eq!(pool.remembered(Handle(wild), |_| ()), None, "{wild:x}");
            assert_eq!(pool.release(Handle(wild), |_| ()), None, "{wild:x}");
        }
    }
}
