//! Rows of odd values, by the thousand in one export: each is kept, left out or told of.

use std::collections::BTreeMap;
use std::fs;

use perfagent_fuzz::{Unstructured, each_batch, number};
use perfagent_recording::Writer;
use perfagent_recording::table::{
    ApiCall, Copy, Kernel, Mark, MemoryEvent, Operator, Overhead, Range, Row, Synchronization,
};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::super::{EVENTS, NVTX};
use super::{Table, export, odd, read, tables};
use crate::summary::ImportedFile;

/// Rows of an export.
const ROWS: u64 = 4000;

/// Whether rows of a table are events: those of facts are fewer.
fn is_of_events(table: &str) -> bool {
    const OTHERS: [&str; 4] = [NVTX, "CUPTI_ACTIVITY_KIND_CUDA_EVENT", "GPU_METRICS", "OSRT_API"];
    EVENTS.contains(&table) || OTHERS.contains(&table)
}

/// Makes the tables anew without what their schema forbids.
fn loosen(database: &Connection, tables: &[Table]) {
    for Table { name, .. } in tables {
        database
            .execute_batch(&format!(
                "CREATE TABLE loose AS SELECT * FROM {name}; DROP TABLE {name}; ALTER TABLE loose RENAME TO {name};"
            ))
            .unwrap();
    }
}

/// Puts a row into a table.
fn insert(database: &Connection, table: &Table, row: Vec<Value>) {
    let marks = vec!["?"; row.len()].join(", ");
    let sql = format!("INSERT INTO {} VALUES ({marks})", table.name);
    database.prepare_cached(&sql).unwrap().execute(params_from_iter(row)).unwrap();
}

/// A row that is in order but for some of its values.
fn row(from: &mut Unstructured<'_>, table: &Table) -> Vec<Value> {
    let mut row = from.choose(&table.rows).unwrap().clone();
    let all = from.ratio(1, 16).unwrap_or(false);
    let changes = if all { row.len() } else { from.int_in_range(0..=3).unwrap_or(0) };
    for change in 0..changes {
        let at = if all { change } else { from.choose_index(row.len()).unwrap_or(0) };
        row[at] = match from.int_in_range(0..=5).unwrap_or(0) {
            0 | 1 => odd(from),
            2 => Value::Integer((number(from) as i64).wrapping_neg()),
            3 => Value::Integer(i64::MIN),
            // Of another process or thread, at another time.
            _ => {
                Value::Integer(from.int_in_range(-10..=20_000).unwrap_or(0) << (number(from) % 40))
            }
        };
    }
    row
}

fn count(database: &Connection, sql: &str) -> u64 {
    database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs()
}

/// How many rows of each table are events.
fn events(database: &Connection) -> BTreeMap<String, u64> {
    let mut events = BTreeMap::new();
    for (table, _) in tables(database) {
        if !is_of_events(&table) {
            continue;
        }
        let mut rows = count(database, &format!("SELECT count(*) FROM {table}"));
        if table == NVTX {
            // Names of categories, threads and domains are none.
            let names = "typeof(eventType) = 'integer' AND eventType IN (33, 39, 75)";
            rows -= count(database, &format!("SELECT count(*) FROM {NVTX} WHERE {names}"));
        }
        events.insert(table, rows);
    }
    events
}

fn rows<R: Row>(writer: &mut Writer) -> u64 {
    writer.rows::<R>().unwrap().len() as u64
}

/// Checks that each event is in the recording, or said not to be.
fn check(events: &BTreeMap<String, u64>, file: &ImportedFile, writer: &mut Writer) {
    let lost = |table: &str| -> u64 {
        let table = format!("table {table}: ");
        let told = file.warnings.iter().filter(|warning| {
            warning.text.starts_with(&table) && warning.text.contains("without a usable time")
        });
        told.map(|warning| warning.count).sum()
    };
    let left_out = |table: &str| file.left_out.get(table).copied().unwrap_or(0);
    let kept = |tables: &[&str]| -> u64 {
        tables.iter().map(|table| events[*table] - left_out(table) - lost(table)).sum()
    };
    let all: Vec<&str> = events.keys().map(String::as_str).collect();
    assert_eq!(events.values().sum::<u64>(), file.events);
    assert_eq!(kept(&all), file.kept);
    let kind = |name: &str| format!("CUPTI_ACTIVITY_KIND_{name}");
    let kept_of = |names: &[&str]| -> u64 { names.iter().map(|name| kept(&[&kind(name)])).sum() };
    assert_eq!(kept_of(&["KERNEL", "GRAPH_TRACE"]), rows::<Kernel>(writer));
    assert_eq!(kept_of(&["MEMCPY", "MEMSET"]), rows::<Copy>(writer));
    assert_eq!(kept_of(&["RUNTIME"]), rows::<ApiCall>(writer));
    assert_eq!(kept_of(&["SYNCHRONIZATION"]), rows::<Synchronization>(writer));
    // What nsys itself did is there, too, and no event.
    assert!(kept_of(&["OVERHEAD"]) <= rows::<Overhead>(writer));
    assert_eq!(kept_of(&["CUDA_EVENT"]), 0);
    assert_eq!(kept(&["CUDA_GPU_MEMORY_USAGE_EVENTS"]), rows::<MemoryEvent>(writer));
    let nvtx = rows::<Range>(writer) + rows::<Operator>(writer) + rows::<Mark>(writer);
    assert_eq!(kept(&[NVTX]), nvtx);
}

#[test]
fn fuzz_nsys_rows() {
    let export = export::modern();
    let tables = Table::all(&export.database);
    loosen(&export.database, &tables);
    let (of_events, of_facts): (Vec<&Table>, Vec<&Table>) =
        tables.iter().partition(|table| is_of_events(&table.name));
    let base = export.bytes();
    each_batch("nsys rows", 2 * ROWS, ROWS, |batch| {
        fs::write(export.file(), &base).unwrap();
        let mut database = Connection::open(export.file()).unwrap();
        database.set_prepared_statement_cache_capacity(tables.len());
        database.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF;").unwrap();
        let transaction = database.transaction().unwrap();
        while let Some(mut from) = batch.input() {
            let of = if from.ratio(1, 10).unwrap_or(false) { &of_facts } else { &of_events };
            let table = from.choose(of).unwrap();
            insert(&transaction, table, row(&mut from, table));
        }
        transaction.commit().unwrap();
        let events = events(&database);
        drop(database);
        let mut writer = Writer::in_memory();
        let file = read(&export.file(), export.path(), &mut writer).unwrap();
        check(&events, &file, &mut writer);
    });
}
