//! Rows that wait to be inserted together: one statement for several rows costs a good deal less than one for each.

use std::any::Any;

use rusqlite::Connection;

use crate::schema;
use crate::table::Row;

/// Rows of one table that wait at most.
const MOST: usize = 512;
/// Rows that one statement inserts.
const TOGETHER: usize = 16;

/// The rows of one table that wait.
struct Batch<R: Row> {
    rows: Vec<R>,
    /// The statements for several rows and for one, made once.
    several: String,
    single: String,
}

/// What can be done with a batch whatever its rows are.
trait AnyBatch: Any + Send {
    fn table(&self) -> &'static str;
    fn is_empty(&self) -> bool;
    fn insert(&mut self, connection: &Connection) -> rusqlite::Result<()>;
}

impl<R: Row> AnyBatch for Batch<R> {
    fn table(&self) -> &'static str {
        R::TABLE
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn insert(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let (groups, rest) = self.rows.as_chunks::<TOGETHER>();
        for (sql, groups) in [
            (&self.several, groups.as_flattened().chunks(TOGETHER)),
            (&self.single, rest.chunks(1)),
        ] {
            if groups.len() == 0 {
                continue;
            }
            let mut statement = connection.prepare_cached(sql)?;
            for group in groups {
                for (place, row) in group.iter().enumerate() {
                    row.bind(&mut statement, place * R::COLUMNS.len())?;
                }
                statement.raw_execute()?;
            }
        }
        self.rows.clear();
        Ok(())
    }
}

/// The rows of all tables that wait.
#[derive(Default)]
pub(crate) struct Waiting {
    batches: Vec<Box<dyn AnyBatch>>,
}

impl Waiting {
    /// Lets a row wait. Whether there are so many of its table now that they should be inserted.
    pub(crate) fn add<R: Row>(&mut self, row: &R) -> bool {
        let place = self.batches.iter().position(|batch| is_of::<R>(&**batch));
        let place = place.unwrap_or_else(|| {
            self.batches.push(Box::new(Batch::<R> {
                rows: Vec::new(),
                several: schema::insert_sql::<R>(TOGETHER),
                single: schema::insert_sql::<R>(1),
            }));
            self.batches.len() - 1
        });
        let batch: &mut dyn Any = &mut *self.batches[place];
        let Some(batch) = batch.downcast_mut::<Batch<R>>() else { return true };
        batch.rows.push(row.clone());
        batch.rows.len() >= MOST
    }

    /// Inserts what waits of one table, so that what comes next stands behind it.
    pub(crate) fn insert<R: Row>(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let ours = self.batches.iter_mut().find(|batch| is_of::<R>(&***batch));
        ours.map_or(Ok(()), |batch| batch.insert(connection))
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.batches.iter().all(|batch| batch.is_empty())
    }

    /// Inserts everything; the table at fault where that fails.
    pub(crate) fn insert_all(
        &mut self,
        connection: &Connection,
    ) -> Result<(), (&'static str, rusqlite::Error)> {
        for batch in self.batches.iter_mut().filter(|batch| !batch.is_empty()) {
            batch.insert(connection).map_err(|error| (batch.table(), error))?;
        }
        Ok(())
    }
}

fn is_of<R: Row>(batch: &dyn AnyBatch) -> bool {
    let batch: &dyn Any = batch;
    batch.is::<Batch<R>>()
}
