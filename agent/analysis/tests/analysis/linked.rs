//! Operators and ranges by the time of the GPU.

use std::collections::BTreeMap;

use perfagent_analysis::report;
use perfagent_analysis::report::{GpuLinks, LaunchedRow};
use perfagent_recording::Recording;
use perfagent_recording::table::CopyKind;
use proptest::prelude::*;

use crate::builder::Builder;
use crate::traces;

/// `linear` calls `addmm`, which launches two kernels; `linear` itself a third one, its namesake within it a copy.
fn nested() -> Recording {
    let mut run = Builder::new("record");
    let rank = run.process(1, Some(0), Some(1));
    run.range(rank, "main", ("model", "layer", None), (0, 100), Some(0));
    run.range(rank, "main", ("", "layer", None), (0, 50), Some(0));
    run.operator(rank, "main", "linear", (10, 60));
    run.operator(rank, "main", "addmm", (20, 40));
    run.operator(rank, "main", "linear", (45, 55));
    run.call(rank, "main", "cudaLaunchKernel", (20, 22), 1);
    run.call(rank, "main", "cudaLaunchKernel", (30, 32), 2);
    run.call(rank, "main", "cudaLaunchKernel", (40, 42), 3);
    run.call(rank, "main", "cudaMemcpyAsync", (50, 52), 4);
    run.call(rank, "other", "cudaLaunchKernel", (30, 32), 5);
    run.kernel(rank, (0, 7), "gemm", (100, 200), Some(1));
    run.kernel(rank, (0, 7), "bias", (200, 210), Some(2));
    run.kernel(rank, (0, 7), "gemm", (300, 301), Some(3));
    run.copy(rank, (0, 7), (CopyKind::DtoH, 8), (400, 1400), Some(4));
    run.kernel(rank, (0, 7), "lone", (1500, 1600), Some(5));
    run.kernel(rank, (0, 7), "unknown", (1700, 1800), None);
    run.recording
}

fn figures(rows: &[LaunchedRow]) -> Vec<(&str, &str, [i64; 5])> {
    rows.iter()
        .map(|row| {
            let figures =
                [row.count, row.own_gpu_ns, row.gpu_ns, row.own_operations, row.operations];
            (row.domain.as_str(), row.name.as_str(), figures)
        })
        .collect()
}

#[test]
fn time_of_the_gpu_belongs_to_the_innermost_operator_and_to_all_around_it() {
    let report = report(&nested(), "linked.perfdb");
    let rank = &report.ranks[0];
    // `linear` launched the third kernel (1 ns; its call starts as `addmm` ends) and, one level deeper, the copy (1000 ns).
    assert_eq!(
        figures(&rank.operator_gpu),
        [("", "linear", [2, 1001, 1111, 2, 4]), ("", "addmm", [1, 110, 110, 2, 2])]
    );
    let kernels: Vec<_> = rank.operator_gpu[1]
        .kernels
        .iter()
        .map(|kernel| (kernel.name.as_str(), kernel.count, kernel.total_ns))
        .collect();
    assert_eq!(kernels, [("gemm", 1, 100), ("bias", 1, 10)]);
    assert_eq!(rank.operator_gpu[0].kernels[0].name, "DtoH");
    // The range without a domain ends as the copy is launched.
    assert_eq!(
        figures(&rank.range_gpu),
        [("model", "layer", [1, 1000, 1111, 1, 4]), ("", "layer", [1, 111, 111, 3, 3])]
    );
    let links = GpuLinks { operations: 6, without_call: 1, without_operator: 1, without_range: 1 };
    assert_eq!(rank.gpu_links, links);
}

/// Every pair of an operation and an operator looked at, instant by instant.
fn naive(recording: &Recording) -> BTreeMap<String, (i64, i64, i64, i64)> {
    let mut rows: BTreeMap<String, (i64, i64, i64, i64)> = BTreeMap::new();
    let every = recording.kernels.iter();
    for kernel in every {
        let calls =
            recording.api_calls.iter().filter(|call| call.correlation == kernel.correlation);
        let Some(call) = calls.min_by_key(|call| call.start_ns) else { continue };
        let time = kernel.end_ns.unix_nanos() - kernel.start_ns.unix_nanos();
        let around: Vec<_> = recording
            .operators
            .iter()
            .filter(|operator| {
                operator.thread_id == call.thread_id
                    && operator.start_ns <= call.start_ns
                    && call.start_ns < operator.end_ns
            })
            .collect();
        let mut names: Vec<&str> =
            around.iter().map(|operator| recording.strings.get(operator.name_id)).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let row = rows.entry(name.to_owned()).or_default();
            (row.2, row.3) = (row.2 + time, row.3 + 1);
        }
        let innermost = around.iter().max_by_key(|operator| {
            (operator.start_ns, std::cmp::Reverse(operator.end_ns), operator.name_id)
        });
        if let Some(innermost) = innermost {
            let row = rows.entry(recording.strings.get(innermost.name_id).to_owned()).or_default();
            (row.0, row.1) = (row.0 + time, row.1 + 1);
        }
    }
    rows
}

proptest! {
    #[test]
    fn agrees_with_a_look_at_every_pair(
        operators in proptest::collection::vec((0_usize..2, 0_usize..4, 0_i64..40, 0_i64..20), 0..20),
        calls in proptest::collection::vec((0_usize..2, 0_i64..60, 0_i64..12, 0_i64..50), 1..20),
    ) {
        const NAMES: [&str; 4] = ["a", "b", "c", "d"];
        const THREADS: [&str; 2] = ["main", "other"];
        let mut run = Builder::new("record");
        let rank = run.process(1, None, None);
        for name in NAMES {
            run.text(name);
        }
        for (thread, name, start, length) in operators {
            run.operator(rank, THREADS[thread], NAMES[name], (start, start + length));
        }
        for (position, (thread, start, id, length)) in calls.into_iter().enumerate() {
            run.call(rank, THREADS[thread], "launch", (start, start + 1), id);
            run.kernel(rank, (0, 7), "k", (100, 100 + length), Some(position as i64));
        }
        let expected = naive(&run.recording);
        let report = report(&run.recording, "any");
        let ours: BTreeMap<_, _> = report.ranks[0].operator_gpu.iter().map(|row| {
            (row.name.clone(), (row.own_gpu_ns, row.own_operations, row.gpu_ns, row.operations))
        }).collect();
        prop_assert_eq!(ours, expected);
    }
}

#[test]
fn every_operation_of_real_traces_is_owned_once_or_counted_apart() {
    for name in traces::WITH_OPERATORS {
        let Some(recording) = traces::load(name) else {
            println!("skipped: no folder shared/traces beside the repository");
            return;
        };
        let report = report(&recording, name);
        let rank = &report.ranks[0];
        let links = rank.gpu_links;
        let owned: i64 = rank.operator_gpu.iter().map(|row| row.own_operations).sum();
        let total = (recording.kernels.len() + recording.copies.len()) as i64;
        assert_eq!(owned + links.without_call + links.without_operator, total, "{name}");
        assert_eq!(links.without_call, rank.launch.unlinked, "{name}");
        println!("{name}: {owned} of {total} operations are an operator's, {links:?}");
        for row in &rank.operator_gpu {
            assert!(
                row.own_gpu_ns <= row.gpu_ns && row.own_operations <= row.operations,
                "{row:?}"
            );
        }
        assert!(owned * 3 > total || name.contains("decode"), "{name}: only {owned} of {total}");
    }
}
