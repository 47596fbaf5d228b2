//! Every format is told by its content; damaged files are refused with a place, and never panic.

use std::path::Path;

use perfagent_history::results::{Format, of_bytes};
use perfagent_history::{Run, results};
use perfagent_recording::Timestamp;
use perfagent_regress::compare::{Better, Family};
use proptest::prelude::*;

use crate::support::{NOW, measured, run};

const FILES: [(&str, Format); 9] = [
    (r#"{"a": {"latency": {"value": 1.5, "lower_value": 1, "upper_value": 2}}}"#, Format::Bmf),
    (r#"[{"name": "a", "unit": "ms", "value": 3, "range": "± 0.5"}]"#, Format::Custom),
    (
        r#"window.BENCHMARK_DATA = {"lastUpdate": 1, "entries": {"S": [{"commit": {"id": "abc"}, "date": 1573968123092, "tool": "go", "benches": [{"name": "b", "value": 2, "unit": "ns/op"}]}]}}"#,
        Format::CustomHistory,
    ),
    (
        r#"{"entries": {"S": [{"commit": {"id": "abc"}, "date": 1, "tool": "pytest", "benches": []}]}}"#,
        Format::CustomHistory,
    ),
    (r#"{"results": [{"command": "x", "mean": 1.0, "times": [1.0, 1.5]}]}"#, Format::Hyperfine),
    (
        "{\"reason\": \"benchmark-complete\", \"id\": \"norm\", \"unit\": \"ns\", \"iteration_count\": [30], \"measured_values\": [300.0]}\n{\"reason\": \"group-complete\"}",
        Format::CargoCriterion,
    ),
    (
        r#"{"schema": "perfagent.bench/1", "device": "cpu", "tokens_per_step": 8, "ranks": [{"step_ns": [5, 6, 7]}]}"#,
        Format::Bench,
    ),
    (
        r#"{"schema": "perfagent.bench-suite/1", "suite": "ci", "case": "gpt", "status": "ok", "result": {"schema": "perfagent.bench/1", "ranks": [{"step_ns": [5]}]}}"#,
        Format::Suite,
    ),
    (
        r#"{"schema": "perfagent.history/1", "runs": [{"commit": "c", "branch": "b", "suite": "s", "machine": "m", "time_ns": 5, "time_is_told": true, "environment": [], "source": "f", "measurements": [{"name": "n", "subject": null, "unit": "", "better": "lower", "family": "headline", "samples": [1.0], "bounds": null}]}]}"#,
        Format::History,
    ),
];

fn read(bytes: &[u8]) -> Result<(Format, Vec<results::Results>), results::ResultsError> {
    of_bytes(Path::new("results.json"), bytes.to_vec())
}

#[test]
fn the_content_tells_the_format() {
    for (text, format) in FILES {
        let (found, runs) = read(text.as_bytes()).unwrap();
        assert_eq!(found, format, "{text}");
        assert_eq!(runs.len(), 1, "{text}");
    }
}

#[test]
fn what_is_none_of_them_is_refused() {
    for (bytes, words) in [
        (&b""[..], "is empty"),
        (b" \n", "is empty"),
        (b"a,b\n1,2\n", "is not JSON"),
        (
            b"{\"a\": {\"latency\": {\"value\": NaN}}}",
            "is not JSON: expected value at line 1 column 29",
        ),
        (b"{\"a\": {\"latency\": {\"value\": 1e999}}}", "number out of range at line 1"),
        (b"\xff\xfe", "byte 0 is not text"),
        (b"[]", "is an empty array"),
        (b"{}", "is an empty object"),
        (b"[1, 2]", "whose first entry has no \"name\""),
        (
            b"{\"schema\": \"perfagent.compare/1\"}",
            "its schema is \"perfagent.compare/1\", which holds no results",
        ),
        (b"{\"x\": 1}", "is JSON of no known form"),
        (b"window.BENCHMARK_DATA = {}", "has no object \"entries\""),
        (b"7", "is 7, not an object or array"),
    ] {
        let message = read(bytes).unwrap_err().to_string();
        assert!(message.starts_with("results.json: ") && message.contains(words), "{message}");
    }
}

#[test]
fn damaged_files_never_panic() {
    perfagent_fuzz::each_input("history results", 4000, |from| {
        let texts = FILES.map(|(text, _)| text);
        let bytes = perfagent_fuzz::text(from, &texts);
        if let Ok((_, runs)) = read(&bytes) {
            for measured in runs.iter().flat_map(|run| &run.measurements) {
                assert!(measured.samples.iter().all(|sample| sample.is_finite()));
            }
        }
    });
}

#[test]
fn a_whole_history_comes_back() {
    let told = Run { time: Timestamp::from_unix_nanos(9), time_is_told: true, ..run("a", 1.0) };
    let document = results::own_document(vec![told, run("b", 2.0)]);
    let bytes = serde_json::to_vec(&document).unwrap();
    let (format, read) = read(&bytes).unwrap();
    assert_eq!(format, Format::History);
    assert_eq!(read[0].time, Some(Timestamp::from_unix_nanos(9)));
    assert_eq!((read[1].time, read[1].added), (None, Some(NOW)));
    assert_eq!(read[1].measurements, run("b", 2.0).measurements);
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-15 * b.abs()
}

fn name() -> impl Strategy<Value = String> {
    "[ -~äµ]{1,12}".prop_filter("names are not blank", |name| !name.trim().is_empty())
}

proptest! {
    /// All bits of all samples come back, so that a run that is imported again is known again.
    #[test]
    fn own_format_there_and_back(samples in proptest::collection::vec(prop::num::f64::NORMAL, 1..20)) {
        let given = Run { measurements: vec![measured("a", None, &samples)], ..run("c", 1.0) };
        let bytes = serde_json::to_vec(&results::own_document(vec![given.clone()])).unwrap();
        let found = read(&bytes).unwrap().1.remove(0);
        prop_assert_eq!(Run { measurements: found.measurements, ..given.clone() }.identity(), given.identity());
    }

    /// What is written in Bencher's format is read from it: names, values and bounds. Numbers of JSON are read
    /// up to a last bit.
    #[test]
    fn bencher_format_there_and_back(
        rows in proptest::collection::btree_map((name(), name()), prop::num::f64::NORMAL, 1..6),
    ) {
        let measurements: Vec<_> = rows
            .iter()
            .map(|((subject, name), &value)| perfagent_history::Measurement {
                bounds: Some((value, value)),
                ..measured(name, Some(subject), &[value])
            })
            .collect();
        let document = perfagent_history::export::bencher("suite", &measurements);
        let (format, read) = read(document.to_string().as_bytes()).unwrap();
        prop_assert_eq!(format, Format::Bmf);
        let shown = |measurements: &[perfagent_history::Measurement]| {
            let mut rows: Vec<_> = measurements
                .iter()
                .map(|m| (m.subject.clone(), m.name.clone(), m.samples[0], m.bounds.unwrap().0))
                .collect();
            rows.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
            rows
        };
        for (found, given) in shown(&read[0].measurements).iter().zip(&shown(&measurements)) {
            prop_assert_eq!((&found.0, &found.1), (&given.0, &given.1));
            prop_assert!(same(found.2, given.2) && same(found.3, given.3), "{} {}", found.2, given.2);
        }
    }

    #[test]
    fn github_format_there_and_back(
        rows in proptest::collection::btree_map(name(), prop::num::f64::NORMAL, 1..6),
    ) {
        let measurements: Vec<_> =
            rows.iter().map(|(name, &value)| measured(name, None, &[value])).collect();
        let document = perfagent_history::export::custom(&measurements, Better::Lower);
        let (format, read) = read(document.to_string().as_bytes()).unwrap();
        prop_assert_eq!(format, Format::Custom);
        for (found, given) in read[0].measurements.iter().zip(&measurements) {
            prop_assert_eq!((&found.name, &found.unit, found.family), (&given.name, &given.unit, Family::Headline));
            prop_assert!(same(found.samples[0], given.samples[0]));
        }
    }
}
