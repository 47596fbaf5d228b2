//! Fields of a message, one after the other, without what is in them.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Field<'a> {
    Number(u64),
    /// A text or message.
    Bytes(&'a [u8]),
    /// Of another type.
    Other,
}

/// Hands the fields of the message in `bytes`, which stands at `offset`, over: the number of each, what it holds, and where
/// that is. `Err` with the place of what is no field, and what is wrong there.
pub(super) fn each<'a>(
    bytes: &'a [u8],
    offset: u64,
    mut with: impl FnMut(u32, Field<'a>, u64),
) -> Result<(), (u64, String)> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let start = offset + (bytes.len() - rest.len()) as u64;
        let (number, field) = field(&mut rest, false).map_err(|what| (start, what))?;
        let length = if let Field::Bytes(held) = field { held.len() } else { 0 };
        with(number, field, offset + (bytes.len() - rest.len() - length) as u64);
    }
    Ok(())
}

/// The next field and its number. One that is longer than what is there is damage, or `cut` by who looks at it.
pub(super) fn field<'a>(rest: &mut &'a [u8], cut: bool) -> Result<(u32, Field<'a>), String> {
    let told = |error: prost::DecodeError| error.to_string();
    let (number, kind) = decode_key(rest).map_err(told)?;
    let field = match kind {
        WireType::Varint => Field::Number(decode_varint(rest).map_err(told)?),
        WireType::LengthDelimited => {
            let length = decode_varint(rest).map_err(told)?;
            let there = rest.len() as u64;
            if length > there && !cut {
                return Err(format!(
                    "field {number} of {length} bytes, of which {there} are there"
                ));
            }
            let (bytes, behind) = rest.split_at(length.min(there) as usize);
            *rest = behind;
            Field::Bytes(bytes)
        }
        kind => {
            skip_field(kind, number, rest, DecodeContext::default()).map_err(told)?;
            Field::Other
        }
    };
    Ok((number, field))
}
