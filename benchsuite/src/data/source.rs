//! A data set on disk: its files, and the units that are read and shuffled as a whole.

use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use crate::data::arrow_stream::{self, BatchPlace};
use crate::data::damage::Damage;
use crate::data::document::{Document, Documents, Kind};
use crate::data::form::Form;
use crate::data::hash::hash_bytes;
use crate::data::{parquet_file, tar_shard};

/// One document in this many is never trained on.
const HELD_OUT: u64 = 20;

/// A data set that is streamed.
#[derive(Debug)]
pub(crate) struct Source {
    /// How it is kept.
    pub form: Form,
    /// What its documents are.
    pub kind: Kind,
    files: Vec<PathBuf>,
    units: Vec<Unit>,
    column: Option<String>,
    vocab: i64,
}

/// The smallest part of a data set that can be reached without reading what is before it.
#[derive(Debug)]
struct Unit {
    file: usize,
    place: Place,
    /// Documents of the units before it, as far as they are known.
    first: u64,
    /// Its documents, where the file says that.
    rows: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    RowGroup(usize),
    RecordBatch(BatchPlace),
    Shard,
}

impl Source {
    /// Reads what the files say about themselves: footers, schemas and headers, not the documents.
    pub(crate) fn open(
        form: Form,
        files: Vec<PathBuf>,
        column: Option<String>,
        vocab: i64,
    ) -> Result<Self, Damage> {
        let mut source = Self { form, kind: Kind::Text, files, units: Vec::new(), column, vocab };
        for file in 0..source.files.len() {
            let kind = source.index(file)?;
            if file == 0 {
                source.kind = kind;
            } else if kind != source.kind {
                return Err(Damage::with_remedy(
                    &source.files[file],
                    "schema",
                    "text in one file and tokens in another",
                    "name a column that is the same in all with --data-column",
                ));
            }
        }
        Ok(source)
    }

    fn index(&mut self, file: usize) -> Result<Kind, Damage> {
        let path = &self.files[file];
        let wanted = self.column.as_deref();
        let (kind, units): (Kind, Vec<(Place, Option<u64>)>) = match self.form {
            Form::Arrow => {
                let (kind, batches) = arrow_stream::index(path, wanted)?;
                let unit = |(place, rows)| (Place::RecordBatch(place), Some(rows));
                (kind, batches.into_iter().map(unit).collect())
            }
            Form::Tar => (Kind::Text, vec![(Place::Shard, tar_shard::index(path)?)]),
            Form::Parquet | Form::Text => {
                let (kind, groups) = parquet_file::index(path, wanted)?;
                let unit = |(number, rows)| (Place::RowGroup(number), Some(rows));
                (kind, groups.into_iter().enumerate().map(unit).collect())
            }
        };
        for (place, rows) in units {
            let before = self.units.last();
            let first =
                before.map_or(0, |unit| unit.first.saturating_add(unit.rows.unwrap_or_default()));
            self.units.push(Unit { file, place, first, rows });
        }
        Ok(kind)
    }

    /// How many units there are.
    pub(crate) fn units(&self) -> usize {
        self.units.len()
    }

    /// How many documents there are, where all files say that.
    pub(crate) fn documents(&self) -> Option<u64> {
        self.units.iter().map(|unit| unit.rows).sum()
    }

    /// How many files there are.
    pub(crate) fn files(&self) -> usize {
        self.files.len()
    }

    /// The documents of a unit, in their order.
    pub(crate) fn read(&self, unit: usize) -> Result<Documents, Damage> {
        let Unit { file, place, rows, .. } = &self.units[unit];
        let path = &self.files[*file];
        let (rows, wanted) = (rows.unwrap_or_default(), self.column.as_deref());
        match *place {
            Place::RowGroup(group) => parquet_file::open(path, group, rows, wanted, self.vocab),
            Place::RecordBatch(place) => arrow_stream::open(path, place, rows, wanted, self.vocab),
            Place::Shard => tar_shard::open(path, wanted),
        }
    }

    /// Whether a document of a unit is kept for validation. In a compressed shard documents are counted from its beginning,
    /// as nobody knows how many are before it.
    pub(crate) fn is_held_out(&self, unit: usize, ordinal: u64) -> bool {
        let Unit { first, rows, .. } = &self.units[unit];
        let first = rows.map_or(0, |_| *first);
        first.wrapping_add(ordinal) % HELD_OUT == HELD_OUT - 1
    }

    /// The documents of a unit that are kept for validation, or all others; with each the number within the unit.
    pub(crate) fn part(
        &self,
        unit: usize,
        held_out: bool,
    ) -> Result<impl Iterator<Item = Result<(u64, Document), Damage>>, Damage> {
        let documents = self.read(unit)?;
        Ok((0..).zip(documents).filter_map(move |(ordinal, document)| match document {
            Ok(document) => {
                let wanted = self.is_held_out(unit, ordinal) == held_out && !document.is_empty();
                wanted.then_some(Ok((ordinal, document)))
            }
            Err(damage) => Some(Err(damage)),
        }))
    }

    /// A damage of a unit that only its use shows.
    pub(crate) fn damage(&self, unit: usize, ordinal: u64, reason: &str, remedy: &str) -> Damage {
        let Unit { file, place, .. } = &self.units[unit];
        let place = match place {
            Place::RowGroup(group) => format!("row group {group}, row {ordinal}"),
            Place::RecordBatch(at) => format!("record batch at byte {}, row {ordinal}", at.at),
            Place::Shard => format!("document {ordinal}"),
        };
        Damage::with_remedy(&self.files[*file], place, reason, remedy)
    }

    /// What the data is known by: names, places and rows; the same on every node.
    pub(crate) fn fingerprint(&self) -> u64 {
        hash_bytes(self.describe(|path| {
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        }))
    }

    /// The same with paths, sizes and times of change: for what is kept on this machine.
    pub(crate) fn local_fingerprint(&self) -> u64 {
        hash_bytes(self.describe(|path| {
            let entry = path.metadata().ok();
            let changed = entry.as_ref().and_then(|entry| entry.modified().ok());
            let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            format!("{} {:?} {changed:?}", path.display(), entry.map(|entry| entry.len()))
        }))
    }

    fn describe(&self, file: impl Fn(&PathBuf) -> String) -> impl Iterator<Item = Vec<u8>> {
        let head = format!("{:?} {:?} {:?}", self.form, self.kind, self.column);
        let files = self.files.iter().map(file).collect::<Vec<_>>();
        let units = self.units.iter().map(|unit| format!("{unit:?}")).collect::<Vec<_>>();
        std::iter::once(head).chain(files).chain(units).map(String::into_bytes)
    }
}
