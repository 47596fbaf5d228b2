//! A folder with a history, and the commands on it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{Outcome, outcome, perfagent};

/// What CI would say of the commit; this test runs in CI itself.
const VARIABLES: [&str; 6] = [
    "GITHUB_SHA",
    "GITHUB_HEAD_REF",
    "GITHUB_REF_NAME",
    "CI_COMMIT_SHA",
    "CI_COMMIT_BRANCH",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
];

/// 2026-03-01 12:00:00 UTC.
pub(crate) const START: i64 = 1_772_366_400;

/// The folder.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, document: &Value) {
        fs::write(self.path(name), document.to_string()).unwrap();
    }

    /// `perfagent history` with these words, outside of any CI.
    pub(crate) fn command(&self, words: &[&str]) -> assert_cmd::Command {
        let mut command = perfagent(self.folder());
        for name in VARIABLES {
            command.env_remove(name);
        }
        command.arg("history").args(words);
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Outcome {
        outcome(&mut self.command(words))
    }

    /// Adds a file as a run of a commit on `main`, measured so many days after the start.
    pub(crate) fn add(&self, file: &str, commit: &str, day: i64) -> String {
        let time = (START + 86_400 * day).to_string();
        let words = ["add", "--store", "history.db", "--commit", commit, "--branch", "main"];
        let words = [&words[..], &["--machine", "node-1", "--time", &time, file]].concat();
        self.run(&words).answer()
    }

    /// Thirty runs on `main`, one a day.
    pub(crate) fn with_past(&self) {
        let runs: Vec<Value> = (0..30).map(|day| past(day, noise(day))).collect();
        self.write("past.json", &json!({"schema": "perfagent.history/1", "runs": runs}));
        let answer = self.run(&["import", "--store", "history.db", "past.json"]).answer();
        assert_eq!(
            answer,
            "past.json: 30 runs of perfagent's history, 0 of which were there already\n"
        );
    }

    /// Results of Bencher's format: a latency of so many ns, and a throughput.
    pub(crate) fn results(&self, name: &str, latency: f64, throughput: f64) {
        let measures = json!({"latency": {"value": latency}, "throughput": {"value": throughput}});
        self.write(name, &json!({"parse": measures}));
    }

    pub(crate) fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.run(words).stdout).unwrap()
    }
}

/// Around 0, at most 1.
pub(crate) fn noise(day: i64) -> f64 {
    [0.0, 0.9, -0.4, 0.3, -0.8, 0.5, 0.1, -0.6, 1.0, -0.9, 0.2][day as usize * 7 % 11]
}

/// A run of the past.
pub(crate) fn past(day: i64, noise: f64) -> Value {
    let measured = |name: &str, unit: &str, better: &str, value: f64| {
        json!({"name": name, "subject": "parse", "unit": unit, "better": better, "family": "headline",
               "samples": [value], "bounds": null})
    };
    json!({
        "commit": format!("c{day:03}"), "branch": "main", "suite": "default", "machine": "node-1",
        "time_ns": (START + 86_400 * (day - 30)) * 1_000_000_000, "time_is_told": true, "environment": [],
        "source": "results.json",
        "measurements": [
            measured("latency", "ns", "lower", 1000.0 + 10.0 * noise),
            measured("throughput", "operations/s", "higher", 500.0 - 4.0 * noise),
        ],
    })
}
