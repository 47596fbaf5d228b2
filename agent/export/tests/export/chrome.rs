//! The rules of the Chrome trace format, of JSON, and of what PyTorch's readers take for granted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::perfetto;

type Track = (i64, i64);

/// Checks a whole file.
pub(crate) fn check(path: &Path, what: &str) {
    let text = fs::read_to_string(path).unwrap();
    let document: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{what}: {error}"));
    let top = document.as_object().unwrap();
    for key in [
        "schemaVersion",
        "deviceProperties",
        "baseTimeNanoseconds",
        "traceName",
        "perfagent",
        "traceEvents",
    ] {
        assert!(top.contains_key(key), "{what}: no {key}");
    }
    assert!(document["baseTimeNanoseconds"].as_i64().is_some_and(|base| base >= 0), "{what}");
    for device in document["deviceProperties"].as_array().unwrap() {
        assert!(device["id"].is_i64() && device["name"].is_string(), "{what}: {device}");
    }
    let events = document["traceEvents"].as_array().unwrap();
    Check::default().events(events, what);
    perfetto::check(events, what);
    perfetto::check_texts(&text, what);
}

#[derive(Default)]
struct Check {
    /// Where spans begin.
    begins: BTreeSet<(Track, i64)>,
    named: BTreeSet<Track>,
    processes: BTreeSet<i64>,
    used: BTreeSet<Track>,
    starts: BTreeMap<i64, (Track, i64)>,
    ends: Vec<(i64, Track, i64)>,
}

impl Check {
    fn events(mut self, events: &[Value], what: &str) {
        for event in events {
            let wrong = |why: &str| format!("{what}: {why}: {event}");
            let track = (
                event["pid"].as_i64().unwrap_or_else(|| panic!("{}", wrong("pid"))),
                event["tid"].as_i64().unwrap_or_else(|| panic!("{}", wrong("tid"))),
            );
            assert!(event["name"].is_string() && event["args"].is_object(), "{}", wrong("form"));
            let ts = nanos(&event["ts"]).unwrap_or_else(|| panic!("{}", wrong("ts")));
            match event["ph"].as_str().unwrap_or_default() {
                "X" => {
                    assert!(event["cat"].is_string(), "{}", wrong("cat"));
                    let length = nanos(&event["dur"]).unwrap_or_else(|| panic!("{}", wrong("dur")));
                    assert!(length >= 0, "{}", wrong("dur"));
                    self.begins.insert((track, ts));
                    self.used.insert(track);
                }
                "i" => assert_eq!(event["s"], "t", "{}", wrong("scope")),
                "C" => {
                    let values = event["args"].as_object().unwrap();
                    assert!(
                        !values.is_empty() && values.values().all(Value::is_number),
                        "{}",
                        wrong("value")
                    );
                }
                "s" => {
                    let id = event["id"].as_i64().unwrap_or_else(|| panic!("{}", wrong("id")));
                    assert!(self.starts.insert(id, (track, ts)).is_none(), "{}", wrong("id twice"));
                }
                "f" => {
                    assert_eq!(event["bp"], "e", "{}", wrong("bp"));
                    self.ends.push((event["id"].as_i64().unwrap(), track, ts));
                }
                "M" => match event["name"].as_str().unwrap() {
                    "process_name" => assert!(self.processes.insert(track.0), "{}", wrong("twice")),
                    "thread_name" => assert!(self.named.insert(track), "{}", wrong("twice")),
                    "process_labels" => assert!(event["args"]["labels"].is_string()),
                    "process_sort_index" | "thread_sort_index" => {
                        assert!(event["args"]["sort_index"].is_i64(), "{}", wrong("sort_index"));
                    }
                    other => panic!("{what}: unknown metadata {other}"),
                },
                other => panic!("{what}: unknown phase {other}"),
            }
        }
        self.whole(what);
    }

    fn whole(&self, what: &str) {
        for track in &self.used {
            assert!(self.named.contains(track), "{what}: track {track:?} has no name");
            assert!(self.processes.contains(&track.0), "{what}: process {} has no name", track.0);
        }
        let begins = |track: Track, ts: i64| self.begins.contains(&(track, ts));
        let mut ended = BTreeSet::new();
        for &(id, track, ts) in &self.ends {
            let (from, start) = self.starts.get(&id).copied().unwrap_or_default();
            assert!(begins(from, start), "{what}: arrow {id} starts nowhere");
            assert!(begins(track, ts), "{what}: arrow {id} ends nowhere");
            ended.insert(id);
        }
        assert_eq!(ended.len(), self.starts.len(), "{what}: arrows without an end");
    }
}

/// Decimal microseconds with exactly three decimals.
pub(crate) fn nanos(value: &Value) -> Option<i64> {
    // Without loss: the text of the number, which `serde_json` keeps with `arbitrary_precision` only.
    let micros = value.as_f64()?;
    Some((micros * 1000.0).round() as i64)
}
