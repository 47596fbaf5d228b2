//! Fields of every kind of record with any bytes in them, under a checksum that is right.

use perfagent_fuzz::{Unstructured, damage, each_input, number, text};

use super::{CHECKSUM_BYTES, FRAME_BYTES, Found, MARKER, MAX_RECORD_BYTES, encode, find};
use crate::Record;

/// Kinds that there are, and some that there are not.
const KINDS: u16 = 40;
const TEXTS: [&str; 4] =
    ["", "aten::mm", "größe 日本 🚀", "a much longer text than the others are"];

/// The length of the fields of each kind; of a text, without its bytes.
fn lengths() -> Vec<Option<usize>> {
    let zeros = [0; 256];
    let length = |kind| (1..256).find(|length| Record::decode(kind, &zeros[..*length]).is_some());
    (0..KINDS).map(length).collect()
}

fn framed(kind: u16, sequence: u32, fields: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; FRAME_BYTES];
    bytes.extend_from_slice(fields);
    let length = bytes.len() as u32;
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    bytes[8..10].copy_from_slice(&kind.to_le_bytes());
    bytes[10..12].copy_from_slice(&MARKER.to_le_bytes());
    bytes[12..16].copy_from_slice(&sequence.to_le_bytes());
    let checksum = crc32c::crc32c(&bytes[CHECKSUM_BYTES..]);
    bytes[..CHECKSUM_BYTES].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

fn fields(from: &mut Unstructured<'_>, length: usize) -> Vec<u8> {
    let mut fields = Vec::new();
    while fields.len() < length {
        fields.extend_from_slice(&number(from).to_le_bytes());
    }
    fields.truncate(length);
    if length == 8 && from.ratio(3, 4).unwrap_or(false) {
        let text = text(from, &TEXTS);
        fields[4..].copy_from_slice(&(text.len() as u32).to_le_bytes());
        fields.extend_from_slice(&text);
    }
    fields
}

#[test]
fn fuzz_fields_under_a_right_checksum() {
    let lengths = lengths();
    assert_eq!(lengths.iter().flatten().count(), 29, "one length for each kind");
    let mut again = vec![0; MAX_RECORD_BYTES];
    let mut found = [0_u64; KINDS as usize];
    each_input("fields of records", 20_000, |from| {
        let kind = from.int_in_range(0..=KINDS - 1).unwrap_or_default();
        let mut fields = fields(from, lengths[usize::from(kind)].unwrap_or(40));
        if from.ratio(1, 8).unwrap_or(false) {
            damage(&mut fields, from);
        }
        let mut bytes = framed(kind, 5, &fields);
        let whole = bytes.clone();
        let damaged = from.ratio(1, 8).unwrap_or(false);
        if damaged {
            damage(&mut bytes, from);
        }
        let Found::Record { record, length, sequence } = find(&bytes, bytes.len() as u64, None)
        else {
            return;
        };
        assert_eq!((&bytes[..length], sequence), (&whole[..], 5), "no other record is found");
        found[usize::from(kind)] += 1;
        // What was read is what a writer would have written, but for fields that say nothing.
        let written = encode(&record, 5, &mut again);
        let first = again[..written].to_vec();
        let Found::Record { record, .. } = find(&first, written as u64, Some(5)) else {
            panic!("{record:?} cannot be read back");
        };
        let written = encode(&record, 5, &mut again);
        assert_eq!(first, again[..written]);
    });
    for (kind, length) in lengths.iter().enumerate().filter(|(_, length)| length.is_some()) {
        assert!(found[kind] > 0, "no record of kind {kind} with {length:?} bytes was read");
    }
}
