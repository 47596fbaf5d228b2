//! One column of a chunk.

use super::bits::Bits;
use super::cell::Cell;
use crate::table::Payload;

/// The times of the rows of a chunk as far as their columns were gone through.
pub(crate) type Times = Vec<i64>;

/// A field of which a chunk keeps a column.
pub(crate) trait Packable: Copy {
    /// Many of it.
    type Column: Clone + std::fmt::Debug + Send + Sync;

    /// Packs a column. `times` are the last times before it in each row, and then its own, if it is one.
    fn pack(values: impl Iterator<Item = Self>, times: &mut Times) -> Self::Column;

    /// The value of a row. `time` is the last time before it in the row, and then its own, if it is one.
    fn unpack(column: &Self::Column, row: usize, time: &mut i64) -> Self;

    /// Bytes of a column on the heap.
    fn heap_bytes(column: &Self::Column) -> usize;
}

/// The integers of a column.
#[derive(Clone, Debug, Default)]
pub(crate) struct Integers {
    least: i64,
    differences: Bits,
    absent: Absent,
}

/// Which rows have no value.
#[derive(Clone, Debug, Default)]
enum Absent {
    #[default]
    None,
    All,
    Some(Bits),
}

impl Integers {
    fn pack(cells: &[Option<i64>]) -> Self {
        let least = cells.iter().flatten().min().copied();
        let absent = if least.is_none() {
            Absent::All
        } else if cells.iter().all(Option::is_some) {
            Absent::None
        } else {
            let flags: Vec<u64> = cells.iter().map(|cell| u64::from(cell.is_none())).collect();
            Absent::Some(Bits::pack(&flags))
        };
        let least = least.unwrap_or(0);
        let difference =
            |cell: &Option<i64>| cell.map_or(0, |cell| cell.wrapping_sub(least).cast_unsigned());
        let differences: Vec<u64> = cells.iter().map(difference).collect();
        Self { least, differences: Bits::pack(&differences), absent }
    }

    #[expect(clippy::inline_always, reason = "what of a row is not used must not be read")]
    #[inline(always)]
    fn get(&self, row: usize) -> Option<i64> {
        let is_absent = match &self.absent {
            Absent::None => false,
            Absent::All => true,
            Absent::Some(flags) => flags.get(row) == 1,
        };
        (!is_absent).then(|| self.least.wrapping_add(self.differences.get(row).cast_signed()))
    }

    fn heap_bytes(&self) -> usize {
        let flags = match &self.absent {
            Absent::None | Absent::All => 0,
            Absent::Some(flags) => flags.heap_bytes(),
        };
        self.differences.heap_bytes() + flags
    }
}

impl<T: Cell> Packable for T {
    type Column = Integers;

    fn pack(values: impl Iterator<Item = Self>, times: &mut Times) -> Integers {
        let mut cells: Vec<Option<i64>> = values.map(T::to_cell).collect();
        if T::IS_TIME {
            times.resize(cells.len(), 0);
            for (cell, time) in cells.iter_mut().zip(times) {
                if let Some(cell) = cell {
                    let own = *cell;
                    *cell = own.wrapping_sub(*time);
                    *time = own;
                }
            }
        }
        Integers::pack(&cells)
    }

    #[expect(clippy::inline_always, reason = "what of a row is not used must not be read")]
    #[inline(always)]
    fn unpack(column: &Integers, row: usize, time: &mut i64) -> Self {
        let mut cell = column.get(row);
        if T::IS_TIME
            && let Some(cell) = &mut cell
        {
            *cell = cell.wrapping_add(*time);
            *time = *cell;
        }
        T::from_cell(cell)
    }

    fn heap_bytes(column: &Integers) -> usize {
        column.heap_bytes()
    }
}

impl Packable for Payload {
    /// Whether it is a floating-point number, and its value.
    type Column = (Integers, Integers);

    fn pack(values: impl Iterator<Item = Self>, _times: &mut Times) -> Self::Column {
        let cells: Vec<(Option<i64>, Option<i64>)> = values
            .map(|payload| match payload {
                Self::None => (Some(0), None),
                Self::Integer(value) => (Some(0), Some(value)),
                Self::Real(value) => (Some(1), value.to_cell()),
            })
            .collect();
        let (reals, values): (Vec<_>, Vec<_>) = cells.into_iter().unzip();
        (Integers::pack(&reals), Integers::pack(&values))
    }

    #[expect(clippy::inline_always, reason = "what of a row is not used must not be read")]
    #[inline(always)]
    fn unpack((reals, values): &Self::Column, row: usize, _time: &mut i64) -> Self {
        match (values.get(row), reals.get(row)) {
            (None, _) => Self::None,
            (value, Some(1)) => Self::Real(f64::from_cell(value)),
            (Some(value), _) => Self::Integer(value),
        }
    }

    fn heap_bytes((reals, values): &Self::Column) -> usize {
        reals.heap_bytes() + values.heap_bytes()
    }
}
