//! How one field becomes bytes and comes back: little-endian, no padding.

use crate::{LossCause, MonotonicNs, Payload, RealtimeNs};

/// Where the next fields go.
pub(crate) struct Room<'b>(pub(crate) &'b mut [u8]);

/// A field of a record.
pub(crate) trait Wire<'a>: Sized {
    /// The bytes of the field; of a text, those of its length.
    const BYTES: usize;
    /// Whether that is all.
    const FIXED: bool = true;
    /// Writes the field at the front of `out`, which has room for it, and leaves the rest there.
    fn put(&self, out: &mut Room<'_>);
    /// Takes the field off the front of `from`; `None` when the bytes cannot be such a field.
    fn take(from: &mut &'a [u8]) -> Option<Self>;
}

/// Writes `N` bytes at the front of `out`. Where the room is a constant, the compiler sees that there is enough.
#[inline]
fn put_bytes<const N: usize>(out: &mut Room<'_>, bytes: [u8; N]) {
    let (place, rest) = std::mem::take(&mut out.0).split_at_mut(N);
    place.copy_from_slice(&bytes);
    out.0 = rest;
}

/// Takes `N` bytes off the front of `from`.
fn take_bytes<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = from.split_first_chunk::<N>()?;
    *from = rest;
    Some(*head)
}

macro_rules! wire_number {
    ($($number:ty),*) => {$(
        impl<'a> Wire<'a> for $number {
            const BYTES: usize = size_of::<$number>();
            #[inline]
            fn put(&self, out: &mut Room<'_>) {
                put_bytes(out, self.to_le_bytes());
            }
            #[inline]
            fn take(from: &mut &'a [u8]) -> Option<Self> {
                take_bytes(from).map(<$number>::from_le_bytes)
            }
        }
    )*};
}
wire_number!(u8, u16, u32, u64, i32, i64);

impl<'a> Wire<'a> for [u8; 16] {
    const BYTES: usize = 16;
    fn put(&self, out: &mut Room<'_>) {
        put_bytes(out, *self);
    }
    fn take(from: &mut &'a [u8]) -> Option<Self> {
        take_bytes(from)
    }
}

impl<'a> Wire<'a> for [u32; 3] {
    const BYTES: usize = 12;
    #[inline]
    fn put(&self, out: &mut Room<'_>) {
        for axis in self {
            axis.put(out);
        }
    }
    fn take(from: &mut &'a [u8]) -> Option<Self> {
        Some([u32::take(from)?, u32::take(from)?, u32::take(from)?])
    }
}

impl<'a> Wire<'a> for MonotonicNs {
    const BYTES: usize = 8;
    #[inline]
    fn put(&self, out: &mut Room<'_>) {
        self.0.put(out);
    }
    fn take(from: &mut &'a [u8]) -> Option<Self> {
        u64::take(from).map(Self)
    }
}

impl<'a> Wire<'a> for RealtimeNs {
    const BYTES: usize = 8;
    #[inline]
    fn put(&self, out: &mut Room<'_>) {
        self.0.put(out);
    }
    fn take(from: &mut &'a [u8]) -> Option<Self> {
        i64::take(from).map(Self)
    }
}

impl<'a> Wire<'a> for LossCause {
    const BYTES: usize = 2;
    #[inline]
    fn put(&self, out: &mut Room<'_>) {
        self.code().put(out);
    }
    fn take(from: &mut &'a [u8]) -> Option<Self> {
        u16::take(from).map(Self::from_code)
    }
}

impl<'a> Wire<'a> for Payload {
    const BYTES: usize = 9;
    #[inline]
    fn put(&self, out: &mut Room<'_>) {
        let (tag, bits) = match *self {
            Self::None => (0_u8, 0),
            Self::U64(value) => (1, value),
            Self::I64(value) => (2, value as u64),
            Self::F64(value) => (3, value.to_bits()),
        };
        tag.put(out);
        bits.put(out);
    }
    fn take(from: &mut &'a [u8]) -> Option<Self> {
        let tag = u8::take(from)?;
        let bits = u64::take(from)?;
        match tag {
            0 => Some(Self::None),
            1 => Some(Self::U64(bits)),
            2 => Some(Self::I64(bits as i64)),
            3 => Some(Self::F64(f64::from_bits(bits))),
            _ => None,
        }
    }
}

/// A text: u32 length, then UTF-8.
impl<'a> Wire<'a> for &'a str {
    const BYTES: usize = 4;
    const FIXED: bool = false;
    fn put(&self, out: &mut Room<'_>) {
        (self.len() as u32).put(out);
        let (place, rest) = std::mem::take(&mut out.0).split_at_mut(self.len());
        place.copy_from_slice(self.as_bytes());
        out.0 = rest;
    }
    fn take(from: &mut &'a [u8]) -> Option<Self> {
        let length = u32::take(from)? as usize;
        let (text, rest) = from.split_at_checked(length)?;
        *from = rest;
        std::str::from_utf8(text).ok()
    }
}

/// u8 0 or 1.
impl<'a> Wire<'a> for bool {
    const BYTES: usize = 1;
    #[inline]
    fn put(&self, out: &mut Room<'_>) {
        u8::from(*self).put(out);
    }
    fn take(from: &mut &'a [u8]) -> Option<Self> {
        match u8::take(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

macro_rules! wire_option {
    ($($number:ty),*) => {$(
        /// Present or absent: u8 0 or 1, then the number (0 when absent).
        impl<'a> Wire<'a> for Option<$number> {
            const BYTES: usize = 1 + size_of::<$number>();
            #[inline]
            fn put(&self, out: &mut Room<'_>) {
                self.is_some().put(out);
                self.unwrap_or(0).put(out);
            }
            fn take(from: &mut &'a [u8]) -> Option<Self> {
                let present = bool::take(from)?;
                let value = <$number>::take(from)?;
                Some(present.then_some(value))
            }
        }
    )*};
}
wire_option!(u32, u64);
