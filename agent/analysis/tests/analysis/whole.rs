//! Whole reports of small recordings made by hand.

use perfagent_analysis::{Basis, Report, Rules, analyse, report, report_many};
use perfagent_recording::table::{
    CopyKind, Counter, CounterSample, Loss, MemoryEvent, Note, Severity,
};
use perfagent_recording::{CounterId, HostId, ProcessId, Recording};

use crate::builder::{Builder, at};

/// Two steps of one rank: a copy in, two matrix products, an all-reduce that half hides behind an
/// optimizer kernel, and a wait for data at the start of the second step.
fn on_gpu() -> Recording {
    let mut run = Builder::new("record");
    let rank = run.process(100, Some(0), Some(1));
    let (compute, comm) = ((0, 7), (0, 20));
    for (step, start) in [(0, 1_000_000), (1, 2_000_000)] {
        run.range(
            rank,
            "main",
            ("perfagent", "step", Some(step)),
            (start, start + 900_000),
            Some(0),
        );
        run.range(
            rank,
            "main",
            ("perfagent", "data", Some(step)),
            (start, start + 100_000),
            Some(1),
        );
        let ops = start + 200_000;
        run.api_call(rank, ops - 10_000, ops - 5_000, step * 10 + 1);
        run.copy(
            rank,
            compute,
            (CopyKind::HtoD, 4_000_000),
            (ops, ops + 40_000),
            Some(step * 10 + 1),
        );
        run.api_call(rank, ops, ops + 2_000, step * 10 + 2);
        run.kernel(
            rank,
            compute,
            "ampere_sgemm_128x64_tn",
            (ops + 50_000, ops + 250_000),
            Some(step * 10 + 2),
        );
        run.kernel(rank, compute, "ampere_sgemm_128x64_tn", (ops + 260_000, ops + 360_000), None);
        run.kernel(
            rank,
            comm,
            "ncclDevKernel_AllReduce_Sum_bf16_RING_LL",
            (ops + 360_000, ops + 460_000),
            None,
        );
        run.collective(
            rank,
            None,
            ("all_reduce", "bfloat16", Some(2), Some(1_000_000)),
            (ops + 360_000, ops + 460_000),
        );
        run.kernel(rank, compute, "multi_tensor_apply_adam", (ops + 410_000, ops + 500_000), None);
    }
    let device_id = Some(run.device(rank, 0));
    run.recording.devices[0].total_bytes = Some(80_000_000_000);
    for (time, allocated) in
        [(1_100_000, 10_000_000_000), (1_500_000, 30_000_000_000), (2_500_000, 20_000_000_000)]
    {
        run.recording.memory.push(MemoryEvent {
            process_id: rank,
            device_id,
            time_ns: at(time),
            allocated_bytes: Some(allocated),
            reserved_bytes: Some(32_000_000_000),
            ..MemoryEvent::default()
        });
    }
    run.recording.losses.push(Loss {
        process_id: Some(rank),
        cause: "ring_full".into(),
        count: 3,
        start_ns: Some(at(1_950_000)),
        end_ns: Some(at(1_960_000)),
    });
    run.recording
}

/// One of two ranks on a machine without a GPU. The collective runs half beside the backward pass.
fn on_cpu(rank: i64) -> Recording {
    let mut run = Builder::new("record");
    run.recording.hosts[0].memory_bytes = Some(16_000_000_000);
    let launcher = run.process(10, None, None);
    let process = run.process(11 + rank, Some(rank), Some(2));
    assert_ne!(launcher, process);
    run.range(process, "main", ("perfagent", "step", Some(0)), (0, 1000), Some(0));
    run.range(process, "main", ("perfagent", "data", Some(0)), (0, 100), Some(1));
    run.operator(process, "main", "aten::empty", (50, 60));
    run.operator(process, "main", "aten::linear", (100, 400));
    run.operator(process, "main", "aten::addmm", (120, 380));
    run.operator(process, "autograd", "AddmmBackward0", (400, 700));
    run.operator(process, "autograd", "aten::mm", (450, 650));
    run.collective(
        process,
        Some("main"),
        ("all_reduce", "float32", Some(2), Some(4000)),
        (600, 800),
    );
    run.operator(process, "main", "aten::add_", (850, 950));
    let counter = |name: &str, unit: &str| Counter {
        host_id: HostId(1),
        process_id: Some(process),
        name: name.into(),
        unit: unit.into(),
        ..Counter::default()
    };
    run.recording.counters = vec![counter("cpu", "pct"), counter("rss", "bytes")];
    for (id, time_ns, value) in [(1, 100, 150.0), (1, 200, 50.0), (2, 100, 1e9), (2, 200, 3e9)] {
        let time_ns = at(time_ns);
        run.recording.counter_samples.push(CounterSample {
            counter_id: CounterId(id),
            time_ns,
            value,
        });
    }
    run.recording.notes.push(Note {
        process_id: Some(process),
        severity: Severity::Warning,
        text: "operators were sampled".into(),
        ..Note::default()
    });
    run.recording
}

#[test]
fn of_a_gpu_run() {
    insta::assert_json_snapshot!(report(&on_gpu(), "gpu.perfdb"));
}

#[test]
fn of_a_run_without_a_gpu() {
    insta::assert_json_snapshot!(report(&on_cpu(0), "cpu.perfdb"));
}

#[test]
fn the_figures_of_a_run_without_a_gpu_are_those_worked_out_by_hand() {
    let report = report(&on_cpu(0), "cpu.perfdb");
    assert_eq!(report.recording.source, "record (CPU: operators take the place of kernels)");
    assert_eq!(report.ranks.len(), 1, "the launcher did nothing and is no rank");
    let rank = &report.ranks[0];
    assert_eq!(rank.basis, Basis::Operators);
    // Operators: 50-60, 100-400, 400-700, 850-950; communication 600-800.
    assert_eq!((rank.span_ns, rank.busy_ns, rank.idle_ns), (900, 810, 90));
    assert_eq!((rank.compute_ns, rank.comm_ns, rank.exposed_comm_ns), (710, 200, 100));
    assert_eq!(rank.overlap_pct, Some(50.0));
    let own: Vec<_> = rank.kernels.iter().map(|row| (row.name.as_str(), row.total_ns)).collect();
    assert_eq!(
        own,
        [
            ("aten::addmm", 260),
            ("aten::mm", 200),
            ("AddmmBackward0", 100),
            ("aten::add_", 100),
            ("aten::linear", 40),
            ("aten::empty", 10)
        ]
    );
    let step = &rank.steps[0].breakdown;
    assert_eq!((step.window_ns, step.data_ns, step.compute_ns), (1000, 100, 700));
    assert_eq!((step.exposed_comm_ns, step.idle_ns), (100, 100));
    assert_eq!(rank.collectives[0].busbw_gbps, Some(20.0));
    assert_eq!(rank.host_usage.cpu_mean_pct, Some(100.0));
    assert_eq!(rank.host_usage.rss_peak_bytes, Some(3_000_000_000));
}

#[test]
fn ranges_alone_take_the_place_of_kernels() {
    let mut run = Builder::new("record");
    let process = run.process(1, None, None);
    run.range(process, "main", ("", "epoch", None), (0, 1000), Some(0));
    run.range(process, "main", ("", "step 0", None), (0, 500), Some(1));
    run.range(process, "main", ("", "data", None), (0, 100), Some(2));
    run.range(process, "main", ("", "forward", None), (100, 300), Some(2));
    run.range(process, "main", ("", "attention block", None), (150, 200), Some(3));
    run.range(process, "main", ("", "step 1", None), (500, 900), Some(1));
    let report = report(&run.recording, "ranges.perfdb");
    let rank = &report.ranks[0];
    assert_eq!(rank.basis, Basis::Ranges);
    let own: Vec<_> = rank.kernels.iter().map(|row| (row.name.as_str(), row.total_ns)).collect();
    assert_eq!(own, [("step 1", 400), ("forward", 150), ("attention block", 50)]);
    assert_eq!(rank.compute_ns, 600);
    assert_eq!(rank.steps.iter().map(|step| step.index).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(rank.steps[0].breakdown.data_ns, 100);
}

#[test]
fn recordings_of_several_nodes_are_one_report() {
    let (second, first) = (on_cpu(1), on_cpu(0));
    let report = report_many(&[(&second, "b.perfdb"), (&first, "a.perfdb")]);
    assert_eq!(report.ranks.iter().map(|rank| rank.rank).collect::<Vec<_>>(), [Some(0), Some(1)]);
    assert_eq!(report.ranks[0].recording_path, "a.perfdb");
    assert_eq!(report.recording.path, "b.perfdb, a.perfdb");
    assert_eq!(report.recording.hosts.len(), 1);
    assert!(!report.warnings.iter().any(|warning| warning.contains("ranks are in the recording")));
}

#[test]
fn a_window_holds_its_part_of_every_row() {
    let recording = on_gpu();
    let rank = &analyse(&recording, Rules::built_in())[0];
    let window = Some((at(1_300_000), at(1_500_000)));
    let table = rank.kernel_table(&recording, window);
    let rows: Vec<_> =
        table.iter().map(|row| (row.category.as_str(), row.count, row.total_ns)).collect();
    assert_eq!(rows, [("matmul", 2, 190_000)]);
    assert_eq!(rank.breakdown(at(1_300_000), at(1_500_000)).compute_ns, 190_000);
}

#[test]
fn the_document_reads_back_as_it_was_written() {
    for report in [report(&on_gpu(), "gpu.perfdb"), report(&on_cpu(0), "cpu.perfdb")] {
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }
}

#[test]
fn an_empty_recording_says_so() {
    let report = report(&Recording::default(), "empty.perfdb");
    assert!(report.ranks.is_empty());
    assert_eq!(report.recording.duration_ns, 0);
    assert!(report.warnings[0].contains("empty.perfdb holds no"), "{:?}", report.warnings);
}

#[test]
fn rows_that_point_nowhere_harm_nothing() {
    let mut recording = on_gpu();
    recording.kernels.change(0, |row| row.process_id = ProcessId(-3));
    recording.kernels.change(1, |row| row.process_id = ProcessId(i64::MIN));
    recording.kernels.change(2, |row| row.name_id = perfagent_recording::StringId(i64::MAX));
    recording.kernels.change(3, |row| row.end_ns = at(i64::MIN));
    recording.copies.change(0, |row| row.start_ns = at(i64::MIN));
    recording.copies.change(1, |row| row.end_ns = at(i64::MAX));
    let report = report(&recording, "odd.perfdb");
    assert_eq!(report.ranks.len(), 1);
}

/// A process without CUPTI has no rows of devices: its memory on the two GPUs of the machine is known by their index.
#[test]
fn sampled_device_memory_is_the_peak_of_each_gpu() {
    let mut run = Builder::new("record");
    let process = run.process(1, None, None);
    run.range(process, "main", ("", "step 0", None), (0, 1000), Some(0));
    for (gpu, readings) in [(None, [7.0, 9.0]), (Some(0), [100.0, 300.0]), (Some(1), [50.0, 20.0])]
    {
        run.recording.counters.push(Counter {
            host_id: HostId(1),
            process_id: Some(process),
            gpu_index: gpu,
            name: "memory_used".into(),
            unit: "bytes".into(),
            ..Counter::default()
        });
        let counter_id = CounterId(run.recording.counters.len() as i64);
        for (index, value) in readings.into_iter().enumerate() {
            let time_ns = at(index as i64);
            run.recording.counter_samples.push(CounterSample { counter_id, time_ns, value });
        }
    }
    let report = report(&run.recording, "memory.perfdb");
    assert_eq!(
        report.ranks[0].memory.peak_device_bytes,
        Some(350),
        "what is on no GPU does not count"
    );
}
