//! `TFRecord`, the container of `TensorBoard`'s event files: length, checksum of the length, data, checksum of the data.
//!
//! Checksums are CRC32C (Castagnoli), rotated right by 15 bits, plus a constant (`tensorflow/core/lib/hash/crc32c.h`).

/// Appends one record.
pub(super) fn append(to: &mut Vec<u8>, data: &[u8]) {
    let length = (data.len() as u64).to_le_bytes();
    to.extend_from_slice(&length);
    to.extend_from_slice(&masked(&length).to_le_bytes());
    to.extend_from_slice(data);
    to.extend_from_slice(&masked(data).to_le_bytes());
}

fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::{append, masked};

    /// The first record of every event file that `TensorFlow` writes, apart from its time.
    #[test]
    fn checksums_are_those_of_tensorflow() {
        // Worked out with google_crc32c's Python package: crc32c(b"123456789") = 0xe3069283.
        assert_eq!(
            masked(b"123456789"),
            0xe306_9283_u32.rotate_right(15).wrapping_add(0xa282_ead8)
        );
        let mut file = Vec::new();
        append(&mut file, b"abc");
        assert_eq!(file.len(), 8 + 4 + 3 + 4);
        assert_eq!(file[..8], 3_u64.to_le_bytes());
    }
}
