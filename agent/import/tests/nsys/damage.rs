//! Exports of which pages are damaged or missing: the rest is read, and the damage told.

use std::fs;

use crate::export::Export;
use crate::import_into;

const ROWS: i64 = 400;

/// Kernels on many pages, each with a name of its own.
fn kernels() -> Export {
    Export::new(&format!(
        "CREATE TABLE StringIds (id INTEGER PRIMARY KEY, value TEXT);
         CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INT, end INT, shortName INT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
         INSERT INTO StringIds SELECT i, 'kernel ' || i FROM n;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
         INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL SELECT i * 10, i * 10 + 5, i FROM n;"
    ))
}

/// The starts of the kernels in the recording.
fn starts(export: &Export) -> Vec<i64> {
    let recording = rusqlite::Connection::open(export.path().join("run.perfdb")).unwrap();
    let mut statement =
        recording.prepare("SELECT start_ns FROM kernels ORDER BY start_ns").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn what_stands_behind_a_damaged_page_is_read() {
    let whole = kernels();
    let bytes = whole.bytes();
    let mut in_the_middle = 0;
    // Page 1 is the schema.
    for page in 1..bytes.len() / 512 {
        let mut damaged = bytes.clone();
        damaged[page * 512..(page + 1) * 512].fill(0xa5);
        fs::write(whole.file(), &damaged).unwrap();
        let imported = match import_into(whole.path(), "run.sqlite") {
            Ok(imported) => imported,
            Err(error) => {
                let message = error.to_string();
                assert!(message.contains("run.sqlite: is damaged at"), "{message}");
                continue;
            }
        };
        let warnings: Vec<_> =
            imported.files[0].warnings.iter().map(|warning| &warning.text).collect();
        let starts = starts(&whole);
        let lost = ROWS as usize - starts.len();
        assert!(!warnings.is_empty(), "page {page}: {lost} lost silently");
        assert!(starts.is_sorted_by(|a, b| a < b), "page {page}: rows are there twice");
        let told = format!("{lost} rows are lost, the ");
        if lost > 0 && *starts.last().unwrap() == ROWS * 10 && starts[0] == 10 {
            in_the_middle += 1;
            assert!(warnings.iter().any(|text| text.contains(&told)), "page {page}: {warnings:?}");
        }
    }
    assert!(in_the_middle >= 5, "{in_the_middle}");
}

#[test]
fn of_a_file_that_was_cut_the_beginning_is_read() {
    let whole = kernels();
    let bytes = whole.bytes();
    let mut read = Vec::new();
    for length in (0..bytes.len()).step_by(256) {
        fs::write(whole.file(), &bytes[..length]).unwrap();
        match import_into(whole.path(), "run.sqlite") {
            Ok(imported) => {
                assert!(!imported.warnings.is_empty(), "cut at {length}");
                read.push(starts(&whole).len());
            }
            Err(error) => assert!(error.to_string().contains("run.sqlite"), "{error}"),
        }
    }
    assert!(read.len() > 10 && read.iter().any(|&rows| rows > 100), "{read:?}");
}
