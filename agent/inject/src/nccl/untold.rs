//! Calls of the program that NCCL announces and then says nothing more of.
//!
//! From version 5 of the interface on NCCL tells of the program's call, of the launch, and then of the collective in it.
//! Not of every one: NCCL 2.30.7 launches broadcasts without an event for the collective. Those are written from what the
//! program asked for, when its group of calls ends, by which time NCCL has told of all the others.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};

use perfagent_spool::LossCause;

use super::descriptor::{Call, MAX_NAME};
use super::pool::Handle;
use super::sys::FUNCS_V1;
use crate::losses;

/// Calls of one group at most.
const MOST: usize = 4096;

/// Functions that NCCL has told of on another thread than the program's, or after the group had ended, by their number in
/// `FUNCS_V1`: where the group's launch is left to a thread of NCCL's own, they must not be written twice.
static TOLD: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static WAITING: RefCell<Waiting> = const { RefCell::new(Waiting { calls: Vec::new(), next: 0 }) };
}

/// A call of which NCCL has not told yet.
#[derive(Clone, Copy)]
pub(super) struct Untold {
    /// Of the event of the program's call, of its group, and of its communicator.
    pub(super) handle: Handle,
    pub(super) group: Handle,
    pub(super) context: Handle,
    count: u64,
    peer: i32,
    func: Name,
    dtype: Name,
    is_told: bool,
}

/// A name with its length.
#[derive(Clone, Copy)]
struct Name([u8; MAX_NAME], u8);

impl Name {
    fn of(text: &[u8]) -> Self {
        let mut name = [0; MAX_NAME];
        let length = text.len().min(MAX_NAME);
        name[..length].copy_from_slice(&text[..length]);
        Self(name, length as u8)
    }

    fn text(&self) -> &[u8] {
        &self.0[..usize::from(self.1)]
    }
}

impl Untold {
    /// What the program asked for.
    pub(super) fn call(&self) -> Call<'_> {
        Call {
            func: self.func.text(),
            dtype: self.dtype.text(),
            count: self.count,
            peer: self.peer,
            ..Call::default()
        }
    }
}

/// The calls of the thread's open group, in their order.
struct Waiting {
    calls: Vec<Untold>,
    /// Where the next that is told of will be: NCCL mostly keeps the order.
    next: usize,
}

/// The program has made a call.
pub(super) fn called(handle: Handle, group: Handle, context: Handle, call: &Call<'_>) {
    if group.0 == 0 {
        // There was no room for the group, so that its end will not be told of.
        return losses::add(LossCause::NcclTableFull, 1);
    }
    with_waiting(|waiting| {
        if waiting.calls.len() >= MOST {
            return losses::add(LossCause::NcclTableFull, 1);
        }
        waiting.calls.push(Untold {
            handle,
            group,
            context,
            count: call.count,
            peer: call.peer,
            func: Name::of(call.func),
            dtype: Name::of(call.dtype),
            is_told: false,
        });
    });
}

/// NCCL tells of the collective that the program's call `handle` became.
pub(super) fn told(handle: Handle, func: &[u8]) {
    with_waiting(|waiting| {
        let next = waiting.next.min(waiting.calls.len());
        let (before, from) = waiting.calls.split_at(next);
        let place = |calls: &[Untold]| calls.iter().position(|call| call.handle == handle);
        let found = place(from).map(|place| next + place).or_else(|| place(before));
        if let Some(found) = found {
            waiting.calls[found].is_told = true;
            waiting.next = found + 1;
        } else if let Some(bit) = bit(func) {
            TOLD.fetch_or(bit, Ordering::Relaxed);
        }
    });
}

/// The group has ended: calls `with` for those of its calls that NCCL did not tell of, and never tells of.
pub(super) fn group_ends(group: Handle, mut with: impl FnMut(&Untold)) {
    with_waiting(|waiting| {
        waiting.next = 0;
        let told = TOLD.load(Ordering::Relaxed);
        waiting.calls.retain(|call| {
            if call.group != group {
                return true;
            }
            if !call.is_told && bit(call.func.text()).is_none_or(|bit| told & bit == 0) {
                with(call);
            }
            false
        });
    });
}

/// Does something with the thread's calls, unless the thread is about to end.
fn with_waiting(does: impl FnOnce(&mut Waiting)) {
    let done = WAITING.try_with(|waiting| waiting.try_borrow_mut().map(|mut of| does(&mut of)));
    if !matches!(done, Ok(Ok(()))) {
        losses::add(LossCause::NcclTableFull, 1);
    }
}

/// The number of a function in `FUNCS_V1`; their count for one that is not there.
pub(super) fn number(func: &[u8]) -> usize {
    FUNCS_V1.iter().position(|name| name.as_bytes() == func).unwrap_or(FUNCS_V1.len())
}

/// A function's bit in `TOLD`.
fn bit(func: &[u8]) -> Option<u32> {
    let number = number(func);
    (number < FUNCS_V1.len()).then(|| 1 << number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn call(func: &'static [u8], count: u64) -> Call<'static> {
        Call {
            func,
            dtype: b"ncclFloat32",
            count,
            sequence: None,
            peer: 0,
            channels: 0,
            communicator: None,
        }
    }

    fn left(group: u64) -> Vec<(String, u64)> {
        let mut left = Vec::new();
        group_ends(Handle(group), |untold| {
            let call = untold.call();
            left.push((String::from_utf8_lossy(call.func).into_owned(), call.count));
        });
        left
    }

    #[test]
    fn what_is_never_told_of_is_left_when_its_group_ends() {
        let none = Handle(0);
        for (number, func, count) in
            [(1, &b"Reduce"[..], 5), (2, b"Broadcast", 6), (3, b"Reduce", 7)]
        {
            called(Handle(number), Handle(90), none, &call(func, count));
        }
        called(Handle(4), Handle(91), none, &call(b"Broadcast", 8));
        // Out of order, and once on another thread, so that this one does not hear of it.
        told(Handle(3), b"Reduce");
        told(Handle(77), b"Reduce");
        assert_eq!(left(90), [("Broadcast".to_owned(), 6)]);
        assert_eq!(left(90), []);
        assert_eq!(left(91), [("Broadcast".to_owned(), 8)]);
    }
}
