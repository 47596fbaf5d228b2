//! Other SQLite files, and compressed exports.

use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use perfagent_recording::Writer;

use crate::export::{Export, modern};
use crate::{import_into, imported};

#[test]
fn other_databases_are_refused_in_one_line() {
    for (sql, what) in [
        ("CREATE TABLE users (name TEXT);", "without the tables of an Nsight Systems export"),
        (
            "CREATE TABLE StringTable (x); CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start);",
            "nvprof",
        ),
        (
            "PRAGMA application_id = 1346720326; CREATE TABLE StringIds (id, value);",
            "is a recording",
        ),
    ] {
        let export = Export::new(sql);
        let message = import_into(export.path(), "run.sqlite").unwrap_err().to_string();
        assert!(message.contains(what) && !message.contains('\n'), "{message}");
    }
    let folder = tempfile::tempdir().unwrap();
    Writer::create(&folder.path().join("own.perfdb")).unwrap().finish().unwrap();
    let message = import_into(folder.path(), "own.perfdb").unwrap_err().to_string();
    assert!(message.contains("is a recording of perfagent already"), "{message}");
}

#[test]
fn a_folder_passes_them_over() {
    let export = modern();
    Writer::create(&export.path().join("own.perfdb")).unwrap().finish().unwrap();
    let imported = import_into(export.path(), ".").unwrap();
    assert_eq!(imported.files.len(), 1);
    assert!(
        imported.warnings.iter().any(|text| text.contains("passed over")),
        "{:?}",
        imported.warnings
    );
}

#[test]
fn a_compressed_export_is_the_same() {
    let export = modern();
    let plain = imported(export.path(), "run.sqlite");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&export.bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    fs::write(export.path().join("run.sqlite.gz"), &packed).unwrap();
    let unpacked = imported(export.path(), "run.sqlite.gz");
    assert_eq!(unpacked.replace("run.sqlite.gz", "run.sqlite"), plain);
    // Cut off, what was unpacked is read, or nothing can be.
    let mut read = 0;
    for length in (0..packed.len()).step_by(97) {
        fs::write(export.path().join("run.sqlite.gz"), &packed[..length]).unwrap();
        match import_into(export.path(), "run.sqlite.gz") {
            Ok(imported) => {
                assert!(!imported.warnings.is_empty(), "cut at {length}");
                read += 1;
            }
            Err(error) => assert!(error.to_string().contains("run.sqlite.gz"), "{error}"),
        }
    }
    assert!(read > 0);
    let left: Vec<_> =
        fs::read_dir(export.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

/// A database that a writer has not finished has its last rows in a log beside it.
#[test]
fn rows_in_a_log_beside_the_file_are_read() {
    let export = Export::new("CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INT, end INT);");
    export
        .database
        .execute_batch(
            "PRAGMA journal_mode = WAL; INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (1, 2);",
        )
        .unwrap();
    assert_eq!(import_into(export.path(), "run.sqlite").unwrap().files[0].kept, 1);
}
