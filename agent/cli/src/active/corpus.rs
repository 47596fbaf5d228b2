//! A text to train on, the same on every node.

use std::fmt::Write as _;

const WORDS: usize = 20_000;
const SYLLABLES: [&str; 16] = [
    "ka", "re", "mi", "so", "tu", "la", "ne", "vo", "shi", "ban", "dor", "el", "fin", "gra", "hu",
    "jo",
];

/// Words of a made-up language, in sentences. What they are follows from their places alone.
pub(super) fn text() -> String {
    let mut text = String::new();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for place in 1..=WORDS {
        // The multiplier of Knuth's MMIX generator.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let drawn = (state >> 33) as usize;
        for syllable in 0..=drawn % 3 {
            text.push_str(SYLLABLES[(drawn >> (4 * syllable + 2)) % SYLLABLES.len()]);
        }
        text.push(' ');
        if place % 12 == 0 {
            let _ = writeln!(text, "{}.", place / 12);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn the_text_is_the_same_on_every_node() {
        use sha2::{Digest as _, Sha256};
        let text = text();
        assert!((50_000..200_000).contains(&text.len()), "{}", text.len());
        let digest = format!("{:x}", Sha256::digest(text.as_bytes()));
        insta::assert_snapshot!(digest, @"7ad982fed1a0f39b915166a4494a1c196d2c39406e55ad466866c054fd6c31eb");
    }
}
