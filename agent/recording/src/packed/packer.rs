//! Packs rows of which it is known how many there will be.

use super::rows::{Event, ROWS, Rows};

/// Packs rows column by column as they come, where [`Rows`] keeps each as it is until there are enough for a chunk.
pub(crate) struct Packer<R: Event> {
    rows: Rows<R>,
    /// The chunk that is being filled, and how many rows it has.
    open: R::Open,
    filled: usize,
    /// Chunks that will be filled.
    whole: usize,
}

impl<R: Event> Packer<R> {
    /// For so many rows.
    pub(crate) fn new(count: usize) -> Self {
        let whole = count / ROWS;
        let mut rows = Rows::default();
        rows.chunks.reserve_exact(whole);
        Self { rows, open: R::Open::default(), filled: 0, whole }
    }

    /// Appends a row.
    #[inline]
    pub(crate) fn push(&mut self, row: R) {
        if self.rows.chunks.len() == self.whole {
            self.rows.rest.push(row);
            return;
        }
        row.push(&mut self.open);
        self.filled += 1;
        if self.filled == ROWS {
            self.rows.chunks.push(R::pack(&mut self.open));
            self.filled = 0;
        }
    }

    /// The rows; `None` when they are not as many as there should have been.
    pub(crate) fn finish(self, count: usize) -> Option<Rows<R>> {
        (self.filled == 0 && self.rows.len() == count).then_some(self.rows)
    }
}
