//! Files that are not whole recordings: each gives its own error, none gives a wrong number.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use perfagent_recording::{OpenError, Reader, Recording, SCHEMA_VERSION};
use proptest::prelude::{ProptestConfig, any, proptest};

fn load(path: &Path) -> Result<Recording, OpenError> {
    Recording::load(&Reader::open(path)?, &mut |_| {})
}

/// The bytes of a small recording.
fn whole() -> Vec<u8> {
    static WHOLE: OnceLock<Vec<u8>> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.perfdb");
        crate::small_recording(&path).unwrap();
        fs::read(path).unwrap()
    };
    WHOLE.get_or_init(make).clone()
}

#[test]
fn each_kind_of_wrong_file_has_its_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.perfdb");
    assert!(matches!(load(&path), Err(OpenError::Missing { .. })));
    assert!(matches!(load(&path.join("below")), Err(OpenError::Missing { .. })));
    assert!(matches!(load(folder.path()), Err(OpenError::Directory { .. })));
    fs::write(&path, "").unwrap();
    assert!(matches!(load(&path), Err(OpenError::Empty { .. })));
    fs::write(&path, "step loss\n1 2.5\n").unwrap();
    assert!(matches!(load(&path), Err(OpenError::NotSqlite { .. })));
    let foreign = rusqlite::Connection::open(folder.path().join("other.sqlite")).unwrap();
    foreign.execute_batch("CREATE TABLE kernels (start INTEGER)").unwrap();
    drop(foreign);
    assert!(matches!(load(&folder.path().join("other.sqlite")), Err(OpenError::Foreign { .. })));
}

#[test]
fn a_newer_schema_is_refused_by_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.perfdb");
    let mut bytes = whole();
    bytes[60..64].copy_from_slice(&(SCHEMA_VERSION + 1).to_be_bytes());
    fs::write(&path, bytes).unwrap();
    let error = load(&path).unwrap_err();
    assert!(
        matches!(error, OpenError::Newer { found, .. } if found == SCHEMA_VERSION + 1),
        "{error}"
    );
}

/// Of tables that are read row by row and of those that are handed over whole.
#[test]
fn a_value_of_another_kind_is_named_with_its_table_and_column() {
    let folder = tempfile::tempdir().unwrap();
    for (table, column) in [("ranges", "end_ns"), ("ranges", "name_id"), ("processes", "pid")] {
        let path = folder.path().join(format!("{table}-{column}.perfdb"));
        fs::write(&path, whole()).unwrap();
        let file = rusqlite::Connection::open(&path).unwrap();
        let last = format!("(SELECT max(id) FROM {table})");
        let change = format!("UPDATE {table} SET {column} = 'soon' WHERE id = {last}");
        assert_eq!(file.execute(&change, []).unwrap(), 1);
        drop(file);
        let error = load(&path).unwrap_err().to_string();
        let wrong = format!("name: {column}");
        assert!(error.contains(table) && error.contains(&wrong), "{error}");
    }
}

/// Cut at any byte, a recording says that it is cut.
#[test]
fn a_recording_cut_off_anywhere_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.perfdb");
    let bytes = whole();
    let around_pages =
        (0..bytes.len()).filter(|at| at % 16384 < 3 || at % 16384 > 16380 || at % 4001 == 0);
    for at in around_pages.chain(1..200) {
        fs::write(&path, &bytes[..at]).unwrap();
        let error = load(&path).expect_err("a cut recording opened");
        let expected = if at == 0 {
            matches!(error, OpenError::Empty { .. })
        } else {
            matches!(error, OpenError::Truncated { found, .. } if found == at as u64)
        };
        assert!(expected, "cut at {at}: {error}");
        assert_eq!(error.to_string().lines().count(), 1);
    }
    fs::write(&path, &bytes).unwrap();
    assert_eq!(load(&path).unwrap().ranges.len(), 500);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Bytes changed anywhere: an error or a recording, never a crash or a huge allocation.
    #[test]
    fn changed_bytes_never_crash(changes in proptest::collection::vec((any::<u32>(), any::<u8>()), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.perfdb");
        let mut bytes = whole();
        for (at, value) in changes {
            let length = bytes.len();
            bytes[at as usize % length] = value;
        }
        fs::write(&path, bytes).unwrap();
        if let Err(error) = load(&path) {
            assert_eq!(error.to_string().lines().count(), 1, "{error}");
        }
    }
}
