//! Documents out of record batches, as both Parquet's and Arrow's readers give them.

use std::path::PathBuf;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::ArrowError;

use crate::data::column::{self, Misfit};
use crate::data::damage::Damage;
use crate::data::document::Document;
use crate::data::door;

/// The rows of one unit, whose batches have the documents' column alone.
pub(crate) struct Rows<B> {
    /// `None` after the last batch or a damage.
    batches: Option<B>,
    path: PathBuf,
    /// What the batches are of: `row group 3`.
    place: String,
    /// Ids are below this.
    vocab: i64,
    /// The column of the batch at hand, and its next row.
    column: Option<(ArrayRef, usize)>,
    /// Rows that the file says there are.
    expected: u64,
    /// Rows given so far.
    read: u64,
}

impl<B> Rows<B> {
    pub(crate) fn new(batches: B, path: PathBuf, place: String, vocab: i64, expected: u64) -> Self {
        Self { batches: Some(batches), path, place, vocab, column: None, expected, read: 0 }
    }

    fn damage(&self, reason: impl std::fmt::Display) -> Damage {
        Damage::new(&self.path, format!("{}, row {}", self.place, self.read), reason)
    }
}

impl<B: Iterator<Item = Result<RecordBatch, ArrowError>>> Rows<B> {
    /// The next document; `None` behind the last.
    fn document(&mut self) -> Result<Option<Document>, Damage> {
        loop {
            if let Some((column, row)) = &mut self.column
                && *row < column.len()
            {
                let read = door::guarded(|| column::document(column, *row, self.vocab));
                let document = read.map_err(|reason| self.damage(reason))?;
                let document = document.map_err(|Misfit { reason, remedy }| match remedy {
                    Some(remedy) => {
                        let place = format!("{}, row {}", self.place, self.read);
                        Damage::with_remedy(&self.path, place, reason, remedy)
                    }
                    None => self.damage(reason),
                })?;
                if let Some((_, row)) = &mut self.column {
                    *row += 1;
                }
                self.read += 1;
                return Ok(Some(document));
            }
            // The next batch must not find this one still in memory.
            self.column = None;
            let Some(batches) = &mut self.batches else { return Ok(None) };
            let batch = door::guarded(|| batches.next().transpose().map_err(|e| e.to_string()));
            let batch = batch.and_then(|read| read).map_err(|reason| self.damage(reason))?;
            let Some(batch) = batch else {
                self.batches = None;
                let missing = self.expected - self.read;
                return match missing {
                    0 => Ok(None),
                    _ => Err(self.damage(format!("{missing} rows are missing"))),
                };
            };
            if batch.num_rows() as u64 > self.expected - self.read {
                return Err(self.damage(format!("only {} rows were announced", self.expected)));
            }
            self.column = batch.columns().first().map(|column| (column.clone(), 0));
        }
    }
}

impl<B: Iterator<Item = Result<RecordBatch, ArrowError>>> Iterator for Rows<B> {
    type Item = Result<Document, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        let document = self.document();
        if document.is_err() {
            (self.batches, self.column) = (None, None);
        }
        document.transpose()
    }
}
