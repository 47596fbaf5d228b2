//! The report against a second implementation that is as simple as can be (`tests/naive`).

use std::fs::File;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use perfagent_analysis::report;
use perfagent_import::{ImportOptions, import};
use perfagent_naive::differences;
use perfagent_recording::{Reader, Recording, WriteError, Writer};
use proptest::prelude::*;
use serde_json::Value;

use crate::random::{events, recording};

/// Everything in which the report of the recording at `path` and the naive figures differ.
fn different(path: &Path) -> Vec<String> {
    let recording = Recording::load(&Reader::open(path).unwrap(), &mut |_progress| {}).unwrap();
    let report = serde_json::to_value(report(&recording, "run.perfdb")).unwrap();
    differences(&report["ranks"], &Value::Array(perfagent_naive::ranks(path)))
}

/// Writes a recording that was made in memory.
fn store(recording: &Recording, path: &Path) -> Result<(), WriteError> {
    let mut writer = Writer::create(path)?;
    for (id, text) in recording.strings.iter() {
        assert_eq!(writer.string(text)?, id);
    }
    macro_rules! rows {
        ($($table:ident),+) => {$(
            for row in recording.$table.iter() {
                writer.insert::<_, i64>(&row.clone())?;
            }
        )+};
    }
    rows!(hosts, processes, threads, devices, streams, kernels, copies, api_calls);
    rows!(ranges, operators, collectives, memory, kernel_counters);
    writer.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn of_random_recordings(events in events(), gpu in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.perfdb");
        store(&recording(&events, gpu, &[0, 1, 2]), &path).unwrap();
        prop_assert_eq!(different(&path), Vec::<String>::new());
    }
}

/// Every file of a folder and of the folders in it.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
    found.sort();
}

#[test]
fn of_recordings_of_a_real_gpu() {
    let mut recordings = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/h200"), &mut recordings);
    recordings.retain(|path| path.to_string_lossy().ends_with(".perfdb.gz"));
    assert!(recordings.len() > 8, "{recordings:?}");
    for packed in recordings {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.perfdb");
        let mut bytes = GzDecoder::new(File::open(&packed).unwrap());
        std::io::copy(&mut bytes, &mut File::create(&path).unwrap()).unwrap();
        assert_eq!(different(&path), [] as [&str; 0], "{}", packed.display());
    }
}

/// Traces of other tools, through the importer.
#[test]
fn of_real_traces() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/traces");
    if !folder.join("reference.json").is_file() {
        println!("skipped: no folder shared/traces beside the repository");
        return;
    }
    let mut traces = Vec::new();
    for kind in ["kineto", "nsys", "nccl"] {
        files(&folder.join(kind), &mut traces);
    }
    assert!(traces.len() > 30, "{traces:?}");
    for input in traces {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("run.perfdb");
        let options =
            ImportOptions { inputs: vec![input.clone()], output: output.clone(), force: false };
        // What cannot be imported is the importer's affair.
        if import(&options).is_ok() {
            assert_eq!(different(&output), [] as [&str; 0], "{}", input.display());
        }
    }
}
