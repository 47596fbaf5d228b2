//! The rules of speedscope's file format (its published JSON schema, and what its importer insists on).

use std::fs;

use perfagent_export::Format;
use perfagent_recording::Recording;
use serde_json::Value;

use crate::bed::{Bed, recorded, traces};

/// Checks a whole file, and returns how many spans it shows and their total length.
fn check(text: &str, what: &str) -> (usize, i64) {
    let document: Value = serde_json::from_str(text).unwrap();
    assert_eq!(document["$schema"], "https://www.speedscope.app/file-format-schema.json");
    assert!(document["name"].is_string() && document["exporter"].is_string());
    let frames = document["shared"]["frames"].as_array().unwrap();
    assert!(frames.iter().all(|frame| frame["name"].is_string()), "{what}");
    let (mut spans, mut total) = (0, 0);
    for profile in document["profiles"].as_array().unwrap() {
        assert_eq!(
            (profile["type"].as_str(), profile["unit"].as_str()),
            (Some("evented"), Some("nanoseconds"))
        );
        assert!(profile["name"].is_string());
        let (start, end) =
            (profile["startValue"].as_i64().unwrap(), profile["endValue"].as_i64().unwrap());
        let mut last = start;
        let mut open = Vec::new();
        for event in profile["events"].as_array().unwrap() {
            let at = event["at"].as_i64().unwrap();
            assert!(last <= at && at <= end, "{what}: {at} is not between {last} and {end}");
            last = at;
            let frame = usize::try_from(event["frame"].as_i64().unwrap()).unwrap();
            assert!(frame < frames.len(), "{what}: frame {frame} of {}", frames.len());
            match event["type"].as_str() {
                Some("O") => open.push((frame, at)),
                Some("C") => {
                    let (opened, from) =
                        open.pop().unwrap_or_else(|| panic!("{what}: closed before opened"));
                    assert_eq!(opened, frame, "{what}: closed in another order than opened");
                    spans += 1;
                    total += at - from;
                }
                other => panic!("{what}: {other:?}"),
            }
        }
        assert!(open.is_empty(), "{what}: {open:?} left open");
        assert_eq!(last, end, "{what}");
    }
    (spans, total)
}

/// What should be shown.
fn shown(recording: &Recording) -> (usize, i64) {
    let ranges = recording.ranges.iter().map(|row| row.end_ns.since(row.start_ns).nanos());
    let operators = recording.operators.iter().map(|row| row.end_ns.since(row.start_ns).nanos());
    let kernels = recording.kernels.iter().map(|row| row.end_ns.since(row.start_ns).nanos());
    let copies = recording.copies.iter().map(|row| row.end_ns.since(row.start_ns).nanos());
    let lengths = ranges.chain(operators).chain(kernels).chain(copies);
    lengths.fold((0, 0), |(count, total), length| (count + 1, total + length))
}

#[test]
fn every_span_is_shown() {
    let bed = Bed::new();
    let check = |what: &str| {
        bed.export(&["run.perfdb"], Format::Speedscope, "out.json");
        let text = fs::read_to_string(bed.path("out.json")).unwrap();
        assert_eq!(check(&text, what), shown(&bed.load("run.perfdb")), "{what}");
    };
    for packed in recorded() {
        bed.unpack(&packed, "run.perfdb");
        check(&packed.display().to_string());
    }
    for run in traces() {
        bed.import(&run, "run.perfdb");
        check(&run[0].display().to_string());
    }
}
