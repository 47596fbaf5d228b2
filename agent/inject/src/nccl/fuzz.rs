//! Descriptors of NCCL of every version and kind with any bytes in them. Texts end with 0 or are null, as NCCL promises;
//! the descriptor ends where readable memory does.
#![expect(unsafe_code, reason = "descriptors are put where NCCL would")]

use perfagent_fuzz::{Guarded, Unstructured, each_input, number, text};

use super::descriptor::{Body, read};
use super::sys::kind;

const KINDS: [u64; 12] = [
    0,
    kind::GROUP,
    kind::COLL,
    kind::P2P,
    kind::PROXY_OP,
    kind::PROXY_STEP,
    kind::KERNEL_CH,
    kind::NET_PLUGIN,
    kind::GROUP_API,
    kind::COLL_API,
    kind::P2P_API,
    kind::KERNEL_LAUNCH,
];
const TEXTS: [&str; 4] =
    ["", "AllReduce", "ncclBfloat16", "a name of an operation that is far too long"];
/// The longest descriptor that is looked at.
const LENGTH: usize = 112;

/// Where the texts of a descriptor stand.
fn texts_at(version: u8, of: u64) -> &'static [usize] {
    match (of, version) {
        (kind::COLL | kind::P2P, 1) => &[24],
        (kind::COLL, 2 | 3) => &[24, 48, 88],
        (kind::COLL, _) => &[32, 72],
        (kind::P2P, 2 | 3) => &[24, 40, 56],
        (kind::P2P | kind::COLL_API | kind::P2P_API, _) => &[24, 40],
        _ => &[],
    }
}

fn descriptor(
    from: &mut Unstructured<'_>,
    version: u8,
    of: u64,
    (texts, place): (&mut [Guarded; 3], &mut Guarded),
) -> *const u8 {
    let mut bytes = Vec::new();
    while bytes.len() < LENGTH {
        bytes.extend_from_slice(&number(from).to_le_bytes());
    }
    if version <= 4 {
        bytes[0] = of as u8;
    } else {
        bytes[..8].copy_from_slice(&of.to_le_bytes());
    }
    for (at, memory) in texts_at(version, of).iter().zip(texts) {
        let mut text = text(from, &TEXTS);
        text.push(0);
        let is_null = from.ratio(1, 8).unwrap_or(false);
        let text = if is_null { 0 } else { memory.put(&text).expose_provenance() as u64 };
        bytes[*at..at + 8].copy_from_slice(&text.to_le_bytes());
    }
    place.put(&bytes)
}

#[test]
fn fuzz_nccl_descriptors() {
    let mut texts = [(); 3].map(|()| Guarded::new());
    let mut place = Guarded::new();
    each_input("NCCL descriptors", 20_000, |from| {
        let version = from.int_in_range(1..=6).unwrap_or(1);
        let of = KINDS[from.choose_index(KINDS.len()).unwrap_or_default()];
        // Up to version 4 the kind has 8 bits.
        let of = if version <= 4 { of & 0xff } else { of };
        let descriptor = descriptor(from, version, of, (&mut texts, &mut place));
        // SAFETY: a descriptor of this version and kind was put there, whose texts end with 0.
        let described = unsafe { read(version, descriptor) };
        assert_eq!(described.kind, of);
        match described.body {
            Body::Call(call) | Body::Api(call, _) => {
                assert!(call.func.len() <= 31 && call.dtype.len() <= 31);
                let name = call.communicator.map_or(&[][..], |(name, _)| name);
                assert!(name.len() <= 255);
            }
            Body::Channel(_) => assert!(of == kind::KERNEL_CH && version >= 4),
            Body::Other => {}
        }
    });
}
