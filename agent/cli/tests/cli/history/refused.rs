//! Files that are no results and stores that are none: one line, exit 2, and the store as it was.

use std::fs;

use super::bench::Bench;
use crate::fixture::cpu_run;

#[test]
fn what_is_no_result_is_refused_and_the_store_unharmed() {
    let bench = Bench::new();
    bench.with_past();
    bench.results("good.json", 1.0, 2.0);
    let before = fs::read(bench.path("history.db")).unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(bench.path(name), bytes).unwrap();
    put("empty", b"");
    put("nan.json", b"{\"a\": {\"latency\": {\"value\": NaN}}}");
    put("infinite.json", b"{\"a\": {\"latency\": {\"value\": 1e999}}}");
    put("text.txt", b"step 1 took 3 s\n");
    put("binary", b"\xff\xfe\x00");
    put("twice.json", b"[{\"name\": \"a\", \"value\": 1}, {\"name\": \"a\", \"value\": 2}]");
    put("nameless.json", b"[{\"name\": \" \", \"value\": 1}]");
    put("deep.json", "[".repeat(100_000).as_bytes());
    put("cut.perfdb", b"SQLite format 3\0");
    fs::create_dir(bench.path("folder")).unwrap();
    let add = ["add", "--store", "history.db", "--commit", "c", "--branch", "main", "good.json"];
    for (file, words) in [
        ("missing.json", "cannot be read"),
        ("empty", "is empty"),
        ("nan.json", "line 1 column 29"),
        ("infinite.json", "number out of range"),
        ("text.txt", "is not JSON"),
        ("binary", "byte 0 is not text"),
        ("twice.json", "a: is there twice"),
        ("nameless.json", "a result has no name"),
        ("deep.json", "recursion limit"),
        ("cut.perfdb", "cut.perfdb"),
        ("folder", "is a folder with neither"),
        ("past.json", "take it in with `perfagent history import`"),
    ] {
        let message = bench.run(&[&add[..], &[file]].concat()).refusal(file);
        assert!(message.contains(words), "{message}");
    }
    bench.run(&[&add[..], &["--machine", " "]].concat()).refusal("give one with --machine");
    bench.run(&["import", "--store", "history.db", "good.json"]).refusal("perfagent history add");
    // Not even the good file beside a bad one was added.
    assert_eq!(fs::read(bench.path("history.db")).unwrap(), before);
}

#[test]
fn what_is_no_store_is_refused_by_every_command() {
    let bench = Bench::new();
    bench.with_past();
    bench.results("good.json", 1.0, 2.0);
    cpu_run(&bench.path("run.perfdb"));
    let whole = fs::read(bench.path("history.db")).unwrap();
    let newer = rusqlite::Connection::open(bench.path("newer.db")).unwrap();
    newer
        .execute_batch(
            "PRAGMA application_id = 1346783305; PRAGMA user_version = 7; CREATE TABLE a (b)",
        )
        .unwrap();
    drop(newer);
    fs::write(bench.path("cut.db"), &whole[..whole.len() / 2]).unwrap();
    let mut spoiled = whole;
    spoiled[4096..8192].fill(0xee);
    fs::write(bench.path("spoiled.db"), spoiled).unwrap();
    fs::write(bench.path("text.db"), "text").unwrap();
    let origin = ["--commit", "c", "--branch", "main"];
    for (store, words) in [
        ("text.db", "is no history"),
        ("run.perfdb", "is a recording, not a history"),
        ("newer.db", "has schema version 7, this perfagent knows up to 1"),
        ("cut.db", "is damaged"),
        ("spoiled.db", "is damaged"),
    ] {
        let before = fs::read(bench.path(store)).unwrap();
        for command in [
            &["check"][..],
            &["list"],
            &["show"],
            &["export", "--format", "json"],
            &[&["add", "good.json"][..], &origin].concat(),
            &[&["import", "past.json"][..], &origin].concat(),
        ] {
            let message = bench.run(&[command, &["--store", store]].concat()).refusal(store);
            assert!(message.contains(words), "{command:?}: {message}");
        }
        assert_eq!(fs::read(bench.path(store)).unwrap(), before);
    }
    bench.run(&["check", "--store", "none.db"]).refusal("none.db: no such file");
    bench
        .run(&["check", "--store", "history.db", "--branch", "nobody"])
        .refusal("holds no such run");
    bench.run(&["check", "--store", "history.db", "--threshold", "-1"]).refusal("--threshold");
    bench
        .run(&["check", "--store", "history.db", "--false-discovery-rate", "2"])
        .refusal("--false-discovery-rate");
    bench.run(&["check", "--store", "history.db", "--newest", "0"]).refusal("--newest");
    bench
        .run(
            &[&["add", "--store", "history.db", "good.json", "--time", "soon"][..], &origin]
                .concat(),
        )
        .refusal("seconds since 1970");
}
