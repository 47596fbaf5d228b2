//! Logs of several versions, and logs with messages in every place.

use proptest::prelude::*;

use super::run::{Measurement, Run};
use super::{doubts, read, recognises, recognises_json};
use crate::warning::{Problems, Warning};
use crate::window::Window;

fn runs(text: &str) -> (Vec<Run>, Vec<Warning>) {
    let mut problems = Problems::default();
    let runs = read(&mut Window::new(text.as_bytes()), &mut problems);
    doubts(&runs, &mut problems);
    (runs, problems.warnings())
}

/// The only run of a text without faults.
fn run(text: &str) -> Run {
    assert!(recognises(text));
    let (mut runs, warnings) = runs(text);
    assert_eq!((runs.len(), warnings), (1, vec![]));
    runs.remove(0)
}

/// A measurement in a form that is quick to read.
fn shown(row: &Measurement) -> String {
    let Measurement { bytes, elements, dtype, reduction, in_place, .. } = row;
    let (root, wrong) = (row.root, row.wrong);
    let place = if *in_place { "in" } else { "out" };
    format!(
        "{bytes} {elements} {dtype} [{reduction}] {root:?} {place} {} {} {} {wrong:?}",
        row.time_ns, row.algbw_gbps, row.busbw_gbps
    )
}

fn all(run: &Run) -> Vec<String> {
    run.measurements.iter().map(shown).collect()
}

const HEAD: &str = "\
# nccl-tests version 2.18.3 nccl-headers=23003 nccl-library=23003
# Collective test starting: all_reduce_perf
# nThread 1 nGpus 1 minBytes 1024 maxBytes 8589934592 step: 2(factor) warmup iters: 1 iters: 20 agg iters: 1 validation: 1 graph: 0 unalign: 0
#
# Using devices
#  Rank  0 Group  0 Pid  12812 on     node-1 device  0 [0000:1b:00] NVIDIA H100 80GB HBM3
#  Rank  1 Group  0 Pid    913 on     node-2 device  3 [0000:5d:00] NVIDIA H100 80GB HBM3
#
#                                                              out-of-place                       in-place
#       size         count      type   redop    root     time   algbw   busbw  #wrong     time   algbw   busbw  #wrong
#        (B)    (elements)                               (us)  (GB/s)  (GB/s)             (us)  (GB/s)  (GB/s)
";

/// Each row in the pieces in which it is printed.
const PIECES: [[&str; 3]; 3] = [
    [
        "        1024           256     float     sum      -1",
        "    11.63    0.09    0.09       0",
        "    11.02    0.09    0.09       0",
    ],
    [
        "    67108864      16777216     float     sum      -1",
        "   1162.2   57.74   57.74       5",
        "   1160.0   57.85   57.85     N/A",
    ],
    [
        "  4294967296    1073741824     float     sum      -1",
        "  1.2e+06    3.58    3.58   1e+06",
        "    16215  264.88  264.88       0",
    ],
];

fn row(at: usize) -> String {
    PIECES[at].concat()
}

const FOOT: &str = "# Out of bounds values : 0 OK\n# Avg bus bandwidth    : 64.0217 \n#\n# Collective test concluded: all_reduce_perf\n";

fn whole() -> String {
    format!("{HEAD}{}\n{}\n{}\n{FOOT}", row(0), row(1), row(2))
}

#[test]
fn a_log_of_today() {
    let (runs, warnings) = runs(&whole());
    let [run] = runs.as_slice() else { panic!("{runs:?}") };
    assert_eq!(
        warnings.iter().map(|warning| &*warning.text).collect::<Vec<_>>(),
        [format!("1000005 elements of results were wrong (byte {})", HEAD.len()),]
    );
    assert_eq!(
        all(run),
        [
            "1024 256 float [sum] None out 11630 0.09 0.09 Some(0)",
            "1024 256 float [sum] None in 11020 0.09 0.09 Some(0)",
            "67108864 16777216 float [sum] None out 1162200 57.74 57.74 Some(5)",
            "67108864 16777216 float [sum] None in 1160000 57.85 57.85 None",
            "4294967296 1073741824 float [sum] None out 1200000000 3.58 3.58 Some(1000000)",
            "4294967296 1073741824 float [sum] None in 16215000 264.88 264.88 Some(0)",
        ]
    );
    assert_eq!((run.program.as_deref(), run.world_size()), (Some("all_reduce_perf"), Some(2)));
    let second = &run.ranks[1];
    assert_eq!((second.rank, second.pid, &*second.host, second.device), (1, 913, "node-2", 3));
    assert_eq!(second.device_name, "NVIDIA H100 80GB HBM3");
}

#[test]
fn columns_come_and_go_with_versions() {
    // 2021, all_to_all: the column of the reduction is blank, the error is a deviation.
    let old = "\
# nThread 1 nGpus 2 minBytes 1 maxBytes 8 step: 2(factor) warmup iters: 5 iters: 20 validation: 1
#   Rank  0 Pid 7 on localhost device  0 [0x07] Tesla V100-SXM2-32GB
#                                             out-of-place                       in-place
#       size         count    type   redop     time   algbw   busbw  error     time   algbw   busbw  error
          32             1   float            89.00    2.00    1.00  2e-07    85.13    2.10    1.05  0e+00
";
    let read = run(old);
    assert_eq!(all(&read)[0], "32 1 float [] None out 89000 2 1 None");
    assert_eq!((read.measurements.len(), read.world_size(), read.ranks.len()), (2, Some(2), 1));
    // Per-iteration times, bits that differ, a time of day; and a replayed trace, which is measured in place only.
    let many = "\
#  Rank  0 Group  0 Pid 7 on n device  0 [0000:07:00] AMD Instinct MI300X
#  size  count  type  redop  root  cputime  algbw  busbw  #wrong  #bitdiff  i_min  i_max  i_p99  i_cv%  cputime  algbw  busbw  #wrong  #bitdiff  i_min  i_max  i_p99  i_cv% timestamp
 8 2 bfloat16 none 0 1.5 2.25 2.5 0 0 1 2 3 4 3.5 4.25 4.5 7 0 1 2 3 4 2024-11-23 12:23:29
 16 4 bfloat16 none 0 3.5 4.25 4.5 7 0 1 2 3 4 2024-11-23 12:23:30
#
";
    let (runs, warnings) = runs(many);
    assert_eq!(
        all(&runs[0]),
        [
            "8 2 bfloat16 [] Some(0) out 1500 2.25 2.5 Some(0)",
            "8 2 bfloat16 [] Some(0) in 3500 4.25 4.5 Some(7)",
            "16 4 bfloat16 [] Some(0) in 3500 4.25 4.5 Some(7)",
        ]
    );
    assert!(warnings[0].text.contains("(-C)"), "{warnings:?}");
}

#[test]
fn several_runs_in_one_log() {
    let second =
        whole().replace("all_reduce_perf", "reduce_scatter_perf").replace("node-1", "node-9");
    let commands =
        format!("$ ./all_reduce_perf -b 8\n{}$ ./reduce_scatter_perf -b 8\n{second}", whole());
    let (runs, _) = runs(&commands);
    let programs: Vec<_> = runs.iter().map(|run| run.program.as_deref().unwrap()).collect();
    assert_eq!(programs, ["all_reduce_perf", "reduce_scatter_perf"]);
    assert_eq!(runs[0].measurements, runs[1].measurements);
    assert_eq!((runs[0].ranks.len(), runs[1].ranks.len()), (2, 2));
    assert_eq!(runs[1].ranks[0].host, "node-9");
    // Without the lines of newer versions the command tells, or a second table.
    let old = |text: &str| {
        text.lines()
            .filter(|line| !line.contains("ollective test"))
            .flat_map(|line| [line, "\n"])
            .collect::<String>()
    };
    let (runs, _) = super::tests::runs(&old(&commands));
    let programs: Vec<_> = runs.iter().map(|run| run.program.as_deref().unwrap()).collect();
    assert_eq!(programs, ["all_reduce_perf", "reduce_scatter_perf"]);
}

#[test]
fn a_missing_row_is_noticed() {
    let missing = whole().replace(&format!("{}\n", row(2)), "");
    let (_, warnings) = runs(&missing);
    assert!(
        warnings.iter().any(|warning| warning.text.contains("rows are missing")),
        "{warnings:?}"
    );
    let damaged = whole().replace("57.85   57.85", "57.85   5x.85");
    let (runs, warnings) = runs(&damaged);
    assert_eq!(runs[0].measurements.len(), 4);
    let place = HEAD.len() + row(0).len() + 1;
    assert_eq!((warnings[0].count, warnings[0].offset), (1, place as u64), "{warnings:?}");
}

#[test]
fn wherever_a_log_is_cut_no_figure_is_a_part_of_one() {
    let (text, complete) = (whole(), runs(&whole()).0.remove(0));
    for length in HEAD.len()..text.len() {
        let (runs, warnings) = runs(&text[..length]);
        let ours = &runs[0].measurements;
        assert!(complete.measurements.starts_with(ours), "cut at {length}");
        let lines = text[HEAD.len()..length].lines().count().min(3);
        let is_within = length < text.len() - FOOT.len() && !text[..length].ends_with('\n');
        let is_told = warnings.iter().any(|warning| warning.text.contains("could not be read"));
        assert!(ours.len() == 2 * lines || is_within, "cut at {length}");
        assert!(
            is_told
                || !is_within
                || text[..length].lines().last().unwrap().split_whitespace().count() < 3,
            "cut at {length}"
        );
    }
}

const DOCUMENT: &str = r#"{"version":3,"start_time":"2025-03-01 10:00:00","args":["\/opt\/all_gather_perf","-J","x"],"env":["SECRET=1"],
"nccl_version":22807,"config":{"nthreads":1,"ngpus":4,"minimum_bytes":8,"devices":[
{"rank":0,"group":0,"pid":7,"hostname":"n1","device":0,"device_hex":"0000:1b:00","device_info":"NVIDIA B200"},
{"rank":4,"group":0,"pid":9,"hostname":"n2","device":0,"device_hex":"0000:1b:00","device_info":"NVIDIA B200"}]},
"results":[{"size":1024,"count":32,"type":"float","redop":"none","root":"    -1",
"out_of_place":{"time":11.630125,"alg_bw":0.500000,"bus_bw":0.437500,"nwrong":0.000000},
"out_of_place_per_iter":{"times_us":[1.0,2.0]},
"in_place":{"time":11.020000,"alg_bw":1.500000,"bus_bw":1.3125,"nwrong":null},"actual_iterations":20,"experiment_name":"x"},
{"size":2048,"count":64,"type":"float","redop":"none","root":"    -1","out_of_place":null,
"in_place":{"time":12.000000,"alg_bw":"nan","bus_bw":0.1,"nwrong":3.000000}}],
"out_of_bounds":{"count":0,"okay":"true"},"average_bus_bandwidth":{"bandwidth":0.875000,"okay":"unchecked"},"errors":[],"end_time":"2025-03-01 10:00:05"}
"#;

#[test]
fn the_document_of_j() {
    assert!(recognises_json(DOCUMENT));
    let (runs, warnings) = runs(DOCUMENT);
    let run = &runs[0];
    assert_eq!(
        all(run),
        [
            "1024 32 float [] None out 11630 0.5 0.4375 Some(0)",
            "1024 32 float [] None in 11020 1.5 1.3125 None",
        ]
    );
    assert_eq!(
        (run.program.as_deref(), run.world_size(), run.ranks.len()),
        (Some("all_gather_perf"), Some(8), 2)
    );
    assert_eq!((run.started_ns, &*run.ranks[1].host), (Some(1_740_823_200_000_000_000), "n2"));
    let texts: Vec<_> = warnings.iter().map(|warning| &*warning.text).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].contains("read as UTC") && texts[1].contains("row 2"), "{texts:?}");
}

#[test]
fn wherever_a_document_is_cut_the_rows_before_it_remain() {
    for length in 1..DOCUMENT.trim_end().len() {
        let (runs, warnings) = runs(&DOCUMENT[..length]);
        let expected = [0, 2][usize::from(length > DOCUMENT.find(",\"actual").unwrap() + 60)];
        assert!(runs[0].measurements.len() >= expected.min(2), "cut at {length}");
        assert!(
            warnings.iter().any(|warning| warning.text.contains("ends at byte")),
            "cut at {length}"
        );
    }
}

const MESSAGES: [&str; 5] = [
    "node-1:71:93 [0] NCCL INFO Channel 00/0 : 0[0] -> 1[1] via P2P/CUMEM",
    "node-2:71:93 [7] NCCL INFO 12 coll channels, 12 nvls channels",
    "[2024-11-23 12:00:00] node-1:71:93 [1] transport.cc:12 NCCL WARN x 1 2 3",
    "node-1: pml_ucx.c:285  Error: 3 lanes",
    "NCCL version 2.18.3+cuda12.2",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn messages_change_no_row(
        places in prop::collection::vec((0_usize..4, 0_usize..3, 0..MESSAGES.len()), 0..12),
        label in prop::sample::select(vec!["", "[1,0]<stdout>:", "0: ", "2024-11-23T12:23:29.950Z "]),
    ) {
        let mut text = HEAD.to_owned();
        for (at, row) in PIECES.iter().enumerate() {
            for (piece, words) in row.iter().enumerate() {
                for &(_, _, message) in places.iter().filter(|place| (place.0, place.1) == (at, piece)) {
                    // A message of NCCL needs no line of its own, others have one.
                    if piece > 0 && message > 1 {
                        text.push('\n');
                    }
                    text.push_str(MESSAGES[message]);
                    text.push('\n');
                }
                text.push_str(words);
            }
            text.push('\n');
        }
        text.push_str(FOOT);
        let labelled: String = text.lines().flat_map(|line| [label, line, "\n"]).collect();
        prop_assert!(recognises(&labelled));
        let (ours, _) = runs(&labelled);
        prop_assert_eq!(ours.len(), 1);
        prop_assert_eq!(&ours[0].measurements, &runs(&whole()).0[0].measurements);
        prop_assert_eq!(&ours[0].ranks, &runs(&whole()).0[0].ranks);
    }

    #[test]
    fn no_log_is_too_strange(words in prop::collection::vec(prop::sample::select(vec![
        "#", "\n", " ", "size count type redop root time algbw busbw #wrong", "Rank", "Pid", "on", "device", "nThread 1", "1", "-1",
        "float", "sum", "0.5", "N/A", "1e400", "nan", "NCCL INFO", "h:1:2", "99999999999999999999", "{\"version\"", "[", "]", ":", "é",
    ]), 0..60)) {
        let _ = runs(&words.join(" "));
        let _ = runs(&words.concat());
    }
}

/// Many counts that each could be are more together than a number holds.
#[test]
fn wrong_elements_of_many_rows_are_counted_without_overflow() {
    let row = row(0).replacen("0.09       0", "0.09   9007199254740992", 1);
    let (runs, warnings) = runs(&format!("{HEAD}{}", format!("{row}\n").repeat(1100)));
    assert_eq!(runs[0].measurements.len(), 2200);
    assert!(warnings.iter().any(|warning| warning.text.contains("elements of results were wrong")));
}

#[test]
fn what_is_less_than_nothing_is_no_measurement() {
    for (text, wrong) in [
        (whole(), ["11.63", "-11.63"]),
        (whole(), ["57.74   57.74", "57.74  -57.74"]),
        (DOCUMENT.to_owned(), ["\"size\":1024", "\"size\":-1024"]),
        (DOCUMENT.to_owned(), ["11.630125", "-11.630125"]),
        (DOCUMENT.to_owned(), ["0.437500", "-0.437500"]),
    ] {
        let [before, after] = wrong;
        assert!(text.contains(before));
        let whole: usize = runs(&text).0.iter().map(|run| run.measurements.len()).sum();
        let (runs, warnings) = runs(&text.replacen(before, after, 1));
        assert!(runs.iter().map(|run| run.measurements.len()).sum::<usize>() < whole, "{after}");
        assert!(warnings.iter().any(|warning| warning.text.contains("left out")), "{after}");
    }
}

#[test]
fn fuzz_nccl_tests() {
    let mut text = Vec::new();
    perfagent_fuzz::each_input("nccl-tests", 3000, |from| {
        let whole = whole();
        text.clear();
        text.extend(perfagent_fuzz::text(from, &[&whole, DOCUMENT]));
        let mut problems = Problems::default();
        let runs = read(&mut Window::new(text.as_slice()), &mut problems);
        doubts(&runs, &mut problems);
        for row in runs.iter().flat_map(|run| &run.measurements) {
            assert!(row.bytes >= 0 && row.elements >= 0 && row.time_ns >= 0);
            assert!(row.algbw_gbps.is_finite() && row.busbw_gbps.is_finite());
        }
        assert!(runs.iter().map(|run| run.measurements.len()).sum::<usize>() <= 16);
    });
}
