//! The 16 bytes before each record, and the check that a reader makes before it believes any of them.

use crate::Record;

/// The longest record with its frame, in bytes.
pub const MAX_RECORD_BYTES: usize = 24 << 10;
/// The longest text that a record carries, in bytes; a writer cuts longer ones at a character.
pub const MAX_TEXT_BYTES: usize = 16 << 10;

/// CRC32C u32, length u32, kind u16, marker u16, sequence u32. The checksum covers all that follows it.
pub(crate) const FRAME_BYTES: usize = 16;
const CHECKSUM_BYTES: usize = 4;
/// In every frame, so that a search for the next good record rejects most places by one comparison.
const MARKER: u16 = 0xA6C3;

/// Encodes `record` with its frame at the beginning of `out`, which has room for the longest; how many bytes it takes.
pub(crate) fn encode(record: &Record<'_>, sequence: u32, out: &mut [u8]) -> usize {
    let fields = &mut out[FRAME_BYTES..];
    let length = FRAME_BYTES
        + match *record {
            Record::String { id, text } if text.len() > MAX_TEXT_BYTES => {
                let text = &text[..text.floor_char_boundary(MAX_TEXT_BYTES)];
                Record::String { id, text }.encode(fields)
            }
            _ => record.encode(fields),
        };
    out[4..8].copy_from_slice(&(length as u32).to_le_bytes());
    out[8..10].copy_from_slice(&record.kind().to_le_bytes());
    out[10..12].copy_from_slice(&MARKER.to_le_bytes());
    out[12..16].copy_from_slice(&sequence.to_le_bytes());
    let checksum = crc32c::crc32c(&out[CHECKSUM_BYTES..length]);
    out[..CHECKSUM_BYTES].copy_from_slice(&checksum.to_le_bytes());
    length
}

/// What stands at a place of the ring.
pub(crate) enum Found<'a> {
    /// A whole and undamaged record.
    Record {
        /// The record.
        record: Record<'a>,
        /// Its length with the frame, in bytes.
        length: usize,
        /// Its sequence number.
        sequence: u32,
    },
    /// The record may be whole, but these bytes end before it does.
    NeedMore,
    /// No record starts here.
    Nothing,
}

/// Looks for a record at the start of `bytes`. `published` is how many bytes the writer has published from here on
/// (at least `bytes.len()`); `expected` is the sequence number of the next record, where it is known.
pub(crate) fn find(bytes: &[u8], published: u64, expected: Option<u32>) -> Found<'_> {
    let Some(frame) = bytes.first_chunk::<FRAME_BYTES>() else {
        return if published < FRAME_BYTES as u64 { Found::Nothing } else { Found::NeedMore };
    };
    let half = |at: usize| u16::from_le_bytes([frame[at], frame[at + 1]]);
    let word =
        |at: usize| u32::from_le_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]]);
    let length = word(4) as usize;
    if half(10) != MARKER
        || !(FRAME_BYTES..=MAX_RECORD_BYTES).contains(&length)
        || length as u64 > published
    {
        return Found::Nothing;
    }
    let sequence = word(12);
    if let Some(expected) = expected {
        // Records can be missing before this one, but not more of them than fit in a ring's bytes; a sequence number
        // behind is what an earlier lap of the ring left.
        let missing = sequence.wrapping_sub(expected);
        if missing > u32::MAX / 2 {
            return Found::Nothing;
        }
    }
    let Some(frame) = bytes.get(..length) else { return Found::NeedMore };
    if crc32c::crc32c(&frame[CHECKSUM_BYTES..]) != word(0) {
        return Found::Nothing;
    }
    match Record::decode(half(8), &frame[FRAME_BYTES..]) {
        Some(record) => Found::Record { record, length, sequence },
        None => Found::Nothing,
    }
}

#[cfg(test)]
mod fuzz;
