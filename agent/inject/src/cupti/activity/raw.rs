//! A record of CUPTI, as it lies in a buffer.
#![expect(unsafe_code, reason = "structures are copied out of memory that CUPTI wrote")]

use std::ptr;

/// A place in a buffer, and the bytes from there to the buffer's end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw {
    start: *const u8,
    room: usize,
}

impl Raw {
    /// The record at `record` in a buffer of `bytes` bytes.
    ///
    /// # Safety
    /// These bytes can be read as long as the record is used. The record need not lie within them.
    pub(super) unsafe fn within(buffer: *const u8, bytes: usize, record: *const u8) -> Self {
        let offset = record.addr().checked_sub(buffer.addr());
        let room = offset.and_then(|offset| bytes.checked_sub(offset)).unwrap_or(0);
        Self { start: record, room }
    }

    /// What every record begins with.
    pub(super) fn kind(self) -> Option<u32> {
        // SAFETY: any four bytes are a number.
        unsafe { self.read() }
    }

    /// Copies a structure out, wherever it stands; `None` where the buffer ends before it does.
    ///
    /// # Safety
    /// Any bytes are a valid `T`, and its pointers are not followed unless the record is of that kind.
    pub(super) unsafe fn read<T: Copy>(self) -> Option<T> {
        // SAFETY: the bytes are there; an unaligned read asks for nothing more.
        (size_of::<T>() <= self.room).then(|| unsafe { ptr::read_unaligned(self.start.cast()) })
    }
}
