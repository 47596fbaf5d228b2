//! One column of a chunk.

use super::bits::Bits;
use super::cell::Cell;
use crate::table::Payload;

/// A field of which a chunk keeps a column.
pub(crate) trait Packable: Copy {
    /// Many of it.
    type Column: Clone + std::fmt::Debug + Send + Sync;

    /// Many of it that are not packed yet.
    type Values: Default;

    /// Appends it. `time` is the last time before it in the row, and then its own, if it is one.
    fn push(self, values: &mut Self::Values, time: &mut i64);

    /// Packs all values, and takes them away.
    fn pack(values: &mut Self::Values) -> Self::Column;

    /// The value of a row. `time` is the last time before it in the row, and then its own, if it is one.
    fn unpack(column: &Self::Column, row: usize, time: &mut i64) -> Self;

    /// Bytes of a column on the heap.
    fn heap_bytes(column: &Self::Column) -> usize;

    /// Its nanoseconds, if it is a time.
    fn nanos(self) -> Option<i64> {
        None
    }
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

/// Integers that are not packed yet.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    /// 0 where there is none.
    values: Vec<i64>,
    /// One bit a row, as in [`Absent::Some`]; ends with the last row that has no value.
    absent: Vec<u64>,
    absences: usize,
}

impl Cells {
    #[inline]
    fn push(&mut self, cell: Option<i64>) {
        if cell.is_none() {
            let row = self.values.len();
            if self.absent.len() <= row / 64 {
                self.absent.resize(row / 64 + 1, 0);
            }
            self.absent[row / 64] |= 1 << (row % 64);
            self.absences += 1;
        }
        self.values.push(cell.unwrap_or(0));
    }

    fn is_absent(&self, row: usize) -> bool {
        self.absent.get(row / 64).is_some_and(|flags| flags >> (row % 64) & 1 == 1)
    }

    fn pack(&mut self) -> Integers {
        let rows = self.values.len();
        let absent = match self.absences {
            0 => Absent::None,
            absences if absences == rows => Absent::All,
            _ => Absent::Some(Bits::pack((0..rows).map(|row| u64::from(self.is_absent(row))))),
        };
        let mut least = self.values.iter().min().copied().unwrap_or(0);
        if self.absences > 0 {
            let present = (0..rows).filter(|&row| !self.is_absent(row));
            least = present.map(|row| self.values[row]).min().unwrap_or(0);
            for row in 0..rows {
                if self.is_absent(row) {
                    self.values[row] = least;
                }
            }
        }
        let differences = self.values.iter().map(|value| value.wrapping_sub(least).cast_unsigned());
        let packed = Integers { least, differences: Bits::pack(differences), absent };
        self.values.clear();
        self.absent.clear();
        self.absences = 0;
        packed
    }
}

impl Integers {
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
    type Values = Cells;

    #[inline]
    fn push(self, values: &mut Cells, time: &mut i64) {
        let mut cell = self.to_cell();
        if T::IS_TIME
            && let Some(cell) = &mut cell
        {
            let own = *cell;
            *cell = own.wrapping_sub(*time);
            *time = own;
        }
        values.push(cell);
    }

    fn pack(values: &mut Cells) -> Integers {
        values.pack()
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

    #[inline]
    fn nanos(self) -> Option<i64> {
        if T::IS_TIME { self.to_cell() } else { None }
    }
}

impl Packable for Payload {
    /// Whether it is a floating-point number, and its value.
    type Column = (Integers, Integers);

    type Values = (Cells, Cells);

    #[inline]
    fn push(self, (reals, values): &mut Self::Values, _time: &mut i64) {
        let (is_real, value) = match self {
            Self::None => (0, None),
            Self::Integer(value) => (0, Some(value)),
            Self::Real(value) => (1, value.to_cell()),
        };
        reals.push(Some(is_real));
        values.push(value);
    }

    fn pack((reals, values): &mut Self::Values) -> Self::Column {
        (reals.pack(), values.pack())
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
