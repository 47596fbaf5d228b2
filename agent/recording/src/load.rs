//! Reads the tables of events of a recording, on several processors.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::{iter, thread};

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

            /// The rows with these positions, which are their ids less one.
            fn read(self, reader: &Reader, positions: Range<usize>) -> Result<Part, OpenError> {
                Ok(match self {
                    $(Self::$table => Part::$table(rows(reader, positions)?),)+
                })
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

fn rows<R: Event>(reader: &Reader, positions: Range<usize>) -> Result<Rows<R>, OpenError> {
    let mut rows = reader.events_within(positions)?;
    rows.shrink_to_fit();
    Ok(rows)
}

/// Reads them all with so many threads. `progress` is called on this one.
pub(crate) fn load(
    reader: &Reader,
    threads: usize,
    progress: &mut dyn FnMut(Progress),
) -> Result<Events, OpenError> {
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
    let mut events = Events::default();
    if total < WORTH_THREADS || threads < 2 {
        for (table, positions) in pieces {
            let length = positions.len();
            events.append(table.read(reader, positions)?);
            tell(length);
        }
    } else {
        let mut parts = side_by_side(reader.path(), &pieces, threads, &mut tell);
        // In the order of the file, so that of several errors the same one is told every time.
        for part in &mut parts {
            let Some(part) = part.take() else { continue };
            events.append(part?);
        }
    }
    events.shrink_to_fit();
    tell(0);
    Ok(events)
}

/// The pieces in their order; `None` for what was not read as something before it had failed.
fn side_by_side(
    path: &Path,
    pieces: &[(Table, Range<usize>)],
    threads: usize,
    tell: &mut dyn FnMut(usize),
) -> Vec<Option<Result<Part, OpenError>>> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::sync_channel(pieces.len());
    let work = |sender: mpsc::SyncSender<(usize, Result<Part, OpenError>)>| {
        // A connection serves one thread.
        let own = Reader::open(path);
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some((table, positions)) = pieces.get(index) else { break };
            let part = match &own {
                Ok(own) => table.read(own, positions.clone()),
                Err(_) => Reader::open(path).and_then(|own| table.read(&own, positions.clone())),
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
