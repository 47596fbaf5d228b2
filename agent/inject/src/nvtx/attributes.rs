//! What the program says about an event, read without copying.
#![expect(unsafe_code, reason = "the program passes raw pointers")]

use std::mem::offset_of;

use perfagent_spool::Payload;

use super::extended;
use super::sys::{
    Ascii, COLOR_ARGB, EventAttributes, MESSAGE_ASCII, MESSAGE_REGISTERED, MESSAGE_UNICODE,
    PAYLOAD_EXTENDED, PAYLOAD_F32, PAYLOAD_F64, PAYLOAD_I32, PAYLOAD_I64, PAYLOAD_U32, PAYLOAD_U64,
    Wide,
};
use crate::message::{Event, Kind, MAX_TEXT, Text};

/// The text at `text`.
///
/// # Safety
/// `text` is null or ends with 0, and stays as it is for `'a`.
#[inline]
pub(super) unsafe fn ascii<'a>(text: Ascii) -> Text<'a> {
    if text.is_null() {
        return Text::None;
    }
    // SAFETY: the caller's promise; no byte behind the 0 is looked at.
    let length = unsafe { libc::strnlen(text, MAX_TEXT + 1) };
    let kept = length.min(MAX_TEXT);
    // SAFETY: `kept` bytes were just seen there.
    Text::Bytes(unsafe { std::slice::from_raw_parts(text.cast(), kept) }, length > MAX_TEXT)
}

/// The text at `text`.
///
/// # Safety
/// As for [`ascii`].
pub(super) unsafe fn wide<'a>(text: Wide) -> Text<'a> {
    if text.is_null() {
        return Text::None;
    }
    // SAFETY: the caller's promise; nothing behind the 0 is looked at.
    let length = (0..=MAX_TEXT).take_while(|&at| unsafe { *text.add(at) } != 0).count();
    let kept = length.min(MAX_TEXT);
    // SAFETY: `kept` code points were just seen there.
    Text::Wide(unsafe { std::slice::from_raw_parts(text, kept) }, length > MAX_TEXT)
}

/// The event that `attributes` describe.
///
/// # Safety
/// `attributes` is null or points to as many bytes as its own size field says, whose message is as for [`ascii`].
#[inline]
pub(super) unsafe fn event<'a>(
    kind: Kind,
    domain: u32,
    attributes: *const EventAttributes,
) -> Event<'a> {
    let mut event = Event::bare(kind, domain);
    if attributes.is_null() {
        return event;
    }
    // SAFETY: the version and the size are there in every version.
    let size = usize::from(unsafe { (*attributes).size });
    if size < offset_of!(EventAttributes, payload) {
        return event;
    }
    // SAFETY: the size covers these fields.
    unsafe {
        event.category = (*attributes).category;
        if (*attributes).color_type == COLOR_ARGB {
            event.color = (*attributes).color;
        }
    }
    if size < size_of::<EventAttributes>() {
        return event;
    }
    // SAFETY: the size covers the whole structure.
    let attributes = unsafe { &*attributes };
    event.payload = match attributes.payload_type {
        // SAFETY: what the type says is there is there, as for the message.
        PAYLOAD_EXTENDED => unsafe { extended::payload(domain, attributes) },
        kind => payload(kind, attributes.payload),
    };
    event.text = match attributes.message_type {
        // SAFETY: the caller's promise about the message.
        MESSAGE_ASCII => unsafe { ascii(attributes.message.cast()) },
        // SAFETY: the same.
        MESSAGE_UNICODE => unsafe { wide(attributes.message.cast()) },
        MESSAGE_REGISTERED => match attributes.message.addr() as u32 {
            0 => Text::None,
            number => Text::Registered(number),
        },
        _ => Text::None,
    };
    event
}

/// The number in a payload's union; narrow ones stand in its first bytes.
#[inline]
fn payload(kind: i32, bits: u64) -> Payload {
    match kind {
        PAYLOAD_U64 => Payload::U64(bits),
        PAYLOAD_I64 => Payload::I64(bits as i64),
        PAYLOAD_F64 => Payload::F64(f64::from_bits(bits)),
        PAYLOAD_U32 => Payload::U64(u64::from(bits as u32)),
        PAYLOAD_I32 => Payload::I64(i64::from(bits as i32)),
        PAYLOAD_F32 => Payload::F64(f64::from(f32::from_bits(bits as u32))),
        _ => Payload::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_payloads_are_widened() {
        assert_eq!(payload(PAYLOAD_U32, u64::MAX), Payload::U64(u64::from(u32::MAX)));
        assert_eq!(payload(PAYLOAD_I32, 0xffff_fffe), Payload::I64(-2));
        assert_eq!(payload(PAYLOAD_F32, u64::from(1.5_f32.to_bits())), Payload::F64(1.5));
        assert_eq!(payload(99, 1), Payload::None);
    }

    #[test]
    fn a_smaller_structure_is_read_as_far_as_it_goes() {
        let attributes = EventAttributes {
            version: 1,
            size: 24,
            category: 5,
            color_type: COLOR_ARGB,
            color: 6,
            payload_type: PAYLOAD_U64,
            reserved: 0,
            payload: 7,
            message_type: MESSAGE_ASCII,
            message: std::ptr::dangling(),
        };
        // SAFETY: the size says that the message does not exist, so it is not followed.
        let event = unsafe { event(Kind::Mark, 1, &raw const attributes) };
        assert_eq!((event.category, event.color, event.payload), (5, 6, Payload::None));
        assert!(matches!(event.text, Text::None));
    }
}
