//! Schemas of every age, and exports in which something is missing or odd.

use crate::export::{Export, global, modern};
use crate::imported;

#[test]
fn everything_that_an_export_of_today_may_hold() {
    let export = modern();
    insta::assert_snapshot!(imported(export.path(), "run.sqlite"));
}

/// Schema 2.9.1, of 2022: no tables of meanings, the older name of the versions, raw names of kernels missing.
#[test]
fn an_export_of_2022() {
    let (process, thread) = (global(5, 0), global(5, 6));
    let export = Export::new(&format!(
        "CREATE TABLE EXPORT_META_DATA (name TEXT, value TEXT);
         INSERT INTO EXPORT_META_DATA VALUES ('EXPORT_PRODUCT_VERSION', '2022.2.1'), ('EXPORT_SCHEMA_VERSION', '2.9.1');
         CREATE TABLE StringIds (id INTEGER PRIMARY KEY, value TEXT NOT NULL);
         INSERT INTO StringIds VALUES (1, 'gemm'), (2, 'cudaMemcpy_v3020');
         CREATE TABLE TARGET_INFO_SYSTEM_ENV (name TEXT, value TEXT);
         INSERT INTO TARGET_INFO_SYSTEM_ENV VALUES ('Hostname', 'old'), ('DeviceEnvironment', 'OMPI_COMM_WORLD_RANK=1;OMPI_COMM_WORLD_SIZE=4');
         CREATE TABLE TARGET_INFO_GPU (id INT, name TEXT, totalMemory INT, smCount INT, smMajor INT, smMinor INT);
         INSERT INTO TARGET_INFO_GPU VALUES (1, 'A40', 48, 84, 8, 6), (0, 'A40', 48, 84, 8, 6);
         CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INT NOT NULL, end INT NOT NULL, deviceId INT NOT NULL, contextId INT NOT NULL,
             streamId INT NOT NULL, correlationId INT, globalPid INT, demangledName INT NOT NULL, shortName INT NOT NULL);
         INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (100, 200, 1, 1, 7, 3, {process}, 99, 1);
         CREATE TABLE CUPTI_ACTIVITY_KIND_MEMCPY (start INT, end INT, deviceId INT, contextId INT, streamId INT, correlationId INT,
             globalPid INT, bytes INT, copyKind INT);
         INSERT INTO CUPTI_ACTIVITY_KIND_MEMCPY VALUES (300, 400, 1, 1, 7, 4, {process}, 10, 2), (400, 500, 1, 1, 7, 5, {process}, 10, 13);
         CREATE TABLE CUPTI_ACTIVITY_KIND_RUNTIME (start INT, end INT, globalTid INT, correlationId INT, nameId INT, returnValue INT);
         INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME VALUES (250, 450, {thread}, 4, 2, 0);
         CREATE TABLE CUPTI_ACTIVITY_KIND_SYNCHRONIZATION (start INT, end INT, contextId INT, streamId INT, correlationId INT,
             globalPid INT, syncType INT, eventId INT);
         INSERT INTO CUPTI_ACTIVITY_KIND_SYNCHRONIZATION VALUES (460, 470, 1, 7, 8, {process}, 3, 0);"
    ));
    insta::assert_snapshot!(imported(export.path(), "run.sqlite"));
}

/// Neither processes nor names nor a start: still kernels.
#[test]
fn hardly_any_columns() {
    let export = Export::new(
        "CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (START INT, shortName INT);
         INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (100, 1), (200, 2), (NULL, 1);
         CREATE TABLE CUPTI_ACTIVITY_KIND_MEMSET (bytes INT);
         INSERT INTO CUPTI_ACTIVITY_KIND_MEMSET VALUES (1), (2);
         CREATE TABLE NVTX_EVENTS (text TEXT, start INT, end INT);
         INSERT INTO NVTX_EVENTS VALUES ('step', 50, 300), ('half', 60, 100);
         CREATE TABLE CUPTI_ACTIVITY_KIND_RUNTIME (other INT);",
    );
    insta::assert_snapshot!(imported(export.path(), "run.sqlite"));
}

/// Rows without a process belong to the only one that there is.
#[test]
fn events_that_do_not_tell_their_process() {
    let thread = global(5, 6);
    let export = Export::new(&format!(
        "CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INT, end INT, correlationId INT);
         INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (100, 200, 3);
         CREATE TABLE CUPTI_ACTIVITY_KIND_RUNTIME (start INT, end INT, globalTid INT, correlationId INT);
         INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME VALUES (50, 60, {thread}, 3);"
    ));
    insta::assert_snapshot!(imported(export.path(), "run.sqlite"));
}

#[test]
fn values_of_other_types_are_counted() {
    let process = global(5, 0);
    let export = Export::new(&format!(
        "CREATE TABLE StringIds (id, value);
         INSERT INTO StringIds VALUES (1, 'gemm'), ('two', 'other'), (3, x'00ff'), (4, CAST(x'67ff' AS TEXT));
         CREATE TABLE TARGET_INFO_SESSION_START_TIME (utcEpochNs);
         INSERT INTO TARGET_INFO_SESSION_START_TIME VALUES (-5);
         CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start, end, streamId, correlationId, globalPid, shortName);
         INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES
             (100, 200, 7, 1, {process}, 1),
             ('soon', 200, 7, 2, {process}, 1),
             (300, 'later', 7, 3, {process}, 1),
             (400, 500, 'seven', 'four', {process}, 1),
             (9223372036854775807, 9223372036854775807, 7, 5, {process}, 1),
             (600, 500, 7, 6, {process}, 2),
             (700.5, 800, 7, 7, {process}, 1),
             (800, 900, 7, 8, {process}, 3),
             (900, 9000000000000000000, 7, 9, {process}, 4),
             (950, 960, 7, 10, 'me', 1);"
    ));
    insta::assert_snapshot!(imported(export.path(), "run.sqlite"));
}

/// Ranges by their ends, as another tool may have sorted them, have the depths that they have in order.
#[test]
fn ranges_in_any_order() {
    let rows = [(0, 100, "outer"), (10, 50, "middle"), (20, 30, "inner"), (60, 70, "second")];
    let with = |order: &str| {
        let export = Export::new(
            "CREATE TABLE raw (start INT, end INT, text TEXT);
             CREATE TABLE NVTX_EVENTS (start INT, end INT, text TEXT, globalTid INT);",
        );
        for row in rows {
            export.database.execute("INSERT INTO raw VALUES (?, ?, ?)", row).unwrap();
        }
        let sql = format!("INSERT INTO NVTX_EVENTS SELECT *, 7 FROM raw ORDER BY {order}");
        export.database.execute(&sql, []).unwrap();
        let mut lines: Vec<String> = imported(export.path(), "run.sqlite")
            .lines()
            .filter_map(|line| line.strip_prefix("ranges: ")?.split_once(' '))
            .map(|(_, row)| row.to_owned())
            .collect();
        lines.sort();
        lines
    };
    let in_order = with("start");
    let depths: Vec<_> = in_order.iter().map(|line| line.split(' ').nth(4).unwrap()).collect();
    assert_eq!(depths, ["depth=0", "depth=1", "depth=2", "depth=1"]);
    assert_eq!(with("end"), in_order);
    assert_eq!(with("start DESC"), in_order);
}

/// The warnings of an import, and what it says to have lost.
fn told(sql: &str) -> (Vec<String>, Vec<String>) {
    let rows = imported(Export::new(sql).path(), "run.sqlite");
    let of = |kind: &str| {
        rows.lines().filter(|line| line.starts_with(kind)).map(ToOwned::to_owned).collect()
    };
    (of("warning"), of("losses:"))
}

#[test]
fn ends_before_starts_and_sizes_below_nothing_are_told() {
    let (warnings, _) = told(
        "CREATE TABLE CUPTI_ACTIVITY_KIND_MEMCPY (start INT, end INT, bytes INT);
         INSERT INTO CUPTI_ACTIVITY_KIND_MEMCPY VALUES (100, 40, 1), (200, 300, -5);
         CREATE TABLE NVTX_EVENTS (start INT, end INT, text TEXT);
         INSERT INTO NVTX_EVENTS VALUES (100, 200, 'step'), (300, 10, 'back');",
    );
    assert_eq!(
        warnings,
        [
            "warning (1x, first 1): table CUPTI_ACTIVITY_KIND_MEMCPY: 1 row with an end before the start kept with no length (row 1): by 60 ns",
            "warning (1x, first 2): table CUPTI_ACTIVITY_KIND_MEMCPY: 1 row with an unusable value in column `bytes`, which is ignored (row 2): -5",
            "warning (1x, first 2): table NVTX_EVENTS: 1 row with an end before the start kept with no length (row 2): by 290 ns",
        ]
    );
}

#[test]
fn what_nsys_itself_did_is_no_lost_event() {
    let (warnings, losses) = told(
        "CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INT, end INT);
         INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (100, 200), (NULL, 300);
         CREATE TABLE PROFILER_OVERHEAD (start INT, end INT);
         INSERT INTO PROFILER_OVERHEAD VALUES (NULL, 5), (NULL, 6);",
    );
    assert!(
        warnings
            .iter()
            .any(|text| text.contains("PROFILER_OVERHEAD: 2 rows without a usable time"))
    );
    assert_eq!(losses.len(), 1);
    assert!(losses[0].contains("count=1"), "{losses:?}");
}

#[test]
fn the_least_number_is_no_end_of_a_range() {
    let end = i64::MIN;
    let export = Export::new(&format!(
        "CREATE TABLE NVTX_EVENTS (start INT, end INT, text TEXT);
         INSERT INTO NVTX_EVENTS VALUES (10, 50, 'inner'), (10, {end}, 'open'), (60, 90, 'later');"
    ));
    let rows = imported(export.path(), "run.sqlite");
    let ranges: Vec<&str> = rows.lines().filter(|line| line.starts_with("ranges:")).collect();
    let depths: Vec<&str> = ranges
        .iter()
        .filter_map(|line| line.split(' ').find(|word| word.starts_with("depth=")))
        .collect();
    assert_eq!(depths, ["depth=1", "depth=0", "depth=1"], "{rows}");
}

#[test]
fn a_number_of_hundreds_of_digits_is_told_shortly() {
    let (warnings, _) = told(
        "CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INT, end INT, deviceId REAL);
         INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (100, 200, 5e-324), (200, 300, 1e300);",
    );
    assert!(warnings.iter().any(|text| text.ends_with("5e-324")), "{warnings:?}");
}
