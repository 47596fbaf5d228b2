//! A table of events in memory.

use crate::table::Row;

/// Rows of a chunk. More would need fewer bytes for what a chunk has once, but more bits a value.
pub(crate) const ROWS: usize = 4096;

/// A row of a table that may have millions.
pub trait Event: Row {
    /// Many rows, column by column.
    type Chunk: Clone + std::fmt::Debug + Send + Sync;

    /// Rows that are to be packed, column by column.
    type Open: Default;

    /// Appends it to such rows.
    fn push(self, open: &mut Self::Open);

    /// Packs them, and takes them away.
    fn pack(open: &mut Self::Open) -> Self::Chunk;

    /// The row at `index` of a chunk.
    fn unpack(chunk: &Self::Chunk, index: usize) -> Self;

    /// Bytes of a chunk.
    fn chunk_bytes(chunk: &Self::Chunk) -> usize;

    /// When it began and ended, ns since the Unix epoch; twice the same for what has no length.
    fn times(&self) -> (i64, i64);
}

/// The rows of a table, packed. A row is made when it is asked for: take it by value, and do not ask twice.
#[derive(Clone, Debug)]
pub struct Rows<R: Event> {
    /// Of [`ROWS`] rows each.
    pub(super) chunks: Vec<R::Chunk>,
    /// What does not fill a chunk yet.
    pub(super) rest: Vec<R>,
}

impl<R: Event> Default for Rows<R> {
    fn default() -> Self {
        Self { chunks: Vec::new(), rest: Vec::new() }
    }
}

impl<R: Event> Rows<R> {
    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.chunks.len() * ROWS + self.rest.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.rest.is_empty()
    }

    /// The row at `index`, which is its id less one.
    #[expect(clippy::inline_always, reason = "what of a row is not used must not be read")]
    #[inline(always)]
    #[must_use]
    pub fn get(&self, index: usize) -> Option<R> {
        match self.chunks.get(index / ROWS) {
            Some(chunk) => Some(R::unpack(chunk, index % ROWS)),
            None => self.rest.get(index.checked_sub(self.chunks.len() * ROWS)?).cloned(),
        }
    }

    /// The last row.
    #[must_use]
    pub fn last(&self) -> Option<R> {
        self.get(self.len().checked_sub(1)?)
    }

    /// Every row in order.
    #[must_use]
    pub const fn iter(&self) -> Iter<'_, R> {
        Iter { rows: self, next: 0, end: self.len() }
    }

    /// Every row as a struct.
    #[must_use]
    pub fn to_vec(&self) -> Vec<R> {
        self.iter().collect()
    }

    /// Appends a row.
    pub fn push(&mut self, row: R) {
        self.rest.push(row);
        if self.rest.len() == ROWS {
            self.chunks.push(pack(self.rest.drain(..)));
        }
    }

    /// Appends the rows of `other`.
    pub(crate) fn append(&mut self, mut other: Self) {
        if self.rest.is_empty() {
            self.chunks.append(&mut other.chunks);
            self.rest = other.rest;
        } else {
            self.extend(other.iter());
        }
    }

    /// Changes one row, which costs as much as packing its chunk anew. False when there is no such row.
    pub fn change(&mut self, index: usize, change: impl FnOnce(&mut R)) -> bool {
        if let Some(chunk) = self.chunks.get_mut(index / ROWS) {
            let mut rows: Vec<R> = (0..ROWS).map(|row| R::unpack(chunk, row)).collect();
            change(&mut rows[index % ROWS]);
            *chunk = pack(rows.into_iter());
            return true;
        }
        let row =
            index.checked_sub(self.chunks.len() * ROWS).and_then(|row| self.rest.get_mut(row));
        row.map(change).is_some()
    }

    /// [`Rows::change`] of the last row.
    pub fn change_last(&mut self, change: impl FnOnce(&mut R)) -> bool {
        self.len().checked_sub(1).is_some_and(|last| self.change(last, change))
    }

    /// Gives back memory that only further rows would need.
    pub fn shrink_to_fit(&mut self) {
        self.chunks.shrink_to_fit();
        self.rest.shrink_to_fit();
    }

    /// Bytes that the rows take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let packed: usize = self.chunks.iter().map(R::chunk_bytes).sum();
        packed + self.rest.capacity() * size_of::<R>()
    }
}

fn pack<R: Event>(rows: impl Iterator<Item = R>) -> R::Chunk {
    let mut open = R::Open::default();
    rows.for_each(|row| row.push(&mut open));
    R::pack(&mut open)
}

/// The rows of a table one after the other.
#[derive(Clone, Debug)]
pub struct Iter<'a, R: Event> {
    rows: &'a Rows<R>,
    next: usize,
    end: usize,
}

impl<R: Event> Iterator for Iter<'_, R> {
    type Item = R;

    #[expect(clippy::inline_always, reason = "what of a row is not used must not be read")]
    #[inline(always)]
    fn next(&mut self) -> Option<R> {
        let row = (self.next < self.end).then(|| self.rows.get(self.next))?;
        self.next += 1;
        row
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.end - self.next, Some(self.end - self.next))
    }
}

impl<R: Event> DoubleEndedIterator for Iter<'_, R> {
    fn next_back(&mut self) -> Option<R> {
        let last = (self.next < self.end).then(|| self.end - 1)?;
        self.end = last;
        self.rows.get(last)
    }
}

impl<R: Event> ExactSizeIterator for Iter<'_, R> {}

impl<'a, R: Event> IntoIterator for &'a Rows<R> {
    type Item = R;
    type IntoIter = Iter<'a, R>;

    fn into_iter(self) -> Iter<'a, R> {
        self.iter()
    }
}

impl<R: Event> Extend<R> for Rows<R> {
    fn extend<T: IntoIterator<Item = R>>(&mut self, rows: T) {
        for row in rows {
            self.push(row);
        }
    }
}

impl<R: Event> FromIterator<R> for Rows<R> {
    fn from_iter<T: IntoIterator<Item = R>>(rows: T) -> Self {
        let mut all = Self::default();
        all.extend(rows);
        all
    }
}

impl<R: Event + PartialEq> PartialEq for Rows<R> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ROWS, Rows};
    use crate::table::{Collective, Mark, Payload, Timing};
    use crate::{ProcessId, Timestamp};

    fn collective(number: i64, spread: i64) -> Collective {
        let number = number.wrapping_mul(spread);
        Collective {
            process_id: ProcessId(number % 3),
            start_ns: Timestamp::from_unix_nanos(number),
            end_ns: Timestamp::from_unix_nanos(number.wrapping_mul(31)),
            bytes: (number % 5 != 0).then_some(number),
            timing: if number % 2 == 0 { Timing::Kernel } else { Timing::Enqueue },
            enqueued_ns: (number % 7 == 0).then_some(Timestamp::MIN),
            open: number % 11 == 0,
            ..Collective::default()
        }
    }

    proptest! {
        /// Whatever the values are, and wherever chunks begin.
        #[test]
        fn rows_are_what_they_were(count in 0..3 * ROWS, spread: i64, cut in 0..3 * ROWS) {
            let rows: Vec<Collective> = (0..count as i64).map(|number| collective(number, spread)).collect();
            let packed: Rows<Collective> = rows.iter().cloned().collect();
            prop_assert_eq!(packed.len(), count);
            prop_assert!(packed.iter().eq(rows.iter().cloned()));
            prop_assert!(packed.iter().rev().eq(rows.iter().rev().cloned()));
            prop_assert_eq!(packed.get(count), None);
            let (first, second) = rows.split_at(cut.min(count));
            let mut joined: Rows<Collective> = first.iter().cloned().collect();
            joined.append(second.iter().cloned().collect());
            prop_assert!(joined == packed);
        }

        #[test]
        fn payloads_of_every_kind(few in prop::collection::vec((0..3_u8, any::<i64>(), any::<f64>()), 1..20)) {
            let kinds: Vec<_> = few.iter().cycle().take(ROWS).copied().collect();
            let payload = |&(kind, integer, real): &(u8, i64, f64)| match kind {
                0 => Payload::None,
                1 => Payload::Integer(integer),
                _ => Payload::Real(real),
            };
            let marks: Rows<Mark> = kinds.iter().map(|kind| Mark { payload: payload(kind), ..Mark::default() }).collect();
            for (mark, kind) in marks.iter().zip(&kinds) {
                prop_assert_eq!(mark.payload, payload(kind));
            }
        }
    }

    #[test]
    fn a_row_can_be_changed() {
        let mut rows: Rows<Mark> = (0..ROWS + 2).map(|_| Mark::default()).collect();
        for row in [0, ROWS - 1, ROWS, ROWS + 1] {
            assert!(rows.change(row, |mark| mark.payload = Payload::Integer(row as i64)));
            assert_eq!(rows.get(row).map(|mark| mark.payload), Some(Payload::Integer(row as i64)));
        }
        assert!(!rows.change(ROWS + 2, |_| ()));
        assert_eq!(rows.iter().filter(|mark| mark.payload == Payload::None).count(), ROWS - 2);
    }
}
