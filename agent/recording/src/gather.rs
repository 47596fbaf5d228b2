//! Reads rows by an aggregate function: SQLite hands each row's values over in one call, where taking them out of a result
//! is several calls a column, each with checks of its own (a quarter of the time of a report).

use std::marker::PhantomData;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::{Connection, Error};

use crate::columns::Arguments;
use crate::packed::{Event, Rows};

/// The name of the function, which no recording can use: it is for our own statements alone.
const NAME: &str = "perfagent_gather";

/// Where the rows go, or why there are none.
type Place<R> = Arc<Mutex<Result<Rows<R>, Error>>>;

struct Gather<R: Event> {
    place: Place<R>,
    row: PhantomData<R>,
}

/// What has been read.
struct Gathered<R: Event> {
    rows: Rows<R>,
    last: i64,
}

// What is left of it after a panic is dropped.
impl<R: Event> std::panic::RefUnwindSafe for Gathered<R> {}
impl<R: Event> std::panic::UnwindSafe for Gathered<R> {}

impl<R: Event> Gather<R> {
    /// The place gets the error; SQLite would keep no more than its text.
    fn fail<T>(&self, error: Error) -> rusqlite::Result<T> {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Err(error);
        Err(Error::UserFunctionError("a row cannot be read".into()))
    }
}

impl<R: Event> Aggregate<Gathered<R>, i64> for Gather<R> {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Gathered<R>> {
        Ok(Gathered { rows: Rows::default(), last: i64::MIN })
    }

    fn step(&self, context: &mut Context<'_>, gathered: &mut Gathered<R>) -> rusqlite::Result<()> {
        let arguments = Arguments { context, columns: R::COLUMNS };
        let id = crate::columns::Columns::get(&arguments, R::COLUMNS.len());
        let row = id.and_then(|id: i64| Ok((id, R::read(&arguments)?)));
        match row {
            Ok((id, row)) if id > gathered.last => {
                gathered.last = id;
                gathered.rows.push(row);
                Ok(())
            }
            // A scan of a table is in the order of its ids.
            Ok((id, _)) => self.fail(Error::IntegralValueOutOfRange(R::COLUMNS.len(), id)),
            Err(error) => self.fail(error),
        }
    }

    fn finalize(
        &self,
        _: &mut Context<'_>,
        gathered: Option<Gathered<R>>,
    ) -> rusqlite::Result<i64> {
        let rows = gathered.map(|gathered| gathered.rows).unwrap_or_default();
        let count = rows.len() as i64;
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        // It is called after an error, too.
        if place.is_ok() {
            *place = Ok(rows);
        }
        Ok(count)
    }
}

/// The rows of `table` with an id greater than the first of `bounds` and not greater than the second. `columns` are SQL
/// expressions in the order of [`Row::COLUMNS`](crate::table::Row::COLUMNS).
pub(crate) fn gather<R: Event>(
    connection: &Connection,
    columns: &[&str],
    bounds: (i64, i64),
) -> rusqlite::Result<Rows<R>> {
    let place: Place<R> = Arc::new(Mutex::new(Ok(Rows::default())));
    let arguments = i32::try_from(columns.len() + 1).unwrap_or(i32::MAX);
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
    let function = Gather { place: Arc::clone(&place), row: PhantomData };
    connection.create_aggregate_function(NAME, arguments, flags, function)?;
    let sql = format!(
        "SELECT {NAME}({}, id) FROM {} WHERE id > ? AND id <= ?",
        columns.join(", "),
        R::TABLE
    );
    let answer = connection.query_row(&sql, bounds, |_| Ok(()));
    let mut found = place.lock().unwrap_or_else(PoisonError::into_inner);
    match (mem::replace(&mut *found, Ok(Rows::default())), answer) {
        (Err(error), _) | (Ok(_), Err(error)) => Err(error),
        (Ok(rows), Ok(())) => Ok(rows),
    }
}
