//! What is written comes back.

use std::process::Command;

use perfagent_recording::table::{Kernel, Payload, SpoolProgress, Stream, Timing};
use perfagent_recording::{
    OpenError, QueryResult, Reader, Recording, ThreadId, Timestamp, Value, Writer,
};

#[test]
fn every_row_comes_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.perfdb");
    crate::small_recording(&path).unwrap();

    let mut last = None;
    let recording =
        Recording::load(&Reader::open(&path).unwrap(), &mut |progress| last = Some(progress))
            .unwrap();

    assert_eq!(recording.meta_value("source"), Some("record"));
    assert_eq!(recording.ranges.len(), 500);
    let range = recording.ranges.get(499).unwrap();
    assert_eq!(recording.strings.get(range.name_id), "step");
    assert_eq!(range.payload, Payload::Integer(499));
    assert_eq!((range.end_ns - range.start_ns).nanos(), 999_999);
    assert_eq!(recording.marks.get(10).unwrap().payload, Payload::Real(1.0));
    assert_eq!(recording.process(range.process_id).unwrap().world_size, Some(2));
    assert_eq!(recording.thread(range.thread_id).unwrap().name, "main");
    assert_eq!(recording.kernels.get(7).unwrap().correlation, Some(7));
    let progress = last.unwrap();
    assert!(progress.rows >= 1500 && progress.rows <= progress.total, "{progress:?}");
}

#[test]
fn a_finished_recording_is_one_plain_file() {
    let folder = tempfile::tempdir().unwrap();
    crate::small_recording(&folder.path().join("run.perfdb")).unwrap();
    let files: Vec<_> =
        folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["run.perfdb"]);
}

/// A recorder that is killed leaves what it committed, and another process completes it.
#[test]
fn an_unfinished_recording_is_resumed_where_it_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.perfdb");
    let mut writer = Writer::create(&path).unwrap();
    let process = crate::fill(&mut writer).unwrap();
    let progress =
        SpoolProgress { ring: "41-7-0.ring".into(), process_id: process, position: 4096 };
    writer.set_spool_progress(&progress).unwrap();
    writer.commit().unwrap();
    writer.append(&Kernel { process_id: process, ..Default::default() }).unwrap();
    // As a kill would: no destructor runs, the last row was never committed. The copy stands for the
    // file as the next process finds it.
    let copy = folder.path().join("copy.perfdb");
    for suffix in ["", "-wal", "-shm"] {
        let from = format!("{}{suffix}", path.display());
        let to = format!("{}{suffix}", copy.display());
        assert!(Command::new("cp").args([from, to]).status().unwrap().success());
    }

    let mut resumed = Writer::resume(&copy).unwrap();
    let known: Vec<_> = resumed.rows::<SpoolProgress>().unwrap();
    assert_eq!(known[0].1, progress);
    let again = resumed.string("sgemm").unwrap();
    resumed.append(&Kernel { process_id: process, name_id: again, ..Default::default() }).unwrap();
    resumed.end_process(process, Timestamp::from_unix_nanos(9), Some(3), None).unwrap();
    resumed.finish().unwrap();

    let recording = Recording::load(&Reader::open(&copy).unwrap(), &mut |_| {}).unwrap();
    assert_eq!(recording.kernels.len(), 501);
    assert_eq!(recording.strings.get(recording.kernels.get(500).unwrap().name_id), "sgemm");
    assert_eq!(recording.processes[0].exit_code, Some(3));
}

/// Rows wait for each other and are inserted several at a time; nobody can tell.
#[test]
fn rows_keep_their_order_however_many_come_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&folder.path().join("run.perfdb")).unwrap();
    let process = crate::fill(&mut writer).unwrap();
    let kernel = |number| Kernel {
        process_id: process,
        correlation: Some(number),
        graph: (number % 3 == 0).then_some(number),
        ..Default::default()
    };
    let before = writer.rows::<Kernel>().unwrap().len() as i64;
    let mut number = 0;
    for together in [1, 15, 16, 17, 511, 512, 513, 1200] {
        for _ in 0..together {
            writer.append(&kernel(number)).unwrap();
            number += 1;
        }
        let id: i64 = writer.insert(&kernel(number)).unwrap();
        number += 1;
        assert_eq!(id, before + number, "a row with a number stands behind those that waited");
    }
    writer.append(&kernel(number)).unwrap();
    let rows = writer.rows::<Kernel>().unwrap();
    let ours = rows.into_iter().skip(before as usize).map(|(_, row)| row);
    assert!(ours.eq((0..=number).map(kernel)));
}

/// Whatever a writer is asked for, the recording in memory is the one that would have been read from the file.
#[test]
fn a_recording_in_memory_is_the_one_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.perfdb");
    let write = |writer: &mut Writer| {
        let process = crate::fill(writer).unwrap();
        writer.set_meta("source", "first").unwrap();
        writer.set_meta("source", "second").unwrap();
        writer.string("").unwrap();
        writer.string("a text of no row").unwrap();
        writer.end_process(process, Timestamp::from_unix_nanos(9), Some(3), None).unwrap();
        let stream = writer.insert(&Stream { process_id: process, ..Default::default() }).unwrap();
        writer.describe_stream(stream, -1, Some("high")).unwrap();
        writer.name_thread(ThreadId(1), "renamed").unwrap();
        writer.name_thread(ThreadId(99), "nobody").unwrap();
        let progress = SpoolProgress { ring: "r".into(), process_id: process, position: 1 };
        writer.set_spool_progress(&progress).unwrap();
        writer.commit().unwrap();
        writer.rows::<Kernel>().unwrap()
    };
    let mut file = Writer::create(&path).unwrap();
    let mut memory = Writer::in_memory();
    assert_eq!((file.path(), memory.path()), (Some(&*path), None));
    assert_eq!(write(&mut file), write(&mut memory));
    file.finish().unwrap();
    let file = Recording::load(&Reader::open(&path).unwrap(), &mut |_| {}).unwrap();
    let memory = memory.into_recording().unwrap();
    assert_eq!(format!("{memory:?}"), format!("{file:?}"));
    assert_eq!(memory.threads[0].name, "renamed");
}

#[derive(Default)]
struct Collected {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl QueryResult for Collected {
    fn columns(&mut self, names: &[String]) {
        self.columns = names.to_vec();
    }
    fn row(&mut self, values: &[Value]) -> bool {
        self.rows.push(values.to_vec());
        self.rows.len() < 2
    }
}

#[test]
fn a_query_reads_and_never_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.perfdb");
    crate::small_recording(&path).unwrap();
    let reader = Reader::open(&path).unwrap();

    let mut result = Collected::default();
    reader
        .query("SELECT payload, NULL AS missing FROM marks ORDER BY id LIMIT 5", &mut result)
        .unwrap();
    assert_eq!(result.columns, ["payload", "missing"]);
    assert_eq!(result.rows.len(), 2, "a false from `row` stops the query");
    assert_eq!(result.rows[1], [Value::Real(0.1), Value::Null]);

    for sql in ["DELETE FROM marks", "SELECT * FROM nowhere", "SELEKT", ""] {
        let refused = reader.query(sql, &mut Collected::default());
        if !sql.is_empty() {
            assert!(matches!(refused, Err(OpenError::Query { .. })), "{sql}: {refused:?}");
        }
    }
    let mut tables = Collected::default();
    reader.query(".tables", &mut tables).unwrap();
    assert_eq!(tables.rows[0], [Value::Text("api_calls".into())]);
}

/// A file of version 1, whose collectives did not say what their times are, and which has no table for waits.
#[test]
fn an_older_recording_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.perfdb");
    crate::small_recording(&path).unwrap();
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute_batch(
        "INSERT INTO collectives (process_id, start_ns, end_ns, op_id, dtype_id, group_id, source_id, open, timing)
         VALUES (1, 10, 20, 1, 0, 0, 1, 0, 'kernel');
         ALTER TABLE collectives DROP COLUMN timing;
         ALTER TABLE collectives DROP COLUMN enqueued_ns;
         ALTER TABLE collectives DROP COLUMN correlation;
         DROP TABLE contexts; DROP TABLE synchronizations; DROP TABLE overheads;
         ALTER TABLE streams DROP COLUMN priority; ALTER TABLE streams DROP COLUMN kind;
         PRAGMA user_version = 1; VACUUM;",
    )
    .unwrap();
    drop(file);
    let recording = Recording::load(&Reader::open(&path).unwrap(), &mut |_| {}).unwrap();
    let [collective] = &recording.collectives.to_vec()[..] else {
        panic!("{:?}", recording.collectives)
    };
    assert_eq!((collective.start_ns.unix_nanos(), collective.timing), (10, Timing::Call));
    assert_eq!((collective.enqueued_ns, collective.correlation), (None, None));
    assert!(recording.synchronizations.is_empty() && recording.contexts.is_empty());
}
