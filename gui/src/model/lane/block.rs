//! Neighbouring events of a lane in few bytes.
//!
//! Starts, label numbers and rows are kept as differences to the least of the block, lengths as they are, each column with as
//! many bits as its greatest value needs: about eight bytes an event of a recording of kernels, where a column of each full
//! width would take 25.

use perfagent_recording::Bits;

/// Events of a block. More would need fewer bytes for what a block has once, but more bits a value.
pub(super) const EVENTS: usize = 1024;

/// An event before it is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Start, ns.
    pub(crate) start: i64,
    /// End, ns; not before the start.
    pub(crate) end: i64,
    /// The number of its label.
    pub(crate) label: u32,
    /// Its position in the table of the recording that it came from.
    pub(crate) row: u32,
}

/// Up to [`EVENTS`] events, disjoint and in order of time.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    pub(super) first: i64,
    starts: Bits,
    lengths: Bits,
    label: u32,
    labels: Bits,
    row: u32,
    rows: Bits,
}

impl Block {
    /// Packs events, which begin no earlier than the first of them.
    pub(super) fn pack(entries: &[Entry]) -> Self {
        let first = entries.first().map_or(0, |entry| entry.start);
        let label = entries.iter().map(|entry| entry.label).min().unwrap_or(0);
        let row = entries.iter().map(|entry| entry.row).min().unwrap_or(0);
        let entries = entries.iter();
        let starts = entries.clone().map(|entry| (entry.start - first).cast_unsigned());
        let lengths = entries.clone().map(|entry| (entry.end - entry.start).cast_unsigned());
        let labels = entries.clone().map(|entry| u64::from(entry.label - label));
        let rows = entries.map(|entry| u64::from(entry.row - row));
        Self {
            first,
            starts: Bits::pack(starts),
            lengths: Bits::pack(lengths),
            label,
            labels: Bits::pack(labels),
            row,
            rows: Bits::pack(rows),
        }
    }

    pub(super) fn start(&self, index: usize) -> i64 {
        self.first.wrapping_add(self.starts.get(index).cast_signed())
    }

    pub(super) fn end(&self, index: usize) -> i64 {
        self.times(index).1
    }

    /// Start and end.
    pub(super) fn times(&self, index: usize) -> (i64, i64) {
        let start = self.start(index);
        (start, start.wrapping_add(self.lengths.get(index).cast_signed()))
    }

    pub(super) fn label(&self, index: usize) -> u32 {
        self.label.wrapping_add(self.labels.get(index) as u32)
    }

    pub(super) fn row(&self, index: usize) -> u32 {
        self.row.wrapping_add(self.rows.get(index) as u32)
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.starts.heap_bytes()
            + self.lengths.heap_bytes()
            + self.labels.heap_bytes()
            + self.rows.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Block, EVENTS, Entry};
    use crate::model::lane::FURTHEST_TIME;

    proptest! {
        /// Also of the furthest times that there are.
        #[test]
        fn what_is_packed_is_read(
            values in prop::collection::vec((-FURTHEST_TIME..=FURTHEST_TIME, 0..FURTHEST_TIME, any::<u32>(), any::<u32>()), 1..EVENTS),
            shift in 0..62_u32,
        ) {
            let mut entries: Vec<Entry> = values
                .into_iter()
                .map(|(start, length, label, row)| {
                    let start = start >> shift;
                    let end = (start + (length >> shift)).min(FURTHEST_TIME);
                    Entry { start, end, label: label >> (shift % 32), row }
                })
                .collect();
            entries.sort_by_key(|entry| entry.start);
            let block = Block::pack(&entries);
            for (index, entry) in entries.iter().enumerate() {
                prop_assert_eq!((block.start(index), block.end(index)), (entry.start, entry.end));
                prop_assert_eq!((block.label(index), block.row(index)), (entry.label, entry.row));
            }
        }
    }
}
