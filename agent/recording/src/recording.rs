//! A whole recording in memory: what analysis and the GUI work on.

use std::ops::Range;

use crate::packed::Rows;
use crate::table::{self, Device, Process, Stream, Thread, tables};
use crate::{DeviceId, OpenError, ProcessId, Reader, StreamId, Strings, ThreadId, load};

/// How far loading is, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Rows read so far.
    pub rows: u64,
    /// Rows in the file.
    pub total: u64,
}

/// How rows of a table are kept.
macro_rules! storage {
    (rows $row:ty) => { Vec<$row> };
    (events $row:ty) => { Rows<$row> };
}

/// The rows of a table that is being loaded.
macro_rules! loaded {
    (rows $table:ident, $reader:ident, $events:ident) => {
        $reader.rows()?
    };
    (events $table:ident, $reader:ident, $events:ident) => {
        $events.$table
    };
}

macro_rules! recording {
    ({} $($kind:ident $table:ident: $row:ident,)+) => {
        /// Every table of a recording.
        ///
        /// A row's id is its position plus one in its table (rows are never deleted), so the tables that others refer to are looked up with [`Recording::process`] and its siblings.
        #[derive(Clone, Debug, Default)]
        #[expect(missing_docs, reason = "each field is the table of the same name")]
        pub struct Recording {
            pub strings: Strings,
            $(pub $table: storage!($kind table::$row),)+
        }

        impl Recording {
            /// [`Recording::load`] with so many threads, for those who read several recordings at once.
            pub fn load_on(
                reader: &Reader,
                threads: usize,
                progress: &mut dyn FnMut(Progress),
            ) -> Result<Self, OpenError> {
                Self::load_rows(reader, threads, None, progress)
            }

            fn load_rows(
                reader: &Reader,
                threads: usize,
                within: load::Within,
                progress: &mut dyn FnMut(Progress),
            ) -> Result<Self, OpenError> {
                let events = load::load(reader, threads, within, progress)?;
                Ok(Self {
                    strings: reader.strings()?,
                    $($table: loaded!($kind $table, reader, events),)+
                })
            }

            /// Gives back memory that only further rows would need.
            pub(crate) fn shrink_to_fit(&mut self) {
                $(self.$table.shrink_to_fit();)+
            }
        }
    };
}

tables!(recording {});

impl Recording {
    /// Reads everything, on all processors. `progress` is called now and then with the rows read so far.
    pub fn load(reader: &Reader, progress: &mut dyn FnMut(Progress)) -> Result<Self, OpenError> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self::load_on(reader, processors, progress)
    }

    /// How many events a recording has, from the last rows of its tables.
    pub fn events_of(reader: &Reader) -> Result<u64, OpenError> {
        load::count(reader)
    }

    /// [`Recording::load`] of the events that are within some time, ns since the Unix epoch, or reach into it; of the other
    /// tables, whole.
    pub fn load_within(
        reader: &Reader,
        within: &Range<i64>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, OpenError> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self::load_rows(reader, processors, Some((within.start, within.end)), progress)
    }

    /// The process with this id.
    #[must_use]
    pub fn process(&self, id: ProcessId) -> Option<&Process> {
        row(&self.processes, id.0)
    }

    /// The thread with this id.
    #[must_use]
    pub fn thread(&self, id: ThreadId) -> Option<&Thread> {
        row(&self.threads, id.0)
    }

    /// The device with this id.
    #[must_use]
    pub fn device(&self, id: DeviceId) -> Option<&Device> {
        row(&self.devices, id.0)
    }

    /// The stream with this id.
    #[must_use]
    pub fn stream(&self, id: StreamId) -> Option<&Stream> {
        row(&self.streams, id.0)
    }

    /// A fact about the whole recording by its name.
    #[must_use]
    pub fn meta_value(&self, key: &str) -> Option<&str> {
        self.meta.iter().find(|meta| meta.key == key).map(|meta| meta.value.as_str())
    }
}

fn row<R>(rows: &[R], id: i64) -> Option<&R> {
    usize::try_from(id.checked_sub(1)?).ok().and_then(|index| rows.get(index))
}
