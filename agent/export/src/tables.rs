//! The tables of a recording with everything that they refer to in their own columns, read by SQL, row by row.

use perfagent_recording::table::{CollectiveTest, Column, Row};
use perfagent_recording::{OpenError, QueryResult, Reader, Value};

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    /// Nanoseconds since the Unix epoch.
    Time,
    Real,
    Text,
    /// An integer or a real.
    Number,
}

/// A column of an exported table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableColumn {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The expression that gives its values, of a row `t`.
    sql: String,
    /// The column of the recording that it is made from, which older recordings may lack.
    needs: Option<&'static str>,
}

/// A table as it is exported.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: Vec<TableColumn>,
    /// Whether each row is of a process.
    of_process: bool,
}

/// Every table that is exported; texts, whose ids mean nothing elsewhere, are in the columns that use them.
pub(crate) fn tables() -> Vec<Table> {
    let all = perfagent_recording::tables();
    all.into_iter().map(|(name, columns)| table_of(name, columns)).collect()
}

fn table_of(table: &'static str, declared: &'static [Column]) -> Table {
    let mut columns = Vec::new();
    let mut add = |name: &str, kind, sql: String, needs| {
        columns.push(TableColumn { name: name.to_owned(), kind, sql, needs });
    };
    add("id", Kind::Integer, "t.id".to_owned(), None);
    for column in declared {
        let of = |what: &str, other: &str| {
            format!("(SELECT {what} FROM {other} WHERE {other}.id = t.{})", column.name)
        };
        let name = column.name;
        match name {
            "process_id" => {
                add("process_id", Kind::Integer, "t.process_id".to_owned(), Some(name));
                add("rank", Kind::Integer, of("rank", "processes"), Some(name));
                add("pid", Kind::Integer, of("pid", "processes"), Some(name));
            }
            "thread_id" => {
                add("thread_id", Kind::Integer, "t.thread_id".to_owned(), Some(name));
                add("tid", Kind::Integer, of("tid", "threads"), Some(name));
            }
            "device_id" => {
                add("device_id", Kind::Integer, "t.device_id".to_owned(), Some(name));
                add("device", Kind::Integer, of("ordinal", "devices"), Some(name));
            }
            "stream_id" => {
                add("stream_id", Kind::Integer, "t.stream_id".to_owned(), Some(name));
                add("stream", Kind::Integer, of("stream", "streams"), Some(name));
            }
            "host_id" => {
                add("host_id", Kind::Integer, "t.host_id".to_owned(), Some(name));
                add("host", Kind::Text, of("name", "hosts"), Some(name));
            }
            "counter_id" => {
                add("counter_id", Kind::Integer, "t.counter_id".to_owned(), Some(name));
                add("counter", Kind::Text, of("name", "counters"), Some(name));
                add("unit", Kind::Text, of("unit", "counters"), Some(name));
                let process = of("process_id", "counters");
                add("process_id", Kind::Integer, process.clone(), Some(name));
                let rank = format!("(SELECT rank FROM processes WHERE processes.id = {process})");
                add("rank", Kind::Integer, rank, Some(name));
                let device = of("device_id", "counters");
                let device = format!("(SELECT ordinal FROM devices WHERE devices.id = {device})");
                add("device", Kind::Integer, device, Some(name));
                add("gpu_index", Kind::Integer, of("gpu_index", "counters"), Some(name));
            }
            _ => match name.strip_suffix("_id") {
                // All others are texts.
                Some(short) => add(short, Kind::Text, of("value", "strings"), Some(name)),
                None => add(name, kind(table, column), format!("t.\"{name}\""), Some(name)),
            },
        }
    }
    let of_process = declared.iter().any(|column| column.name == "process_id");
    Table { name: table, columns, of_process }
}

fn kind(table: &str, column: &Column) -> Kind {
    // A measured time is no point in time.
    let is_length = table == CollectiveTest::TABLE;
    match column.sql_type.split(' ').next() {
        Some("INTEGER") if column.name.ends_with("_ns") && !is_length => Kind::Time,
        Some("INTEGER") => Kind::Integer,
        Some("REAL") => Kind::Real,
        Some("TEXT") => Kind::Text,
        _ => Kind::Number,
    }
}

impl Table {
    /// Calls `each` with every row, those of one process together; false from it ends the reading.
    pub(crate) fn for_each(
        &self,
        reader: &Reader,
        rank: Option<i64>,
        each: &mut dyn FnMut(&[Value]) -> bool,
    ) -> Result<(), OpenError> {
        let present = present(reader, self.name)?;
        if present.is_empty() {
            // Of a version that had no such table yet.
            return Ok(());
        }
        let columns = self.columns.iter().map(|column| match column.needs {
            Some(needed) if !present.iter().any(|name| name == needed) => "NULL",
            _ => &column.sql,
        });
        let columns: Vec<_> = columns.collect();
        let process = match self.name {
            "processes" => Some("t.id"),
            "counter_samples" => {
                Some("(SELECT process_id FROM counters WHERE counters.id = t.counter_id)")
            }
            _ => self.of_process.then_some("t.process_id"),
        };
        let of_rank = match (rank, process) {
            // What is of no process is of all.
            (Some(rank), Some(process)) => format!(
                "WHERE {process} IS NULL OR {process} IN (SELECT id FROM processes WHERE rank = {rank})"
            ),
            _ => String::new(),
        };
        let order = process.map_or(String::new(), |process| format!("{process}, "));
        let sql = format!(
            "SELECT {} FROM \"{}\" AS t {of_rank} ORDER BY {order}t.id",
            columns.join(", "),
            self.name
        );
        let mut rows = Each(each);
        reader.query(&sql, &mut rows)
    }

    /// The place of a column.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// The columns that a table has in this recording.
fn present(reader: &Reader, table: &str) -> Result<Vec<String>, OpenError> {
    let mut names = Vec::new();
    let mut take = |values: &[Value]| {
        if let Some(Value::Text(name)) = values.first() {
            names.push(name.clone());
        }
        true
    };
    let sql = format!("SELECT name FROM pragma_table_info('{table}')");
    reader.query(&sql, &mut Each(&mut take))?;
    Ok(names)
}

/// The ranks of a recording.
pub(crate) fn ranks(reader: &Reader) -> Result<Vec<i64>, OpenError> {
    let mut ranks = Vec::new();
    let mut take = |values: &[Value]| {
        if let Some(Value::Integer(rank)) = values.first() {
            ranks.push(*rank);
        }
        true
    };
    let sql = "SELECT DISTINCT rank FROM processes WHERE rank IS NOT NULL ORDER BY rank";
    reader.query(sql, &mut Each(&mut take))?;
    Ok(ranks)
}

struct Each<'a>(&'a mut dyn FnMut(&[Value]) -> bool);

impl QueryResult for Each<'_> {
    fn columns(&mut self, _: &[String]) {}

    fn row(&mut self, values: &[Value]) -> bool {
        (self.0)(values)
    }
}
