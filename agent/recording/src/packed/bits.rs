//! Unsigned numbers of one width, packed bit by bit.

/// Widths between this and 64 bits would need two words a number.
const WIDEST_IN_ONE_WORD: u32 = 56;

/// Numbers of the same width.
#[derive(Clone, Debug, Default)]
pub struct Bits {
    /// Bits a number: 0 when all are 0.
    width: u32,
    /// So many ones.
    mask: u64,
    /// Little-endian, with room behind the last number for reading a whole word.
    bytes: Box<[u8]>,
}

impl Bits {
    /// Packs `values`.
    #[must_use]
    pub fn pack(values: impl ExactSizeIterator<Item = u64> + Clone) -> Self {
        let all = values.clone().fold(0, |all, value| all | value);
        let width = match u64::BITS - all.leading_zeros() {
            0 => return Self::default(),
            needed if needed > WIDEST_IN_ONE_WORD => u64::BITS,
            needed => needed,
        };
        let mut bytes = vec![0; (values.len() * width as usize).div_ceil(8) + size_of::<u64>()];
        if width == u64::BITS {
            for (place, value) in bytes.as_chunks_mut().0.iter_mut().zip(values) {
                *place = value.to_le_bytes();
            }
            return Self { width, mask: u64::MAX, bytes: bytes.into() };
        }
        // What does not fill bytes yet: up to 7 bits, behind which 56 fit in a word.
        let (mut word, mut bits, mut at) = (0, 0, 0);
        for value in values {
            word |= value << bits;
            bits += width;
            if let Some(place) = bytes.get_mut(at..).and_then(|bytes| bytes.first_chunk_mut()) {
                *place = word.to_le_bytes();
            }
            let whole = bits / 8;
            word >>= 8 * whole;
            bits %= 8;
            at += whole as usize;
        }
        Self { width, mask: (1 << width) - 1, bytes: bytes.into() }
    }

    /// The number at `index`; 0 beyond the last.
    #[expect(clippy::inline_always, reason = "what of a row is not used must not be read")]
    #[inline(always)]
    #[must_use]
    pub fn get(&self, index: usize) -> u64 {
        let bit = index * self.width as usize;
        let word = self.bytes.get(bit / 8..).and_then(|bytes| bytes.first_chunk());
        let word = word.map_or(0, |word| u64::from_le_bytes(*word));
        (word >> (bit % 8)) & self.mask
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Bits;

    #[test]
    fn numbers_of_every_width() {
        for width in 0..=64 {
            let greatest = u64::MAX.checked_shr(64 - width).unwrap_or(0);
            let values: Vec<u64> = (0..100).map(|index| greatest.saturating_sub(index)).collect();
            let bits = Bits::pack(values.iter().copied());
            let read: Vec<u64> = (0..100).map(|index| bits.get(index)).collect();
            assert_eq!(read, values, "{width} bits");
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_is_read(values: Vec<u64>, shift in 0..64_u32) {
            let values: Vec<u64> = values.iter().map(|value| value >> shift).collect();
            let bits = Bits::pack(values.iter().copied());
            for (index, value) in values.iter().enumerate() {
                prop_assert_eq!(bits.get(index), *value);
            }
        }
    }
}
