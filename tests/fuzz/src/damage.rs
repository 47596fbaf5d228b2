//! Damage that is more likely to be misread than noise is.

use arbitrary::Unstructured;

/// Numbers at which something changes.
const EDGES: [u64; 14] = [
    0,
    1,
    2,
    7,
    8,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 32,
    u64::MAX >> 1,
    u64::MAX,
];

/// A number of any size, often one at which something changes.
pub fn number(from: &mut Unstructured<'_>) -> u64 {
    match below(from, 4) {
        0 => EDGES[below(from, EDGES.len())],
        1 => below(from, 16) as u64,
        2 => u64::from(from.arbitrary::<u16>().unwrap_or_default()),
        _ => from.arbitrary().unwrap_or_default(),
    }
}

/// One of `texts`, whole or damaged; always without a 0 byte.
pub fn text(from: &mut Unstructured<'_>, texts: &[&str]) -> Vec<u8> {
    let mut text = texts[below(from, texts.len())].as_bytes().to_vec();
    if from.ratio(1, 2).unwrap_or(false) {
        damage(&mut text, from);
    }
    text.retain(|byte| *byte != 0);
    text
}

/// Up to eight changes: flipped bits, other bytes and numbers, pieces cut out, doubled or moved.
pub fn damage(bytes: &mut Vec<u8>, from: &mut Unstructured<'_>) {
    for _ in 0..=below(from, 8) {
        let length = bytes.len();
        let at = below(from, length + 1);
        let piece = below(from, 24).min(length - at);
        match below(from, 8) {
            0 if at < length => bytes[at] ^= 1 << below(from, 8),
            1 if at < length => bytes[at] = from.arbitrary().unwrap_or_default(),
            2 if at + 8 <= length => bytes[at..at + 8].copy_from_slice(&number(from).to_le_bytes()),
            3 if at + 4 <= length => {
                bytes[at..at + 4].copy_from_slice(&(number(from) as u32).to_le_bytes());
            }
            4 => bytes.truncate(at),
            5 => drop(bytes.drain(at..at + piece)),
            6 => {
                let doubled = bytes[at..at + piece].to_vec();
                bytes.splice(at..at, doubled);
            }
            7 => {
                let to = below(from, length + 1).min(length - piece);
                bytes.copy_within(at..at + piece, to);
            }
            _ => bytes.insert(at, from.arbitrary().unwrap_or_default()),
        }
    }
}

/// A number below `end`, which is not 0.
pub(crate) fn below(from: &mut Unstructured<'_>, end: usize) -> usize {
    from.choose_index(end).unwrap_or_default()
}
