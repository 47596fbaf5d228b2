//! Unsigned numbers of one width, packed bit by bit.

/// Widths between this and 64 bits would need two words a number.
const WIDEST_IN_ONE_WORD: u32 = 56;

/// Numbers of the same width.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bits {
    /// Bits a number: 0 when all are 0.
    width: u32,
    /// Little-endian, with room behind the last number for reading a whole word.
    bytes: Box<[u8]>,
}

impl Bits {
    /// Packs `values`.
    pub(crate) fn pack(values: &[u64]) -> Self {
        let all = values.iter().fold(0, |all, value| all | value);
        let width = match u64::BITS - all.leading_zeros() {
            0 => return Self::default(),
            needed if needed > WIDEST_IN_ONE_WORD => u64::BITS,
            needed => needed,
        };
        let mut bytes = vec![0; (values.len() * width as usize).div_ceil(8) + size_of::<u64>()];
        for (index, value) in values.iter().enumerate() {
            let bit = index * width as usize;
            // 64 bits begin at a byte, others take at most 56 and so fit behind up to 7.
            let place = &mut bytes[bit / 8..bit / 8 + size_of::<u64>()];
            for (byte, part) in place.iter_mut().zip((value << (bit % 8)).to_le_bytes()) {
                *byte |= part;
            }
        }
        Self { width, bytes: bytes.into() }
    }

    /// The number at `index`; 0 beyond the last.
    #[expect(clippy::inline_always, reason = "what of a row is not used must not be read")]
    #[inline(always)]
    pub(crate) fn get(&self, index: usize) -> u64 {
        let bit = index * self.width as usize;
        let word = self.bytes.get(bit / 8..).and_then(|bytes| bytes.first_chunk());
        let word = word.map_or(0, |word| u64::from_le_bytes(*word));
        let mask = u64::MAX.checked_shr(u64::BITS - self.width).unwrap_or(0);
        (word >> (bit % 8)) & mask
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
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
            let bits = Bits::pack(&values);
            let read: Vec<u64> = (0..100).map(|index| bits.get(index)).collect();
            assert_eq!(read, values, "{width} bits");
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_is_read(values: Vec<u64>, shift in 0..64_u32) {
            let values: Vec<u64> = values.iter().map(|value| value >> shift).collect();
            let bits = Bits::pack(&values);
            for (index, value) in values.iter().enumerate() {
                prop_assert_eq!(bits.get(index), *value);
            }
        }
    }
}
