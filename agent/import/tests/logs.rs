//! Logs of benchmarks and monitors from files to recordings: real ones, and one of each other format.
#![expect(clippy::print_stdout, reason = "a test says what it has skipped")]

use std::fs;
use std::path::{Path, PathBuf};

use perfagent_import::{Format, ImportOptions, Imported, import};
use perfagent_recording::table::{CollectiveTest, Timing};
use perfagent_recording::{Reader, Recording};

fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/traces/nccl").join(name);
    if !path.exists() {
        println!("skipped: no {name} in ../shared/traces");
        return None;
    }
    Some(path)
}

fn imported(inputs: &[PathBuf]) -> (Imported, Recording) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("run.perfdb");
    let options = ImportOptions { inputs: inputs.to_vec(), output: output.clone(), force: false };
    let imported = import(&options).unwrap();
    let recording = Recording::load(&Reader::open(&output).unwrap(), &mut |_| {}).unwrap();
    (imported, recording)
}

/// A file with this name and text.
fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn shown(recording: &Recording, test: &CollectiveTest) -> String {
    let word = |id| recording.strings.get(id);
    format!(
        "{} {} [{}] {:?} {} {:?} of {:?}, {} {} {} {} {:?}",
        word(test.op_id),
        word(test.dtype_id),
        word(test.reduction_id),
        test.root,
        test.bytes,
        test.elements,
        test.ranks,
        if test.in_place { "in" } else { "out" },
        test.time_ns,
        test.algbw_gbps,
        test.busbw_gbps,
        test.wrong
    )
}

/// Rows were read from the files by hand; sums of the times were made by another program.
#[test]
fn real_logs_of_nccl_tests() {
    for (name, pid, first, last, sum) in [
        (
            "allgather",
            112_372,
            "all_gather float [] None 0 Some(0) of Some(8), out 34270 0 0 None",
            "all_gather float [] None 8589934592 Some(268435456) of Some(8), in 32669000 262.94 230.07 None",
            137_552_260,
        ),
        (
            "allreduce",
            112_424,
            "all_reduce float [sum] None 0 Some(0) of Some(8), out 35200 0 0 None",
            "all_reduce float [sum] None 8589934592 Some(2147483648) of Some(8), in 63959000 134.3 235.03 None",
            260_423_840,
        ),
        (
            "alltoall",
            167_261,
            "all_to_all float [] None 0 Some(0) of Some(8), out 1630 0 0 None",
            "all_to_all float [] None 8589934592 Some(268435456) of Some(8), in 33234000 258.47 226.16 None",
            138_852_100,
        ),
        (
            "broadcast",
            112_528,
            "broadcast float [] Some(0) 0 Some(0) of Some(8), out 34610 0 0 None",
            "broadcast float [] Some(0) 8589934592 Some(2147483648) of Some(8), in 36599000 234.7 234.7 None",
            150_759_780,
        ),
        (
            "reduce",
            112_476,
            "reduce float [sum] Some(0) 0 Some(0) of Some(8), out 36900 0 0 None",
            "reduce float [sum] Some(0) 8589934592 Some(2147483648) of Some(8), in 37539000 228.83 228.83 None",
            152_822_150,
        ),
        (
            "reducescatter",
            112_580,
            "reduce_scatter float [sum] None 0 Some(0) of Some(8), out 34880 0 0 None",
            "reduce_scatter float [sum] None 8589934592 Some(268435456) of Some(8), in 32502000 264.29 231.25 None",
            134_473_480,
        ),
    ] {
        let Some(path) = shared(&format!("nccl_{name}.log")) else { return };
        let (imported, recording) = imported(&[path]);
        let tests = &recording.collective_tests;
        assert_eq!(imported.warnings, [] as [&str; 0], "{name}");
        assert_eq!((imported.files[0].format, imported.event_count()), (Format::NcclTests, 68));
        assert_eq!(tests.len(), 68, "{name}");
        let all: Vec<String> = tests.iter().map(|test| shown(&recording, test)).collect();
        assert_eq!((all[0].as_str(), all[67].as_str()), (first, last), "{name}");
        assert_eq!(tests.iter().map(|test| test.time_ns).sum::<i64>(), sum, "{name}");
        // One process a rank, and its GPU.
        let ranks: Vec<_> = recording
            .processes
            .iter()
            .map(|process| (process.rank, process.world_size, process.pid))
            .collect();
        assert_eq!(
            ranks,
            (0..8).map(|rank| (Some(rank), Some(8), pid)).collect::<Vec<_>>(),
            "{name}"
        );
        assert!(recording.devices.iter().all(|device| device.name == "A100-SXM4-40GB"));
        assert_eq!(
            recording.devices.iter().map(|device| device.ordinal).collect::<Vec<_>>(),
            (0..8).collect::<Vec<_>>()
        );
        assert_eq!(
            recording.hosts.iter().map(|host| host.name.as_str()).collect::<Vec<_>>(),
            ["localhost"]
        );
    }
}

#[test]
fn a_real_dump_of_the_example_plugin() {
    let Some(path) = shared("example_plugin_p2p_rank0.json.txt") else { return };
    let (imported, recording) = imported(&[path]);
    let file = &imported.files[0];
    assert_eq!((file.format, file.events, file.kept), (Format::NcclExamplePlugin, 155, 8));
    let left_out: Vec<_> =
        file.left_out.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(
        left_out,
        [("GPU", 128), ("GROUP_API", 1), ("KERNEL_LAUNCH", 4), ("P2P_API", 8), ("PROXY", 6)]
    );
    assert_eq!(imported.warnings, [] as [&str; 0]);
    let rows: Vec<String> = recording
        .collectives
        .iter()
        .map(|row| {
            let rank = recording.process(row.process_id).unwrap().rank.unwrap();
            let text = |id| recording.strings.get(id);
            format!(
                "{rank} {} {} {} {:?} {}+{}",
                text(row.op_id),
                text(row.dtype_id),
                text(row.group_id),
                row.bytes,
                row.start_ns.unix_nanos(),
                (row.end_ns - row.start_ns).nanos()
            )
        })
        .collect();
    assert_eq!(rows.len(), 8);
    assert_eq!(rows[0], "0 send float32 0xb0777fd29824eeb6 Some(1073741824) 1818542098+128470");
    assert_eq!(rows[7], "3 recv float32 0xb0777fd29824eeb6 Some(1073741824) 1804199568+17820");
    // Kernels never ended in this dump, so that only handing over is known.
    assert!(recording.collectives.iter().all(|row| row.timing == Timing::Enqueue && !row.open));
    assert!(recording.processes.iter().all(|process| process.pid == 3_937_375));
}

#[test]
fn processes_of_the_inspector_are_ranks_of_one_recording() {
    let folder = tempfile::tempdir().unwrap();
    let record = |rank: i64| {
        format!(
            "{{\"header\":{{\"id\":\"0x7f\",\"rank\":{rank},\"n_ranks\":2,\"nnodes\":1}},\"metadata\":{{\"inspector_output_format_version\":\"v4.0\",\
             \"dump_timestamp_us\":1748030377748202,\"hostname\":\"n1\",\"pid\":{}}},\"coll_perf\":{{\"coll\":\"AllReduce\",\"coll_sn\":3,\
             \"coll_msg_size_bytes\":1000000,\"coll_exec_time_us\":100,\"coll_timing_source\":\"kernel_gpu\",\"coll_algobw_gbs\":10.0}}}}\n",
            10 + rank
        )
    };
    let inputs =
        [0, 1].map(|rank| file(folder.path(), &format!("n1-pid{rank}.log"), &record(rank)));
    let (imported, recording) = imported(&inputs);
    assert_eq!(imported.events["collectives"], 2);
    let ranks: Vec<_> = recording
        .processes
        .iter()
        .map(|process| (process.rank, process.world_size, process.pid))
        .collect();
    assert_eq!(ranks, [(Some(0), Some(2), 10), (Some(1), Some(2), 11)]);
    assert_eq!(recording.hosts.len(), 1);
    let row = recording.collectives.iter().find(|row| row.sequence == Some(3)).unwrap();
    assert_eq!(
        (row.timing, row.end_ns.unix_nanos(), (row.end_ns - row.start_ns).nanos()),
        (Timing::Length, 1_748_030_377_748_202_000, 100_000)
    );
    assert!(imported.warnings[0].contains("only the length is known"), "{:?}", imported.warnings);
}

#[test]
fn counters_of_nvidia_smi() {
    let folder = tempfile::tempdir().unwrap();
    let heading =
        "timestamp, index, uuid, power.draw [W], clocks_throttle_reasons.sw_power_cap\r\n";
    let rows = [
        "2024/11/23 12:23:29.950, 0, GPU-a, 38.74 W, Not Active",
        "2024/11/23 12:23:29.951, 1, GPU-b, [N/A], Not Active",
        "2024/11/23 12:23:30.950, 0, GPU-a, 300.00 W, Active",
        "2024/11/23 12:23:30.950, 0, GPU-a, 300.00 W, Active",
        "2024/11/23 12:23:31.950, 0, GPU-a, 300.50 W, Active",
    ];
    let text = format!("{heading}{}\r\n", rows.join("\r\n"));
    let (imported, recording) = imported(&[file(folder.path(), "gpu.csv", &text)]);
    assert_eq!(
        (imported.event_count(), imported.warnings.len()),
        (4, 1),
        "{:?}",
        imported.warnings
    );
    let counters: Vec<_> = recording
        .counters
        .iter()
        .map(|counter| format!("{:?} {} {}", counter.gpu_index, counter.name, counter.unit))
        .collect();
    assert_eq!(counters, ["Some(0) power W", "Some(0) throttle_power_cap state"]);
    let samples: Vec<_> = recording
        .counter_samples
        .iter()
        .map(|sample| {
            (
                sample.counter_id.0,
                sample.time_ns.unix_nanos() / 1_000_000 - 1_732_364_609_950,
                sample.value,
            )
        })
        .collect();
    assert_eq!(
        samples,
        [(1, 0, 38.74), (1, 1000, 300.0), (2, 1000, 1.0), (1, 2000, 300.5), (2, 2000, 1.0)]
    );
    let notes: Vec<_> = recording.notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(notes[..2], ["GPU 0: GPU-a", "GPU 1: GPU-b"]);
}
