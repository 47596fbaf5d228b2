//! Dumps of several versions, and damaged ones.

use perfagent_recording::table::Timing;
use proptest::prelude::*;

use super::reader::{Dump, Operation, read};
use super::recognises;
use crate::window::Window;

fn pair(
    name: &str,
    category: &str,
    (start, end): (&str, &str),
    args: &str,
    within: &str,
) -> String {
    format!(
        "{{\"name\": \"{name}\", \"cat\": \"{category}\", \"ph\": \"b\", \"id\": 0, \"pid\": 7, \"tid\": 1, \"ts\": {start}, \"args\": {{{args}}}}},\n\
         {within}{{\"name\": \"{name}\", \"cat\": \"{category}\", \"ph\": \"e\", \"id\": 0, \"pid\": 7, \"tid\": 1, \"ts\": {end}}},\n"
    )
}

fn channel(start: &str, end: &str, clock: (i64, i64)) -> String {
    let args = format!("\"Channel\": 1, \"StartGpuClk\": {}, \"StopGpuClk\": {}", clock.0, clock.1);
    pair("KernelCh", "GPU", (start, end), &args, "")
}

const COLL: &str = r#""SeqNum": 9, "CommHash": 12715772615376301750, "Rank": 3, "Count": 256, "Datatype": "ncclBfloat16", "Algorithm": "RING", "Protocol": "LL", "nChannels": 2"#;

fn all_reduce(times: (&str, &str), within: &str) -> String {
    pair("AllReduce", "COLL", times, COLL, within)
}

/// A dump of three operations, as different plugins know their times.
fn whole() -> String {
    let on_gpu =
        [channel("13.5", "19.5", (1000, 5000)), channel("14.5", "20.5", (1100, 5100))].concat();
    let on_processor =
        [channel("33.5", "39.5", (1000, 0)), channel("34.5", "40.5", (1100, 0))].concat();
    let send = pair("ProgressSend", "PROXY", ("52.0", "58.250000"), "\"Channel\": 0", "");
    let within = [
        all_reduce(("11.000000", "12.000000"), &on_gpu),
        all_reduce(("31.0", "32.0"), &on_processor),
        all_reduce(("51.0", "52.0"), &send),
    ]
    .concat();
    let api = pair(
        "AllReduce",
        "COLL_API",
        ("0.000000", "9.0"),
        "\"count\": 256, \"datatype\": ncclBfloat16, \"Stream\": 0x4142e90",
        &within,
    );
    format!("[\n{api}{{}}]\n")
}

fn dump(text: &str) -> Dump {
    read(&mut Window::new(text.as_bytes()))
}

fn times(row: &Operation) -> (Timing, i64, i64, Option<i64>) {
    (row.timing, row.start, row.end, row.called)
}

#[test]
fn times_of_an_operation_are_the_best_that_are_known() {
    let text = whole();
    assert!(recognises(&text));
    let dump = dump(&text);
    assert_eq!(dump.problems.warnings(), []);
    assert_eq!(
        dump.operations.iter().map(times).collect::<Vec<_>>(),
        [
            (Timing::Kernel, 13_500, 17_600, Some(11_000)),
            (Timing::Kernel, 33_500, 40_500, Some(31_000)),
            (Timing::Call, 51_000, 58_250, None),
        ]
    );
    let first = &dump.operations[0];
    assert_eq!(
        (first.pid, first.rank, first.sequence, first.bytes),
        (7, Some(3), Some(9), Some(512))
    );
    let texts = [first.op, first.dtype, first.communicator].map(|text| dump.texts.get(text));
    assert_eq!(texts, ["all_reduce", "bfloat16", "0xb0777fd29824eeb6"]);
    assert_eq!(
        dump.left_out.iter().map(|(name, count)| (name.as_str(), *count)).collect::<Vec<_>>(),
        [("COLL_API", 1), ("GPU", 4), ("PROXY", 1),]
    );
}

#[test]
fn a_time_of_zero_was_never_set() {
    let text = [
        "[\n",
        &all_reduce(("0.000000", "12.5"), ""),
        &all_reduce(("11.5", "0.000000"), ""),
        &all_reduce(("0.000000", "0.000000"), ""),
        "{}]\n",
    ]
    .concat();
    let dump = dump(&text);
    assert_eq!(
        dump.operations.iter().map(times).collect::<Vec<_>>(),
        [(Timing::Enqueue, 12_500, 12_500, None), (Timing::Enqueue, 11_500, 11_500, Some(11_500)),]
    );
    assert_eq!(dump.problems.events_lost(), 1);
}

#[test]
fn damage_costs_its_event() {
    let text = whole();
    let damaged = text.replace("\"ts\": 33.5, \"args\": {", "\"ts\": 33.5, \"args\": {{");
    assert_ne!(damaged, text);
    let out = dump(&damaged);
    assert_eq!((out.operations.len(), out.problems.events_lost()), (3, 1));
    let all = dump(&text).operations;
    for length in 1..text.trim_end().len() {
        let out = dump(&text[..length]);
        assert!(!out.problems.warnings().is_empty(), "cut at {length}");
        let finished = out.operations.iter().filter(|row| !row.open).count();
        assert_eq!(out.operations[..finished], all[..finished], "cut at {length}");
        assert!(out.operations.len() <= finished + 1);
    }
}

proptest! {
    #[test]
    fn it_does_not_matter_in_which_pieces_it_arrives(at in any::<prop::sample::Index>()) {
        use std::io::Read as _;
        let text = whole();
        let (first, second) = text.as_bytes().split_at(at.index(text.len()));
        let pieces = read(&mut Window::new(first.chain(second)));
        prop_assert_eq!(&pieces.operations, &dump(&text).operations);
        prop_assert_eq!(pieces.problems.warnings(), vec![]);
    }

    #[test]
    fn no_text_is_too_strange(words in prop::collection::vec(prop::sample::select(vec![
        "[", "]", "{", "}", ",", ":", "\"", "\n", " ", "\"ph\": \"b\"", "\"cat\": \"COLL\"", "\"ts\": 1.5", "é", "\"args\": {", "0x1", "-",
    ]), 0..60)) {
        let _ = dump(&words.concat());
    }
}

#[test]
fn a_count_below_nothing_is_no_size() {
    let text = whole().replace("\"Count\": 256", "\"Count\": -256");
    let out = dump(&text);
    assert_eq!(out.operations[0].bytes, None);
}

#[test]
fn fuzz_nccl_example_plugin() {
    let whole = whole();
    perfagent_fuzz::each_input("nccl-example-plugin", 3000, |from| {
        let text = perfagent_fuzz::text(from, &[&whole]);
        let dump = read(&mut Window::new(text.as_slice()));
        assert!(dump.operations.iter().all(|row| 0 < row.start && row.start <= row.end));
    });
}
