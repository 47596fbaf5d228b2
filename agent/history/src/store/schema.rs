//! The tables of a store.

/// `application_id` of stores, "PFHI": how one is told from other SQLite files.
pub(super) const APPLICATION_ID: u32 = u32::from_be_bytes(*b"PFHI");
/// `application_id` of recordings.
pub(super) use perfagent_recording::APPLICATION_ID as RECORDING_ID;

/// `user_version` of stores as this version writes them. Newer ones are refused.
pub(super) const VERSION: u32 = 1;

/// Makes the tables of version 1.
///
/// A run's number grows with the order of adding, which is the order of every series: clocks of several
/// machines do not agree. `time_is_told` says whether `time_ns` is the run's own. Samples are little-endian
/// doubles; `value` is their median.
pub(super) const CREATE: &str = "
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    commit_id TEXT NOT NULL,
    branch TEXT NOT NULL,
    suite TEXT NOT NULL,
    machine TEXT NOT NULL,
    time_ns INTEGER NOT NULL,
    time_is_told INTEGER NOT NULL,
    added_ns INTEGER NOT NULL,
    environment TEXT NOT NULL,
    source TEXT NOT NULL,
    identity TEXT NOT NULL,
    UNIQUE (commit_id, branch, suite, machine, identity)
) STRICT;
CREATE INDEX runs_by_series ON runs (suite, machine, branch, id);
CREATE TABLE metrics (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    has_subject INTEGER NOT NULL,
    unit TEXT NOT NULL,
    better TEXT NOT NULL CHECK (better IN ('lower', 'higher')),
    family TEXT NOT NULL CHECK (family IN ('headline', 'detail')),
    UNIQUE (name, subject, has_subject, unit, better, family)
) STRICT;
CREATE TABLE figures (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    metric_id INTEGER NOT NULL REFERENCES metrics (id),
    value REAL NOT NULL,
    low REAL,
    high REAL,
    samples BLOB NOT NULL,
    PRIMARY KEY (run_id, metric_id)
) STRICT, WITHOUT ROWID;
";
