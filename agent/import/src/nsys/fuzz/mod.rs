//! Damaged exports, and exports in which any tables, columns and values are missing or odd, by the thousand.

use std::fmt::Debug;
use std::fs;
use std::path::Path;

use perfagent_fuzz::{Unstructured, damage, each_costly_input, number};
use perfagent_recording::table::{
    ApiCall, Copy, Counter, CounterSample, Device, Kernel, Mark, MemoryEvent, Operator, Overhead,
    Process, Range, Row, Stream, Synchronization, Thread,
};
use perfagent_recording::{DeviceId, ProcessId, StreamId, ThreadId, Writer};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::import;
use crate::error::ImportError;
use crate::format::Format;
use crate::hosts::Hosts;
use crate::source;
use crate::summary::ImportedFile;

#[path = "../../../tests/nsys/export.rs"]
mod export;
mod rows;

/// Imports the file at `path` into a recording that is not kept.
fn imported(path: &Path, scratch: &Path) -> Result<ImportedFile, ImportError> {
    read(path, scratch, &mut Writer::in_memory())
}

/// Imports the file at `path`, and checks that the rows of the recording fit each other.
fn read(path: &Path, scratch: &Path, writer: &mut Writer) -> Result<ImportedFile, ImportError> {
    let mut window = source::open(path)?;
    let format = Format::detect(window.bytes())
        .map_err(|what| ImportError::NotATrace { path: path.to_owned(), what })?;
    if format != Format::NsysSqlite {
        return Err(ImportError::NotATrace { path: path.to_owned(), what: "is JSON".to_owned() });
    }
    let file = import(path, &mut window, writer, &mut Hosts::default(), scratch)?;
    let count = Count {
        processes: rows(writer, |_: &Process| true),
        threads: rows(writer, |_: &Thread| true),
        devices: rows(writer, |_: &Device| true),
        streams: rows(writer, |_: &Stream| true),
        counters: rows(writer, |_: &Counter| true),
    };
    let belongs = |id: i64, count: i64| (1..=count).contains(&id);
    let of_process = |id: ProcessId| belongs(id.0, count.processes);
    let of_thread = |process: ProcessId, thread: ThreadId| {
        of_process(process) && belongs(thread.0, count.threads)
    };
    let of_stream = |process: ProcessId, device: DeviceId, stream: StreamId| {
        of_process(process) && belongs(device.0, count.devices) && belongs(stream.0, count.streams)
    };
    rows(writer, |row: &Kernel| {
        row.start_ns <= row.end_ns && of_stream(row.process_id, row.device_id, row.stream_id)
    });
    rows(writer, |row: &Copy| {
        row.start_ns <= row.end_ns && of_stream(row.process_id, row.device_id, row.stream_id)
    });
    rows(writer, |row: &ApiCall| {
        row.start_ns <= row.end_ns && of_thread(row.process_id, row.thread_id)
    });
    rows(writer, |row: &Range| {
        row.start_ns <= row.end_ns && of_thread(row.process_id, row.thread_id)
    });
    rows(writer, |row: &Operator| {
        row.start_ns <= row.end_ns && of_thread(row.process_id, row.thread_id)
    });
    rows(writer, |row: &Mark| of_thread(row.process_id, row.thread_id));
    rows(writer, |row: &Synchronization| row.start_ns <= row.end_ns && of_process(row.process_id));
    rows(writer, |row: &Overhead| {
        let thread = row.thread_id.is_none_or(|thread| of_thread(row.process_id, thread));
        row.start_ns <= row.end_ns && of_process(row.process_id) && thread
    });
    rows(writer, |row: &MemoryEvent| {
        let device = row.device_id.is_none_or(|device| belongs(device.0, count.devices));
        of_process(row.process_id) && device
    });
    rows(writer, |row: &CounterSample| {
        belongs(row.counter_id.0, count.counters) && row.value.is_finite()
    });
    let left_out: u64 = file.left_out.values().sum();
    assert!(file.kept + left_out <= file.events);
    Ok(file)
}

/// How many there are of what rows refer to.
struct Count {
    processes: i64,
    threads: i64,
    devices: i64,
    streams: i64,
    counters: i64,
}

/// How many rows of a kind the recording has, each of which is `sound`.
fn rows<R: Row + Debug>(writer: &mut Writer, sound: impl Fn(&R) -> bool) -> i64 {
    let rows = writer.rows::<R>().unwrap();
    for (id, row) in &rows {
        assert!(sound(row), "row {id}: {row:?}");
    }
    rows.len() as i64
}

/// An error is one line that names the file.
fn check(answer: Result<ImportedFile, ImportError>) -> Option<ImportedFile> {
    match answer {
        Ok(file) => Some(file),
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains("run.sqlite") && !message.contains('\n'), "{message}");
            None
        }
    }
}

/// Exports of two tables and the texts, each table with one of another kind, and last one of all tables: damage to few tables hits
/// what is read, and is quick to read.
fn bases() -> Vec<Vec<u8>> {
    let all = tables(&export::modern().database);
    let pairs = (0..all.len()).map(|at| [at, (at + all.len() / 2) % all.len()]);
    let mut bases: Vec<Vec<u8>> = pairs
        .map(|pair| {
            let export = export::modern();
            for (at, (table, _)) in all.iter().enumerate() {
                if !pair.contains(&at) && table != "StringIds" {
                    export.database.execute_batch(&format!("DROP TABLE {table}")).unwrap();
                }
            }
            export.database.execute_batch("VACUUM").unwrap();
            export.bytes()
        })
        .collect();
    bases.push(export::modern().bytes());
    bases
}

#[test]
fn fuzz_nsys_bytes() {
    let export = export::modern();
    let kept = imported(&export.file(), export.path()).unwrap().kept;
    let bases = bases();
    let mut read = 0;
    // A file is written and opened for each.
    each_costly_input("nsys bytes", 1000, 4, |from| {
        let is_whole = from.ratio(1, 8).unwrap_or(false);
        let base = if is_whole { bases.last() } else { from.choose(&bases).ok() };
        let mut bytes = base.unwrap().clone();
        damage(&mut bytes, from);
        fs::write(export.file(), &bytes).unwrap();
        if let Some(file) = check(imported(&export.file(), export.path())) {
            assert!(file.kept <= kept + 1000, "{} events of {kept}", file.kept);
            read += 1;
        }
    });
    println!("{read} could be read");
}

/// A value that does not belong there.
fn odd(from: &mut Unstructured<'_>) -> Value {
    match from.int_in_range(0..=5).unwrap_or(0) {
        0 => Value::Null,
        1 => Value::Real(f64::from_bits(number(from))),
        2 => Value::Text("text, seq = 5".to_owned()),
        3 => Value::Blob(vec![0xff, 0, 0x80]),
        _ => Value::Integer(number(from) as i64),
    }
}

/// Makes a table of which a column may be missing and another one odd.
fn create(database: &Connection, table: &Table, from: &mut Unstructured<'_>) {
    let all = 0..table.columns.len();
    let missing = from.ratio(1, 3).unwrap_or(false).then(|| from.choose_index(all.len()).unwrap());
    let odd = from.ratio(1, 3).unwrap_or(false).then(|| from.choose_index(all.len()).unwrap());
    // Of a table at least one column is left.
    let there: Vec<usize> =
        all.filter(|at| Some(*at) != missing || table.columns.len() == 1).collect();
    let columns: Vec<&str> = there.iter().map(|at| table.columns[*at].as_str()).collect();
    let name = &table.name;
    database.execute_batch(&format!("CREATE TABLE {name} ({})", columns.join(", "))).unwrap();
    let marks = format!("({})", vec!["?"; there.len()].join(", "));
    let marks = vec![marks.as_str(); table.rows.len()].join(", ");
    let mut values = Vec::new();
    for (number, row) in table.rows.iter().enumerate() {
        for at in &there {
            let is_odd = Some(*at) == odd && number % 2 == 1;
            values.push(if is_odd { self::odd(from) } else { row[*at].clone() });
        }
    }
    database
        .execute(&format!("INSERT INTO {name} VALUES {marks}"), params_from_iter(values))
        .unwrap();
}

#[test]
fn fuzz_nsys_schemas() {
    let export = export::modern();
    let tables: Vec<Table> = Table::all(&export.database);
    // A database is made for each.
    each_costly_input("nsys schemas", 500, 10, |from| {
        fs::write(export.file(), "").unwrap();
        let mut database = Connection::open(export.file()).unwrap();
        database.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF;").unwrap();
        let transaction = database.transaction().unwrap();
        let most = if from.ratio(1, 16).unwrap_or(false) { 1 } else { 4 };
        for table in &tables {
            if from.ratio(1, most).unwrap_or(false) {
                create(&transaction, table, from);
            }
        }
        transaction.commit().unwrap();
        drop(database);
        let answer = imported(&export.file(), export.path());
        if let Err(error) = &answer {
            // There may be no table at all.
            let known = matches!(error, ImportError::NotATrace { .. } | ImportError::Empty { .. });
            assert!(known, "{error}");
        }
        if let Some(file) = check(answer) {
            let damaged = file.warnings.iter().find(|warning| warning.text.contains("is damaged"));
            assert_eq!(damaged, None);
        }
    });
}

/// A table with rows that are in order.
struct Table {
    name: String,
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl Table {
    /// Those of an export.
    fn all(database: &Connection) -> Vec<Self> {
        let read = |(name, columns): (String, Vec<String>)| {
            let mut select = database.prepare(&format!("SELECT * FROM {name}")).unwrap();
            let cells =
                |row: &rusqlite::Row<'_>| (0..columns.len()).map(|at| row.get(at)).collect();
            let rows = select.query_map([], cells).unwrap().map(Result::unwrap).collect();
            Self { name, columns, rows }
        };
        tables(database).into_iter().map(read).collect()
    }
}

fn tables(database: &Connection) -> Vec<(String, Vec<String>)> {
    let mut names =
        database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let names = names.query_map([], |row| row.get::<_, String>(0)).unwrap();
    names
        .map(|name| {
            let name = name.unwrap();
            let columns = super::database::columns_of(database, &name).unwrap();
            (name, columns)
        })
        .collect()
}
