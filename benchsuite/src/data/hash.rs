//! Numbers out of bytes: the same on every rank and in every run of one build.

use std::hash::Hasher;

/// Of some words. `SipHash` with its fixed default key.
pub(crate) fn hash(words: impl Iterator<Item = u64>) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    words.for_each(|word| hasher.write_u64(word));
    hasher.finish()
}

/// Of some texts: their lengths count, so that none can be taken for two.
pub(crate) fn hash_bytes(texts: impl Iterator<Item = impl AsRef<[u8]>>) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    for text in texts {
        hasher.write_u64(text.as_ref().len() as u64);
        hasher.write(text.as_ref());
    }
    hasher.finish()
}

/// A well-mixed number from a few (splitmix64's finaliser over each).
pub(crate) fn scatter(words: [u64; 3]) -> u64 {
    words.into_iter().fold(0x9E37_79B9_7F4A_7C15, |state, word| {
        let mut z = (state ^ word).wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}
