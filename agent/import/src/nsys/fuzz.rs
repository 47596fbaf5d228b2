//! Damaged exports, and exports in which any tables, columns and values are missing or odd, by the thousand.

use std::fs;
use std::path::Path;

use perfagent_fuzz::{Unstructured, damage, each_costly_input, number};
use perfagent_recording::Writer;
use perfagent_recording::table::{ApiCall, Copy, Kernel, Operator, Process, Range, Stream, Thread};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::import;
use crate::error::ImportError;
use crate::format::Format;
use crate::hosts::Hosts;
use crate::source;
use crate::summary::ImportedFile;

#[path = "../../tests/nsys/export.rs"]
mod export;

/// Files and databases are made for each: so many inputs that cost nothing more than their bytes.
const COST: u64 = 100;

/// Imports the file at `path`, and checks that the rows of the recording fit each other.
fn imported(path: &Path, scratch: &Path) -> Result<ImportedFile, ImportError> {
    let mut window = source::open(path)?;
    let format = Format::detect(window.bytes())
        .map_err(|what| ImportError::NotATrace { path: path.to_owned(), what })?;
    if format != Format::NsysSqlite {
        return Err(ImportError::NotATrace { path: path.to_owned(), what: "is JSON".to_owned() });
    }
    let mut writer = Writer::in_memory();
    let file = import(path, &mut window, &mut writer, &mut Hosts::default(), scratch)?;
    let processes = writer.rows::<Process>().unwrap().len() as i64;
    let threads = writer.rows::<Thread>().unwrap().len() as i64;
    let streams = writer.rows::<Stream>().unwrap().len() as i64;
    let belongs = |id: i64, count: i64| (1..=count).contains(&id);
    for (_, row) in writer.rows::<Kernel>().unwrap() {
        assert!(row.start_ns <= row.end_ns && belongs(row.process_id.0, processes));
        assert!(belongs(row.stream_id.0, streams));
    }
    for (_, row) in writer.rows::<Copy>().unwrap() {
        assert!(row.start_ns <= row.end_ns && belongs(row.stream_id.0, streams));
    }
    for (_, row) in writer.rows::<ApiCall>().unwrap() {
        assert!(row.start_ns <= row.end_ns && belongs(row.thread_id.0, threads));
    }
    for (_, row) in writer.rows::<Range>().unwrap() {
        assert!(row.start_ns <= row.end_ns && belongs(row.thread_id.0, threads));
    }
    for (_, row) in writer.rows::<Operator>().unwrap() {
        assert!(row.start_ns <= row.end_ns && belongs(row.thread_id.0, threads));
    }
    let left_out: u64 = file.left_out.values().sum();
    assert!(file.kept + left_out <= file.events);
    Ok(file)
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

#[test]
fn fuzz_nsys_bytes() {
    let export = export::modern();
    let whole = export.bytes();
    let kept = imported(&export.file(), export.path()).unwrap().kept;
    let mut read = 0;
    each_costly_input("nsys bytes", 300, COST, |from| {
        let mut bytes = whole.clone();
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

#[test]
fn fuzz_nsys_schemas() {
    let export = export::modern();
    let whole = export.bytes();
    let tables = tables(&export.database);
    each_costly_input("nsys schemas", 150, COST, |from| {
        fs::write(export.file(), &whole).unwrap();
        {
            let database = Connection::open(export.file()).unwrap();
            database.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF;").unwrap();
            for (table, columns) in &tables {
                match from.int_in_range(0..=7).unwrap_or(0) {
                    0 => drop(database.execute(&format!("DROP TABLE {table}"), []).unwrap()),
                    // The last column of a table cannot be dropped.
                    1 | 2 => {
                        let column = from.choose(columns).unwrap();
                        let sql = format!("ALTER TABLE {table} DROP COLUMN \"{column}\"");
                        let _ = database.execute(&sql, []);
                    }
                    // Of some columns the schema says that they are never NULL.
                    3 | 4 => {
                        let column = from.choose(columns).unwrap();
                        let sql = format!(
                            "UPDATE OR IGNORE {table} SET \"{column}\" = ? WHERE rowid % 2 = 0"
                        );
                        let _ = database.execute(&sql, [odd(from)]);
                    }
                    _ => {}
                }
            }
        }
        let answer = imported(&export.file(), export.path());
        if let Err(error) = &answer {
            assert!(matches!(error, ImportError::NotATrace { .. }), "{error}");
        }
        if let Some(file) = check(answer) {
            let damaged = file.warnings.iter().find(|warning| warning.text.contains("is damaged"));
            assert_eq!(damaged, None);
        }
    });
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
