//! Records of several versions, and damaged ones.

use perfagent_recording::table::Timing;
use proptest::prelude::*;

use super::reader::{Operation, Output, read};
use super::{doubts, recognises};
use crate::window::Window;

fn header(rank: i64, dumped: i64) -> String {
    format!(
        r#""header":{{"id":"0x7f8c496ae9f661","rank":{rank},"n_ranks":8,"nnodes":1}},"metadata":{{"inspector_output_format_version":"v4.0","git_rev":"x","rec_mechanism":"nccl_profiler_interface","dump_timestamp_us":{dumped},"hostname":"n1","pid":{}}}"#,
        100 + rank
    )
}

/// As they were written first: each with its header.
fn plain(number: i64, dumped: i64) -> String {
    format!(
        r#"{{{},"coll_perf":{{"coll":"AllReduce","coll_sn":{number},"coll_msg_size_bytes":17179869184,"coll_exec_time_us":61974,"coll_timing_source":"kernel_gpu","coll_algobw_gbs":277.210914,"coll_busbw_gbs":485.119099}}}}"#,
        header(2, dumped)
    )
}

/// As they are written today: behind their header, with instants.
const VERBOSE: &str = r#"{"coll_perf":{"coll":"ReduceScatter","coll_algo":"RING","coll_proto":"SIMPLE","coll_sn":1231,"coll_msg_size_bytes":2147483648,"coll_exec_time_us":41057,"coll_timing_source":"kernel_gpu","coll_algobw_gbs":418.439467,"coll_busbw_gbs":366.134533,"event_trace_sn":{"coll_start_sn":1,"coll_stop_sn":2,"kernel_events":[{"channel_id":0,"kernel_start_sn":3}]},"event_trace_ts":{"coll_start_ts":1752867229235059,"coll_stop_ts":1752867229235064,"kernel_events":[{"channel_id":0,"kernel_start_ts":0},{"channel_id":1,"kernel_start_ts":1752867229235181,"kernel_stop_ts":1752867229275811,"kernel_record_ts":1752867229275811}]}}}
{"p2p_perf":{"p2p":"Send","p2p_sn":4,"p2p_peer":3,"p2p_msg_size_bytes":512,"p2p_exec_time_us":7,"p2p_timing_source":"collective_cpu","p2p_algobw_gbs":0.073,"event_trace_ts":{"p2p_start_ts":1752867229335059,"p2p_stop_ts":1752867229335064,"kernel_events":[]}}}
{"proxy_trace":{"record_type":"proxy_step","record_sn":41}}
"#;

fn today() -> String {
    format!(
        "{{{},\"dump_stats\":{{\"coll_records\":1,\"coll_dropped_since_last_dump\":512,\"p2p_dropped_since_last_dump\":0}}}}\n{VERBOSE}",
        header(1, 1_752_867_230_000_000)
    )
}

fn output(text: &str) -> Output {
    read(&mut Window::new(text.as_bytes()))
}

fn shown(output: &Output, row: &Operation) -> String {
    format!(
        "{} {} of {:?}, {:?} bytes, #{:?}, {:?} {}+{} {:?}",
        output.texts.get(row.op),
        output.texts.get(row.communicator),
        row.size,
        row.bytes,
        row.sequence,
        row.timing,
        row.instant,
        row.length,
        row.called
    )
}

#[test]
fn records_with_their_instants() {
    let text = today();
    assert!(recognises(&text));
    let output = output(&text);
    let rows: Vec<_> = output.operations.iter().map(|row| shown(&output, row)).collect();
    assert_eq!(
        rows,
        [
            "reduce_scatter 0x7f8c496ae9f661 of Some(8), Some(17179869184) bytes, #Some(1231), Kernel 1752867229235181000+41057000 Some(1752867229235059000)",
            "send 0x7f8c496ae9f661 of Some(8), Some(512) bytes, #None, Call 1752867229335059000+7000 None",
        ]
    );
    assert_eq!(
        (output.dropped, output.left_out.get("proxy_trace"), output.problems.warnings()),
        (512, Some(&1), vec![])
    );
    let writer = &output.writers[0];
    assert_eq!((&*writer.host, writer.pid, writer.rank()), ("n1", 101, Some((1, 8))));
}

#[test]
fn records_of_which_only_the_length_is_known() {
    let mut output = output(&format!(
        "{}\n{}\n{}",
        plain(7, 5_000_000),
        plain(8, 5_000_010),
        plain(9, 9_000_000)
    ));
    let rows: Vec<_> =
        output.operations.iter().map(|row| (row.timing, row.sequence, row.bytes)).collect();
    let bytes = Some(17_179_869_184);
    assert_eq!(rows, [7, 8, 9].map(|number| (Timing::Length, Some(number), bytes)));
    assert_eq!(
        super::write::spans(&output.operations, 1),
        [
            (4_876_062_000, 4_938_036_000),
            (4_938_036_000, 5_000_010_000),
            (8_938_026_000, 9_000_000_000),
        ]
        .map(|(start, end): (i64, i64)| (start, end))
    );
    doubts(&mut output);
    assert!(
        output.problems.warnings()[0].text.starts_with("of 3 operations only the length is known")
    );
}

#[test]
fn a_rank_that_communicators_do_not_agree_on_is_not_known() {
    let other = plain(1, 5).replace("\"n_ranks\":8", "\"n_ranks\":4");
    let output = output(&format!("{}\n{other}\n", plain(1, 5)));
    assert_eq!((output.writers.len(), output.writers[0].rank()), (1, None));
}

#[test]
fn damage_costs_its_record_and_what_depends_on_it() {
    let good = plain(7, 5_000_000);
    let bad = good.replace("\"coll_sn\":7", "\"coll_sn\":}");
    let out = output(&format!("{good}\n{bad}\nnoise\n{good}\n"));
    assert_eq!(out.operations.len(), 2);
    let warnings = out.problems.warnings();
    assert_eq!(
        warnings.iter().map(|warning| (warning.offset, warning.count)).collect::<Vec<_>>(),
        [(good.len() as u64 + 1, 1), ((good.len() + bad.len()) as u64 + 2, 1),]
    );
    // A damaged header leaves its records without one.
    let lost = today().replacen("\"rank\":1", "\"rank\":}", 1);
    let out = output(&lost);
    assert_eq!((out.operations.len(), out.problems.events_lost()), (0, 3));
    let text = today();
    for length in 0..text.len() {
        let out = output(&text[..length]);
        assert!(out.operations.len() <= 2);
        let is_whole =
            length == 0 || text.as_bytes()[length - 1] == b'\n' || text.as_bytes()[length] == b'\n';
        assert_eq!(out.problems.warnings().is_empty(), is_whole, "cut at {length}");
    }
}

proptest! {
    #[test]
    fn no_two_operations_of_a_process_overlap_that_did_not(
        records in prop::collection::vec((0_i64..1000, 0_i64..200), 1..40)
    ) {
        let text: String = records.iter().map(|(dumped, length)| {
            plain(1, dumped + 1).replace(":61974,", &format!(":{length},")) + "\n"
        }).collect();
        let output = output(&text);
        let spans = super::write::spans(&output.operations, 1);
        prop_assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0));
        for ((start, end), (dumped, length)) in spans.iter().zip(&records) {
            prop_assert!(*end <= (dumped + 1) * 1000);
            prop_assert_eq!(end - start, length * 1000);
        }
    }

    #[test]
    fn it_does_not_matter_in_which_pieces_it_arrives(at in any::<prop::sample::Index>()) {
        use std::io::Read as _;
        let text = today();
        let (first, second) = text.as_bytes().split_at(at.index(text.len()));
        let pieces = read(&mut Window::new(first.chain(second)));
        prop_assert_eq!(&pieces.operations, &output(&text).operations);
        prop_assert_eq!(pieces.problems.warnings(), vec![]);
    }
}

#[test]
fn lengths_and_sizes_below_nothing_are_none() {
    let good = plain(7, 5_000_000);
    let length = good.replace("\"coll_exec_time_us\":", "\"coll_exec_time_us\":-");
    let size = good.replace("\"coll_msg_size_bytes\":", "\"coll_msg_size_bytes\":-");
    let out = output(&format!("{length}\n{size}\n"));
    assert_eq!((out.operations.len(), out.problems.events_lost()), (1, 1));
    assert_eq!(out.operations[0].bytes, None);
}

#[test]
fn fuzz_nccl_inspector() {
    let texts = [plain(7, 5_000_000) + "\n", today()];
    perfagent_fuzz::each_input("nccl-inspector", 3000, |from| {
        let text = perfagent_fuzz::text(from, &[&texts[0], &texts[1]]);
        let mut output = read(&mut Window::new(text.as_slice()));
        doubts(&mut output);
        let spans = super::write::spans(&output.operations, output.writers.len());
        assert!(spans.iter().all(|(start, end)| start <= end));
    });
}
