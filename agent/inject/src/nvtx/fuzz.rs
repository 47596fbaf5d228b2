//! Attributes of NVTX with any numbers in them. Texts end with 0 and structures where readable memory ends, as NVTX
//! promises; then the message to the writer thread is read back.
#![expect(unsafe_code, reason = "attributes are put where a program would")]

use std::mem::offset_of;

use perfagent_fuzz::{Guarded, Unstructured, damage, each_input, number, text};
use perfagent_spool::Payload;

use super::attributes::event;
use super::extended::domain_created;
use super::sys::{EventAttributes, FIRST_STATIC_SCHEMA, PAYLOAD_EXTENDED, PayloadData};
use crate::message::{self, Kind, MAX_TEXT};

const KINDS: [Kind; 5] = [Kind::Push, Kind::Pop, Kind::Start, Kind::End, Kind::Mark];
const NCCL: u32 = 9;
const TEXTS: [&str; 4] =
    ["", "step", "größe 日本 🚀", "aten::mm, seq = 5, sizes = [[2, 3], [3, 4]]"];

/// The pieces of memory that the attributes point to.
#[derive(Default)]
struct Places {
    attributes: Guarded,
    text: Guarded,
    data: Guarded,
    structure: Guarded,
}

/// A text of either width, long ones too.
fn message(from: &mut Unstructured<'_>, places: &mut Places, wide: bool) -> u64 {
    let mut bytes = text(from, &TEXTS);
    let times = if from.ratio(1, 16).unwrap_or(false) { 60 } else { 1 };
    bytes = bytes.repeat(times);
    bytes.truncate(1020);
    if wide {
        let units = bytes
            .chunks(3)
            .map(|unit| unit.iter().fold(0_u32, |unit, byte| unit << 8 | u32::from(*byte)).max(1));
        bytes = units.chain([0]).flat_map(u32::to_le_bytes).collect();
    } else {
        bytes.push(0);
    }
    places.text.put(&bytes).expose_provenance() as u64
}

/// An extended payload, whose structure is as long as its description says.
fn extended(from: &mut Unstructured<'_>, places: &mut Places) -> u64 {
    let size = [0, 4, 8, 16, 24, 48][from.choose_index(6).unwrap_or_default()];
    let structure: Vec<u8> = (0..size).map(|_| from.arbitrary().unwrap_or_default()).collect();
    let payload = places.structure.put(&structure);
    let schema = FIRST_STATIC_SCHEMA.wrapping_add(number(from) % 24);
    let data = [schema, size as u64, payload.expose_provenance() as u64];
    let bytes: Vec<u8> = data.iter().flat_map(|word| word.to_le_bytes()).collect();
    assert_eq!(bytes.len(), size_of::<PayloadData>());
    places.data.put(&bytes).expose_provenance() as u64
}

fn attributes(from: &mut Unstructured<'_>, places: &mut Places) -> *const EventAttributes {
    let whole = size_of::<EventAttributes>();
    let mut bytes = Vec::new();
    while bytes.len() < 64 {
        bytes.extend_from_slice(&number(from).to_le_bytes());
    }
    damage(&mut bytes, from);
    bytes.resize(64, 0);
    let size = [8, 16, 24, 32, 40, whole, whole, whole, whole, 64];
    let size = size[from.choose_index(size.len()).unwrap_or_default()];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(offset_of!(EventAttributes, size), &(size as u16).to_le_bytes());
    let payload = from.int_in_range(0..=8_i32).unwrap_or_default();
    if payload == 8 {
        put(offset_of!(EventAttributes, payload_type), &PAYLOAD_EXTENDED.to_le_bytes());
        let place = if from.ratio(1, 8).unwrap_or(false) { 0 } else { extended(from, places) };
        put(offset_of!(EventAttributes, payload), &place.to_le_bytes());
    } else {
        put(offset_of!(EventAttributes, payload_type), &payload.to_le_bytes());
    }
    let kind = from.int_in_range(0..=4_i32).unwrap_or_default();
    put(offset_of!(EventAttributes, message_type), &kind.to_le_bytes());
    if kind == 1 || kind == 2 {
        let place =
            if from.ratio(1, 8).unwrap_or(false) { 0 } else { message(from, places, kind == 2) };
        put(offset_of!(EventAttributes, message), &place.to_le_bytes());
    }
    places.attributes.put(&bytes[..size]).cast()
}

#[test]
fn fuzz_nvtx_attributes() {
    domain_created(NCCL, b"NCCL");
    let mut places = Places::default();
    let mut words = vec![0; 1024];
    let mut text = Vec::new();
    each_input("NVTX attributes", 20_000, |from| {
        let kind = KINDS[from.choose_index(KINDS.len()).unwrap_or_default()];
        let domain = if from.ratio(1, 2).unwrap_or(false) { NCCL } else { number(from) as u32 };
        let attributes = attributes(from, &mut places);
        // SAFETY: as much is there as the size says, texts end with 0.
        let event = unsafe { event(kind, domain, attributes) };
        let header = event.header();
        let length = message::words(header);
        event.write(header, &mut words[..length]);
        let received =
            message::read(&words[..length], &mut text).expect("a message that was written");
        assert_eq!((received.kind, received.domain, received.time), (kind, domain, event.time));
        assert_eq!((received.category, received.color), (event.category, event.color));
        let bits = |payload| match payload {
            Payload::F64(value) => (3, value.to_bits()),
            Payload::I64(value) => (2, value as u64),
            Payload::U64(value) => (1, value),
            Payload::None => (0, 0),
        };
        assert_eq!(bits(received.payload), bits(event.payload));
        assert!(text.len() <= MAX_TEXT);
    });
}

/// The words of a message are the target's memory too.
#[test]
fn fuzz_messages() {
    let mut text = Vec::new();
    let mut words = Vec::new();
    each_input("messages", 20_000, |from| {
        let header = number(from) ^ from.int_in_range(0..=7).unwrap_or(0);
        words.clear();
        words.resize(message::words(header), number(from));
        words[0] = header;
        if let Some(received) = message::read(&words, &mut text) {
            assert_eq!(received.kind as u8, header as u8);
        }
    });
}
