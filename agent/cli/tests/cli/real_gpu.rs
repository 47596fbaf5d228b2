//! Reports of recordings of a real GPU (data/h200), as far as stand-ins could hide a fault.

use std::fs;
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::command::run;

/// Counters of the recorder name GPUs by their index, its kernels by CUDA's ordinal: both are one GPU.
#[test]
fn clocks_of_an_own_recording_were_missing_from_its_report() {
    let folder = tempfile::tempdir().unwrap();
    let data =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/h200/coexistence/both.perfdb.gz");
    let mut packed = GzDecoder::new(fs::File::open(data).unwrap());
    let mut file = fs::File::create(folder.path().join("run.perfdb")).unwrap();
    std::io::copy(&mut packed, &mut file).unwrap();
    let answer = run(folder.path(), &["report", "run.perfdb", "--json"]).answer();
    let report: Value = serde_json::from_str(&answer).unwrap();
    let clocks = report["ranks"][0]["clocks"].as_array().unwrap();
    let [clock] = &clocks[..] else { panic!("{clocks:?}") };
    assert_eq!(clock["max_mhz"], 1980.0);
    assert!(clock["samples"].as_i64().unwrap() > 100, "{clock}");
    let mean = clock["mean_mhz"].as_f64().unwrap();
    assert!((1770.0..=1980.0).contains(&mean), "{mean}");
    // The power cap held the clock down before the first kernel alone.
    assert_eq!(clock["throttling"].as_array().unwrap().len(), 0, "{clock}");
}
