//! Reads rows of events straight from the pages of a recording's file.
//!
//! SQLite takes a row apart value by value in its interpreter, which was most of the time of a report. A recording that is
//! complete is one plain file in a documented format (<https://www.sqlite.org/fileformat2.html>), of which this needs little:
//! the B-tree of a table and the format of its records. Whatever is not as this crate writes it (a table that was changed, a
//! write-ahead log, a row too long for its page, damage) is no error here, but is left to SQLite, which reads it or says
//! what is wrong.

mod record;
mod tree;

use std::fs::File;

use crate::packed::{Event, Packer, Rows};
use record::Record;
use tree::Tree;

/// The file, and how it is divided.
pub(crate) struct Pages<'a> {
    file: &'a File,
    page_size: usize,
    /// How many pages there are.
    count: u32,
    /// Bytes of a page that belong to the B-tree.
    usable: usize,
}

impl<'a> Pages<'a> {
    /// `None` when the file is not all that there is, or is of a kind that this crate never writes.
    pub(crate) fn of(file: &'a File) -> Option<Self> {
        let mut header = [0; tree::FILE_HEADER];
        tree::read(file, &mut header, 0)?;
        let page_size = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65536,
            size if size.is_power_of_two() && size >= 512 => usize::from(size),
            _ => return None,
        };
        // Versions for writing and reading: 2 is a write-ahead log. Text encoding: 1 is UTF-8.
        let is_plain = header[18..20] == [1, 1] && header[56..60] == [0, 0, 0, 1];
        let usable = page_size - usize::from(header[20]);
        let count = u32::from_be_bytes(*header[28..].first_chunk()?);
        is_plain.then_some(Self { file, page_size, count, usable })
    }

    /// The rows of the table at the page `root` with an id greater than the first of `bounds` and not greater than the second;
    /// `None` when SQLite has to read them.
    pub(crate) fn rows<R: Event>(&self, root: u32, bounds: (i64, i64)) -> Option<Rows<R>> {
        let count = usize::try_from(bounds.1.checked_sub(bounds.0)?).ok()?;
        let mut rows = Packer::new(count);
        Tree::new(self, bounds).for_each(root, &mut |bytes, length| {
            let mut record = Record::of(bytes, length)?;
            let row = R::read(&mut record).ok()?;
            rows.push(row);
            record.is_over(bytes.len() - length).then_some(())
        })?;
        rows.finish(count)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use rusqlite::Connection;

    use crate::packed::{Event, Rows};
    use crate::table::{Collective, CounterSample, Mark, Payload, Timing};
    use crate::{CounterId, OpenError, Reader, Timestamp, Writer};

    fn collective(number: i64) -> Collective {
        Collective {
            start_ns: Timestamp::from_unix_nanos(number),
            end_ns: Timestamp::from_unix_nanos(number.wrapping_mul(31)),
            bytes: (number % 3 != 0).then_some(number >> 7),
            group_size: Some(number % 3),
            timing: if number % 2 == 0 { Timing::Kernel } else { Timing::Enqueue },
            open: number % 5 == 0,
            ..Collective::default()
        }
    }

    fn write(path: &Path, numbers: &[i64]) {
        let mut writer = Writer::create(path).unwrap();
        for &number in numbers {
            let payload = match number % 3 {
                0 => Payload::None,
                1 => Payload::Integer(number),
                _ => Payload::Real(number as f64 / 3.0),
            };
            writer.append(&collective(number)).unwrap();
            writer.append(&Mark { payload, ..Mark::default() }).unwrap();
            let (counter_id, value) = (CounterId(number), (number / 7) as f64);
            writer.append(&CounterSample { counter_id, value, ..Default::default() }).unwrap();
        }
        writer.finish().unwrap();
    }

    fn by_sqlite<R: Event>(reader: &Reader, bounds: (i64, i64)) -> Result<Rows<R>, OpenError> {
        let mut rows = Rows::default();
        reader.for_each_within(bounds, |_, row| rows.push(row))?;
        Ok(rows)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever the values, and however deep the tree: pages of 512 bytes hold ten rows.
        #[test]
        fn rows_are_those_that_sqlite_reads(
            seeds: Vec<i64>, count in 0..6000_usize, page_size in 9..17_u32, first in 0..6000_usize, last in 0..6000_usize
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("run.perfdb");
            let seeds: Vec<i64> = seeds.into_iter().chain([7]).collect();
            let numbers: Vec<i64> = (0..count).map(|at| seeds[at % seeds.len()] >> (at % 64)).collect();
            write(&path, &numbers);
            let file = Connection::open(&path).unwrap();
            file.execute_batch(&format!("PRAGMA page_size = {}; VACUUM;", 1 << page_size)).unwrap();
            drop(file);
            let reader = Reader::open(&path).unwrap();
            let bounds = (first.min(last).min(count) as i64, last.min(count) as i64);
            prop_assert!(reader.read_pages::<Collective>(bounds) == Some(by_sqlite(&reader, bounds).unwrap()));
            prop_assert!(reader.read_pages::<Mark>(bounds) == Some(by_sqlite(&reader, bounds).unwrap()));
            prop_assert!(reader.read_pages::<CounterSample>(bounds) == Some(by_sqlite(&reader, bounds).unwrap()));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// What SQLite reads of a damaged file is read from its pages, or nothing is.
        #[test]
        fn damage_is_never_read_as_something_else(
            count in 1..400_usize,
            damage in prop::collection::vec((0..200_000_usize, any::<u8>()), 1..6),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("run.perfdb");
            write(&path, &(0..count as i64).map(|number| number * 7919).collect::<Vec<_>>());
            let mut bytes = std::fs::read(&path).unwrap();
            let behind_header = bytes.len() - 100;
            for (place, byte) in damage {
                bytes[100 + place % behind_header] = byte;
            }
            std::fs::write(&path, &bytes).unwrap();
            let Ok(reader) = Reader::open(&path) else { return Ok(()) };
            let bounds = (0, count as i64);
            if let Some(rows) = reader.read_pages::<Collective>(bounds) {
                let expected = by_sqlite(&reader, bounds);
                prop_assert!(expected.is_ok_and(|expected| rows == expected));
            }
        }
    }

    #[test]
    fn what_was_changed_is_left_to_sqlite() {
        let folder = tempfile::tempdir().unwrap();
        let numbers: Vec<i64> = (0..500).collect();
        for (number, change) in [
            "PRAGMA journal_mode = WAL",
            "ALTER TABLE collectives ADD COLUMN more",
            "ALTER TABLE collectives DROP COLUMN timing",
            "DELETE FROM collectives WHERE id = 7",
            "UPDATE collectives SET start_ns = 'soon' WHERE id = 300",
            "UPDATE collectives SET timing = printf('%020000d', 1) WHERE id = 300",
        ]
        .into_iter()
        .enumerate()
        {
            let path = folder.path().join(format!("{number}.perfdb"));
            write(&path, &numbers);
            let bounds = (0, 500);
            assert!(Reader::open(&path).unwrap().read_pages::<Collective>(bounds).is_some());
            let file = Connection::open(&path).unwrap();
            file.execute_batch(change).unwrap();
            drop(file);
            let reader = Reader::open(&path).unwrap();
            assert!(reader.read_pages::<Collective>(bounds).is_none(), "{change}");
            match (reader.events_within::<Collective>(0..500), by_sqlite(&reader, bounds)) {
                (Ok(rows), Ok(expected)) => assert!(rows == expected, "{change}"),
                (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected.to_string()),
                _ => panic!("{change}"),
            }
        }
    }
}
