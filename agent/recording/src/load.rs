//! Reads the tables of events of a recording, on several processors, whole or as far as they lie within some time.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::{iter, thread};

use crate::density::Density;
use crate::packed::{Event, Rows};
use crate::table::{self, Row, tables};
use crate::{OpenError, Progress, Reader};

/// Rows that are read at once: whole chunks, so that the pieces are joined without packing them anew.
const PIECE: usize = 1 << 16;

/// Fewer rows than this are read sooner than threads are started.
const WORTH_THREADS: usize = 1 << 15;

macro_rules! events {
    ($($table:ident: $row:ty,)+) => {
        /// Every table of events.
        #[derive(Default)]
        pub(crate) struct Events {
            $(pub(crate) $table: Rows<$row>,)+
        }

        /// A table, in the order of [`Events`].
        #[derive(Clone, Copy)]
        #[allow(non_camel_case_types, reason = "named as the tables")]
        enum Table {
            $($table,)+
        }

        /// Rows of one table.
        #[allow(non_camel_case_types, reason = "named as the tables")]
        enum Part {
            $($table(Rows<$row>),)+
        }

        impl Events {
            fn append(&mut self, part: Part) {
                match part {
                    $(Part::$table(rows) => self.$table.append(rows),)+
                }
            }

            fn shrink_to_fit(&mut self) {
                $(self.$table.shrink_to_fit();)+
            }
        }

        impl Table {
            /// Each with the number of its rows.
            fn all(reader: &Reader) -> Result<Vec<(Self, usize)>, OpenError> {
                Ok(vec![$((Self::$table, reader.count(<$row>::TABLE)?),)+])
            }

            /// The rows with these positions, which are their ids less one, as far as they are wanted.
            fn read(
                self,
                reader: &Reader,
                positions: Range<usize>,
                within: Within,
            ) -> Result<Part, OpenError> {
                Ok(match self {
                    $(Self::$table => Part::$table(rows(reader, positions, within)?),)+
                })
            }

            /// When the rows with these positions are.
            fn density(
                self,
                reader: &Reader,
                positions: Range<usize>,
            ) -> Result<Density, OpenError> {
                let mut density = Density::default();
                match self {
                    $(Self::$table => {
                        let rows: Rows<$row> = reader.events_within(positions)?;
                        rows.iter().for_each(|row| density.add(row.times()));
                    })+
                }
                Ok(density)
            }
        }
    };
}

/// Takes those with rows that are kept as they are out of a list of tables.
macro_rules! events_of {
    ({$($event:tt)*} rows $table:ident: $row:ident, $($rest:tt)*) => {
        events_of! { {$($event)*} $($rest)* }
    };
    ({$($event:tt)*} events $table:ident: $row:ident, $($rest:tt)*) => {
        events_of! { {$($event)* $table: table::$row,} $($rest)* }
    };
    ({$($event:tt)*}) => {
        events! { $($event)* }
    };
}

tables!(events_of {});

/// The times that are wanted, from the first up to the second, ns; `None` for all.
pub(crate) type Within = Option<(i64, i64)>;

fn rows<R: Event>(
    reader: &Reader,
    positions: Range<usize>,
    within: Within,
) -> Result<Rows<R>, OpenError> {
    let mut rows: Rows<R> = reader.events_within(positions)?;
    if let Some((from, until)) = within {
        let is_wanted = |row: &R| {
            let (start, end) = row.times();
            start < until && end >= from
        };
        rows = rows.iter().filter(is_wanted).collect();
    }
    rows.shrink_to_fit();
    Ok(rows)
}

/// Reads them all, or those within some time, with so many threads. `progress` is called on this one.
pub(crate) fn load(
    reader: &Reader,
    threads: usize,
    within: Within,
    progress: &mut dyn FnMut(Progress),
) -> Result<Events, OpenError> {
    let mut events = Events::default();
    let read = |table: Table, reader: &Reader, positions| table.read(reader, positions, within);
    in_pieces(reader, threads, read, progress, &mut |part| events.append(part))?;
    events.shrink_to_fit();
    Ok(events)
}

/// How many rows the tables of events have.
pub(crate) fn count(reader: &Reader) -> Result<u64, OpenError> {
    Ok(Table::all(reader)?.iter().map(|&(_, count)| count as u64).sum())
}

/// Counts the events of a recording by time. `progress` is called on this thread.
pub(crate) fn density(
    reader: &Reader,
    threads: usize,
    progress: &mut dyn FnMut(Progress),
) -> Result<Density, OpenError> {
    let mut density = Density::default();
    let read = |table: Table, reader: &Reader, positions| table.density(reader, positions);
    in_pieces(reader, threads, read, progress, &mut |part: Density| density.append(&part))?;
    Ok(density)
}

/// Does something with all rows, piece by piece on so many threads, and gives the outcomes to `each` in the order of the pieces.
fn in_pieces<T: Send>(
    reader: &Reader,
    threads: usize,
    work: impl Fn(Table, &Reader, Range<usize>) -> Result<T, OpenError> + Sync,
    progress: &mut dyn FnMut(Progress),
    each: &mut dyn FnMut(T),
) -> Result<(), OpenError> {
    let tables = Table::all(reader)?;
    let total: usize = tables.iter().map(|(_, count)| count).sum();
    let pieces: Vec<(Table, Range<usize>)> = (tables.into_iter())
        .flat_map(|(table, count)| {
            let starts = (0..count).step_by(PIECE);
            starts.map(move |start| (table, start..count.min(start + PIECE)))
        })
        .collect();
    let mut done = 0;
    let mut tell = |rows: usize| {
        done += rows as u64;
        progress(Progress { rows: done, total: total as u64 });
    };
    if total < WORTH_THREADS || threads < 2 {
        for (table, positions) in pieces {
            let length = positions.len();
            each(work(table, reader, positions)?);
            tell(length);
        }
    } else {
        let mut parts = side_by_side(reader.path(), &pieces, threads, &work, &mut tell);
        // In the order of the file, so that of several errors the same one is told every time.
        for part in &mut parts {
            let Some(part) = part.take() else { continue };
            each(part?);
        }
    }
    tell(0);
    Ok(())
}

/// The outcomes of the pieces in their order; `None` for what was not read as something before it had failed.
fn side_by_side<T: Send>(
    path: &Path,
    pieces: &[(Table, Range<usize>)],
    threads: usize,
    work: &(impl Fn(Table, &Reader, Range<usize>) -> Result<T, OpenError> + Sync),
    tell: &mut dyn FnMut(usize),
) -> Vec<Option<Result<T, OpenError>>> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::sync_channel(pieces.len());
    let work = |sender: mpsc::SyncSender<(usize, Result<T, OpenError>)>| {
        // A connection serves one thread.
        let own = Reader::open(path);
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some((table, positions)) = pieces.get(index) else { break };
            let part = match &own {
                Ok(own) => work(*table, own, positions.clone()),
                Err(_) => Reader::open(path).and_then(|own| work(*table, &own, positions.clone())),
            };
            if part.is_err() {
                // Nobody begins another piece.
                next.store(pieces.len(), Ordering::Relaxed);
            }
            if sender.send((index, part)).is_err() {
                break;
            }
        }
    };
    let mut parts: Vec<_> = iter::repeat_with(|| None).take(pieces.len()).collect();
    thread::scope(|scope| {
        for _ in 0..threads.min(pieces.len()) {
            let sender = sender.clone();
            scope.spawn(|| work(sender));
        }
        drop(sender);
        for (index, part) in receiver {
            tell(pieces[index].1.len());
            parts[index] = Some(part);
        }
    });
    parts
}
