//! One row as it stands in the file: the kinds of its values, then the values.

use rusqlite::types::{FromSql, ValueRef};

use super::tree::varint;
use crate::Columns;

/// Bytes that must be there behind a record, whatever they are: its values are read eight bytes at a time.
pub(super) const MARGIN: usize = 8;

/// A record that is being taken apart.
pub(super) struct Record<'a> {
    /// The kinds of the values that are left.
    kinds: &'a [u8],
    /// The values that are left, and what is behind the record.
    values: &'a [u8],
}

/// SQLite will say what is wrong.
pub(super) struct Unreadable;

impl<'a> Record<'a> {
    /// The record of so many bytes at the beginning of `bytes`, without the id, which it does not repeat; `None` when it has one.
    #[inline]
    pub(super) fn of(bytes: &'a [u8], length: usize) -> Option<Self> {
        let whole = bytes.get(..length)?;
        let (header, behind) = varint(whole)?;
        let header = usize::try_from(header).ok()?;
        let kinds = behind.get(..header.checked_sub(length - behind.len())?)?;
        let values = bytes.get(header..)?;
        let (0, kinds) = varint(kinds)? else { return None };
        Some(Self { kinds, values })
    }

    /// Whether nothing is left of it but `behind` bytes that are behind it.
    #[inline]
    pub(super) const fn is_over(&self, behind: usize) -> bool {
        self.kinds.is_empty() && self.values.len() == behind
    }

    #[inline(always)]
    fn value(&mut self) -> Option<ValueRef<'a>> {
        const LENGTHS: [usize; 7] = [0, 1, 2, 3, 4, 6, 8];
        let (kind, kinds) = varint(self.kinds)?;
        self.kinds = kinds;
        let values = self.values;
        let first = || values.first_chunk::<MARGIN>().copied();
        // Most are integers: no table of jumps, which a `match` would become.
        let (value, length) = if (1..=6).contains(&kind) {
            let length = LENGTHS[kind as usize];
            (ValueRef::Integer(i64::from_be_bytes(first()?) >> (64 - 8 * length)), length)
        } else if kind == 0 {
            (ValueRef::Null, 0)
        } else if kind == 8 || kind == 9 {
            (ValueRef::Integer(kind - 8), 0)
        } else if kind == 7 {
            // As SQLite, which knows no NaN.
            let value = f64::from_be_bytes(first()?);
            (if value.is_nan() { ValueRef::Null } else { ValueRef::Real(value) }, 8)
        } else {
            // 10 and 11 are none.
            let length =
                usize::try_from(kind.checked_sub(12).filter(|&twice| twice >= 0)?).ok()? / 2;
            let bytes = values.get(..length)?;
            (if kind % 2 == 0 { ValueRef::Blob(bytes) } else { ValueRef::Text(bytes) }, length)
        };
        self.values = values.get(length..)?;
        Some(value)
    }
}

impl Columns for Record<'_> {
    type Error = Unreadable;

    #[expect(clippy::inline_always, reason = "it is called for every value")]
    #[inline(always)]
    fn next<T: FromSql>(&mut self) -> Result<T, Unreadable> {
        let value = self.value().ok_or(Unreadable)?;
        T::column_result(value).map_err(|_| Unreadable)
    }
}
