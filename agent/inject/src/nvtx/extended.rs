//! Extended payloads: of NCCL's own ranges, the size of the message.
//!
//! A payload points to a structure of the program, whose layout a schema describes. NCCL's schemas have fixed numbers in
//! its domain, and its structures begin with the message's bytes (NCCL 2.19 to 2.25) or with the communicator's hash and
//! then the bytes (from 2.26 on); the structure's size tells which.
#![expect(unsafe_code, reason = "the program passes raw pointers")]

use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use perfagent_spool::Payload;

use super::sys::{EventAttributes, FIRST_STATIC_SCHEMA, PayloadData};

/// The number of NCCL's domain; 0 while there is none.
static NCCL: AtomicU32 = AtomicU32::new(0);

/// A domain was created.
pub(super) fn domain_created(number: u32, name: &[u8]) {
    if name == b"NCCL" {
        NCCL.store(number, Ordering::Relaxed);
    }
}

/// The bytes of the message that a range of NCCL's says it moves; nothing for other domains, whose schemas are not known.
///
/// # Safety
/// The attributes' payload is what their type, an extended one, says: an array of as many descriptions as the reserved
/// field counts, each of readable bytes.
pub(super) unsafe fn payload(domain: u32, attributes: &EventAttributes) -> Payload {
    if domain == 0 || domain != NCCL.load(Ordering::Relaxed) || attributes.reserved < 1 {
        return Payload::None;
    }
    let data = ptr::with_exposed_provenance::<PayloadData>(attributes.payload as usize);
    if data.is_null() {
        return Payload::None;
    }
    // SAFETY: the caller's promise; only the first description is read.
    let data = unsafe { data.read_unaligned() };
    let Some(place) = place_of_bytes(data.schema.wrapping_sub(FIRST_STATIC_SCHEMA), data.size)
    else {
        return Payload::None;
    };
    if data.payload.is_null() {
        return Payload::None;
    }
    // SAFETY: the place and eight bytes are within the size, and the caller promises that many.
    Payload::U64(unsafe { data.payload.byte_add(place).cast::<u64>().read_unaligned() })
}

/// Where the message's bytes stand in the structure of NCCL's schema `schema` that is `size` bytes long.
fn place_of_bytes(schema: u64, size: usize) -> Option<usize> {
    /// All-gather, all-to-all: no more than communicator and bytes.
    const SHORT: [u64; 2] = [4, 16];
    /// All-reduce, broadcast, reduce-scatter, reduce, send, receive, gather, scatter: one or two small fields more.
    const LONG: [u64; 8] = [5, 6, 7, 8, 9, 10, 17, 18];
    match size {
        8 if SHORT.contains(&schema) => Some(0),
        16 if LONG.contains(&schema) => Some(0),
        16 if SHORT.contains(&schema) => Some(8),
        24 if LONG.contains(&schema) => Some(8),
        _ => None,
    }
}
