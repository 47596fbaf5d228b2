//! Data sets as users have them: the same training however it is split, a loader that tells what it did, and damage that
//! ends all ranks with one line.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use parquet::basic::Compression;
use serde_json::Value;

use crate::fixtures;
use crate::run::{Ended, losses, run, train_on};

/// A data set in each form.
fn sets() -> &'static Path {
    static SETS: OnceLock<tempfile::TempDir> = OnceLock::new();
    let write = || {
        let folder = tempfile::tempdir().unwrap();
        let texts = fixtures::texts(1500);
        let parquet = folder.path().join("parquet/data/train-00000-of-00001.parquet");
        fixtures::parquet(&parquet, "text", &texts, 100, Compression::SNAPPY);
        fixtures::saved_to_disk(&folder.path().join("arrow"), &texts, 2, 100);
        fixtures::tar(&folder.path().join("webdataset/0.tar"), &texts[..700]);
        fixtures::tar(&folder.path().join("webdataset/1.tar.gz"), &texts[700..]);
        folder
    };
    SETS.get_or_init(write).path()
}

/// Twenty steps with a small buffer.
fn trained(path: &Path, extra: &[&str]) -> Value {
    train_on("gpt", path, &[&["--shuffle-buffer", "64"], extra].concat())
}

/// Two splits of the same batch have the same losses.
#[track_caller]
fn assert_splits_agree(path: &Path, format: &str) {
    let one = trained(path, &["--micro-batch", "8"]);
    let two = trained(path, &["--micro-batch", "2", "--accumulate", "2", "--nproc", "2"]);
    let pairs: Vec<_> = losses(&one).into_iter().zip(losses(&two)).collect();
    assert_eq!(pairs.len(), 20);
    for (step, (l, r)) in pairs.into_iter().enumerate() {
        assert!(((l - r) / r).abs() <= 1e-4, "{format}, step {step}: {l} and {r}");
    }
    for rank in two["ranks"].as_array().unwrap() {
        let data = &rank["data"];
        assert_eq!(data["format"], format);
        assert!(data["documents"].as_u64().unwrap() > 0, "{data}");
        assert!(data["tokens_per_s"].as_f64().unwrap() > 0.0, "{data}");
        assert!(data["wait_ns"].is_u64() && data["stalls"].is_u64(), "{data}");
    }
    assert_eq!(two["config"]["data"]["shuffle_buffer"], 64);
}

#[test]
fn each_form_trains_the_same_on_one_rank_and_on_two() {
    for form in ["parquet", "arrow", "webdataset"] {
        assert_splits_agree(&sets().join(form), form);
    }
}

#[test]
fn columns_of_tokens_are_trained_on_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let lists: Vec<Vec<i32>> = fixtures::tokens(25).into_iter().cycle().take(1000).collect();
    let (parquet, arrow) = (folder.path().join("a.parquet"), folder.path().join("a.arrow"));
    fixtures::parquet_tokens(&parquet, "tokens", &lists, 100);
    fixtures::arrow_tokens(&arrow, &lists, 100);
    assert_splits_agree(&parquet, "parquet");
    assert_splits_agree(&arrow, "arrow");
}

#[test]
fn the_summary_tells_of_the_loader() {
    let path = sets().join("parquet");
    let mut arguments = vec!["gpt", "--layers", "1", "--hidden", "16", "--heads", "2", "--quiet"];
    arguments.extend(["--seq", "16", "--vocab", "320", "--steps", "3", "--nproc", "2"]);
    arguments.extend(["--threads", "1", "--device", "cpu", "--data", path.to_str().unwrap()]);
    let ended = run(&arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let line = ended.stdout.lines().find(|line| line.starts_with("data parquet: ")).unwrap();
    for part in ["documents", "loader", "tokens/s a rank", "waited", "stalls"] {
        assert!(line.contains(part), "{line}");
    }
}

/// A batch larger than what is read ahead has to wait, and says so.
#[test]
fn a_stall_is_counted() {
    let path = sets().join("parquet");
    let document = train_on("gpt", &path, &["--micro-batch", "256", "--shuffle-buffer", "1"]);
    let data = &document["ranks"][0]["data"];
    assert!(data["stalls"].as_u64().unwrap() > 0, "{data}");
    assert!(data["wait_ns"].as_u64().unwrap() > 1_000_000, "{data}");
}

/// A run that would take long.
fn long_run(path: &Path, extra: &[&str]) -> Ended {
    let path = path.to_str().unwrap();
    let model = "gpt --layers 1 --hidden 16 --heads 2 --vocab 320 --steps 20000 --threads 1";
    let quiet = "--quiet --device cpu --peak-tflops 0.1 --data";
    let arguments = model.split(' ').chain(quiet.split(' ')).chain([path]);
    run(&arguments.chain(extra.iter().copied()).collect::<Vec<_>>())
}

/// A token that is in no vocabulary, in a row group that neither validation nor the first batches need.
#[test]
fn damage_on_the_way_ends_every_rank_with_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let mut lists: Vec<Vec<i32>> =
        (0..1500).map(|n| (0..1000).map(|k| (n * k) % 320).collect()).collect();
    lists[1450][7] = 320;
    fixtures::parquet_tokens(&path, "tokens", &lists, 100);
    for ranks in ["1", "2"] {
        let ended = long_run(&path, &["--seq", "128", "--micro-batch", "128", "--nproc", ranks]);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
        // Ranks find it at the same moment; each that says it does so with its number.
        for line in ended.stderr.lines() {
            let says = "a.parquet: row group 14, row 50: token 320 is outside of the vocabulary";
            assert!(line.contains(says), "{line}");
            assert!(line.ends_with("--vocab"), "{line}");
        }
        assert!((1..=2).contains(&ended.stderr.lines().count()), "{}", ended.stderr);
    }
}

#[test]
fn damage_that_shows_before_training_is_an_input_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    fs::write(&path, b"PAR1 and nothing else").unwrap();
    for (extra, says) in
        [(&["--nproc", "1"][..], "a.parquet: footer: "), (&["--nproc", "2"], "a.parquet: footer: ")]
    {
        let ended = long_run(folder.path(), extra);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
    let whole = sets().join("parquet");
    for (extra, says) in [
        (&["--data-column", "body"][..], "no column 'body' among id, text"),
        (&["--seq", "100000"], "too short"),
        (&["--tokenizer", "/does/not/exist.json"], "--tokenizer /does/not/exist.json"),
        (&["--shuffle-buffer", "0"], "--shuffle-buffer"),
    ] {
        let ended = long_run(&whole, extra);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert!(ended.stderr.contains(says), "{says}: {}", ended.stderr);
    }
}
