//! Files in, reports out.

use super::{Source, node_of_place, read};
use crate::Status;
use crate::fleet::{Gathered, Measured};

fn gathered(name: &str, node: Option<&str>, text: &str) -> Gathered {
    let mut gathered = Gathered::default();
    read(Source { name, node }, text.as_bytes(), &mut gathered);
    gathered
}

fn document(host: &str) -> String {
    format!(
        r#"{{"schema":"perfagent.health/1","host":"{host}","time":"2026-11-27T12:00:00Z","verdict":"ok","gpus":[{{"index":0,"name":"NVIDIA H200","uuid":"GPU-{host}","pci":null,"vbios":null}}],"checks":[{{"name":"gpu_ecc_errors","target":"GPU 0","status":"ok","severity":"none","value":0,"expected":0,"unit":"uncorrected errors","action":null,"detail":"0 errors"}},{{"name":"gpu_memory_bandwidth","target":"GPU 0","status":"ok","severity":"none","value":4012.5,"expected":null,"unit":"GB/s","action":null,"detail":"copy"}}]}}"#
    )
}

fn figure<'a>(gathered: &'a Gathered, metric: &str, device: Option<u32>) -> &'a Measured {
    gathered
        .reports
        .iter()
        .flat_map(|report| &report.measured)
        .find(|measured| measured.metric == metric && measured.device == device)
        .unwrap_or_else(|| panic!("no {metric} of {device:?} in {gathered:#?}"))
}

#[test]
fn documents_may_be_alone_in_lines_in_lists_and_indented() {
    let (a, b) = (document("a"), document("b"));
    let value: serde_json::Value = serde_json::from_str(&a).unwrap();
    let pretty = serde_json::to_string_pretty(&value).unwrap();
    for (text, count) in [
        (a.clone(), 1),
        (format!("{a}\n{b}\n"), 2),
        (format!("\u{feff}[{a},\n{b}]"), 2),
        (format!("{pretty}\n{pretty}\n{b}"), 3),
        (format!("{a}{b}"), 2),
    ] {
        let found = gathered("x.json", None, &text);
        assert_eq!((found.reports.len(), found.problems.len()), (count, 0), "{found:#?}");
    }
    let found = gathered("x.json", None, &format!("{a}\n{b}"));
    assert_eq!(found.reports[1].source, "x.json: line 2");
    assert!((figure(&found, "gpu_memory_bandwidth", Some(0)).value - 4012.5).abs() < 1e-9);
}

#[test]
fn a_half_document_is_a_problem_of_its_node_and_hides_no_other() {
    let (a, b, c) = (document("a"), document("b"), document("c"));
    let half = &b[..b.len() / 2];
    let found = gathered("all.jsonl", None, &format!("{a}\n{half}\n{c}\n"));
    let nodes: Vec<&str> = found.reports.iter().map(|report| report.node.as_str()).collect();
    assert_eq!(nodes, ["a", "c"]);
    let [problem] = found.problems.as_slice() else { panic!("{:#?}", found.problems) };
    assert_eq!(
        (problem.node.as_deref(), problem.source.as_str()),
        (Some("b"), "all.jsonl: line 2")
    );
    assert!(problem.said.starts_with("half-written"), "{problem:?}");
    let found = gathered("b.json", Some("b"), "{\"schema\":\"perf");
    assert_eq!(found.problems[0].node.as_deref(), Some("b"));
}

#[test]
fn what_is_not_understood_is_a_problem_with_a_remedy() {
    let good = document("a");
    for (text, said) in [
        (good.replace("health/1", "health/2"), "form \"perfagent.health/2\""),
        (good.replace("2026-11-27T12:00:00Z", "yesterday"), "\"yesterday\" is no time"),
        (good.replace("\"verdict\":\"ok\"", "\"verdict\":\"fine\""), "unknown variant"),
        (good.replace("\"checks\"", "\"chequers\""), "missing field `checks`"),
        (good.replace("perfagent.health/1", "perfagent.report/1"), "perfagent.report/1"),
        (good.replace("\"host\":\"a\"", "\"host\":\"a; reboot\""), "no name of a host"),
        ("{\"a\": 1}".to_owned(), "neither a document"),
        ("[[1]]".to_owned(), "no document of a node"),
        ("{\"node\": \"n\", \"x\": \"y\"}".to_owned(), "has no figure"),
        ("{\"schema\":\"perfagent.pairs/1\",\"metric\":\"x\",\"pairs\":[{\"nodes\":[\"a\"],\"value\":1}]}".to_owned(), "not in the form"),
    ] {
        let found = gathered("x.json", None, &text);
        assert!(found.reports.is_empty(), "{text}");
        let [problem] = found.problems.as_slice() else { panic!("{text}: {:#?}", found.problems) };
        assert!(problem.said.contains(said), "{text}: {problem:?}");
        assert!(!problem.action.is_empty() && problem.source.contains("line 1"), "{problem:?}");
    }
}

#[test]
fn a_document_without_a_check_is_not_ok() {
    let text = r#"{"schema":"perfagent.health/1","host":"a","time":"2026-11-27T12:00:00Z","verdict":"ok","checks":[]}"#;
    assert_eq!(gathered("x", None, text).reports[0].verdict, Some(Status::Unknown));
}

#[test]
fn files_tell_their_node_by_folder_or_name() {
    let known = || ["node1", "node2.example.com", "10.0.0.7"].into_iter();
    for (folder, file, node) in [
        (Some("node1"), "nccl.log", Some("node1")),
        (Some("results"), "node1.nccl.log", Some("node1")),
        (None, "node2.json", Some("node2.example.com")),
        (None, "node2.example.com.json", Some("node2.example.com")),
        (None, "10.0.0.7.log", Some("10.0.0.7")),
        (Some("results"), "nccl.log", None),
        (None, "node10.log", None),
    ] {
        assert_eq!(node_of_place(folder, file, known()).as_deref(), node, "{folder:?} {file}");
    }
}

#[test]
fn a_log_that_does_not_tell_its_node_is_a_problem() {
    let found = gathered("x.log", None, "nvbandwidth Version: v0.6\n");
    assert!(found.problems[0].said.contains("which node"), "{found:#?}");
    let found = gathered("x.log", Some("n"), "nvbandwidth Version: v0.6\n");
    assert!(found.problems[0].said.contains("without a result"), "{found:#?}");
}

fn shared(name: &str) -> Option<String> {
    let path =
        format!("{}/../../../shared/data/health/superbench/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("skipped: no {path}");
    }
    text
}

#[test]
fn logs_of_superbench_are_read() {
    for (name, metric, device, value) in [
        ("nvbandwidth_results.log", "nvbandwidth/host_to_device_memcpy_ce", Some(2), 412.11),
        ("nvbandwidth_results.log", "nvbandwidth/host_to_device_memcpy_ce, row 1", Some(0), 323.36),
        ("gpu_stream.log", "gpu_stream/COPY_double", Some(1), 6708.74),
        ("gpu_stream.log", "gpu_stream/TRIAD_double", Some(0), 7414.01),
        ("gpu_copy_bw_performance.log", "gpu_copy/cpu_to_gpu_by_dma_under_numa0", Some(1), 26.2392),
        (
            "gpu_copy_bw_performance.log",
            "gpu_copy/gpu_to_gpu_write_by_sm, slowest way",
            None,
            258.397,
        ),
        ("ib_loopback_8M_size.log", "RDMA_Write 8388608 bytes", None, 24056.72),
        ("gpu_burn.log", "gpu_burn/faulty", Some(7), 0.0),
    ] {
        let Some(text) = shared(name) else { return };
        let found = gathered(name, Some("n"), &text);
        assert_eq!(found.problems, []);
        let figure = figure(&found, metric, device).value;
        assert!((figure - value).abs() < 1e-9, "{name}: {metric}: {figure}");
    }
    let Some(text) = shared("cuda_memory_d2d_bw.log") else { return };
    let found = gathered("d2d", Some("n"), &text);
    assert!(figure(&found, "bandwidthTest/D2D", None).value > 100.0, "{found:#?}");
}

/// Whatever the bytes: no panic, and a damaged document is never a clean one.
#[test]
fn damaged_input_brings_nothing_down() {
    let list = format!("[{},{}]", document("a"), document("b"));
    let lines = format!("{}\n{}", document("c"), document("d"));
    let row = r#"{"node":"n","gemm-flops/FP64:0":9031.2,"nccl-bw/allreduce_8_busbw:0":0.1}"#;
    let bandwidth = "nvbandwidth Version: v0.6\nRunning device_to_device_memcpy_read_ce.\nmemcpy CE GPU(row) <- GPU(column) bandwidth (GB/s)\n           0         1\n 0       N/A    276.07\n 1    276.19       N/A\n";
    let copy = "gpu0_to_gpu1_read_by_sm 261.856\ncpu_to_gpu0_by_dma_under_numa0 26.2\n";
    let texts =
        [&list, &lines, row, bandwidth, copy, "Tested 2 GPUs:\n\tGPU 0: OK\n\tGPU 1: FAULTY\n"];
    perfagent_fuzz::each_input("fleet documents", 4000, |from| {
        let bytes = perfagent_fuzz::text(from, &texts);
        let mut found = Gathered::default();
        read(Source { name: "x", node: Some("n") }, &bytes, &mut found);
        let now = perfagent_recording::Timestamp::from_unix_nanos(0);
        let fleet = crate::fleet::judge(found, &crate::fleet::Settings::default(), now);
        if !fleet.problems.is_empty() {
            assert!(fleet.verdict >= Status::Unknown, "{fleet:#?}");
        }
        serde_json::to_string(&fleet).unwrap();
    });
}

#[test]
fn what_perfagent_ceilings_measured_is_of_the_host_and_device_that_it_names() {
    let stored = include_str!("../../../../../data/runs/ceilings-cpu.json");
    let stored: serde_json::Value = serde_json::from_str(stored).unwrap();
    let found = gathered("any.json", None, &stored["result"].to_string());
    assert!(found.problems.is_empty(), "{:#?}", found.problems);
    assert_eq!(found.reports[0].node, "vm");
    assert!(found.reports[0].time.is_some());
    let copy = figure(&found, "ceilings/memory_bandwidth/copy", None);
    assert!((copy.value - 27.353_502).abs() < 1e-3);
    assert_eq!(
        figure(&found, "ceilings/matrix_product/fp32", None).unit.as_deref(),
        Some("TFLOP/s")
    );

    let gpu = r#"{"schema":"perfagent.ceilings/1","host":"gpu1","device":"cuda:3","cuda":{"copies":[{"name":"host_to_device","median_gbps":55.1}],"launch":[{"name":"launch_and_wait","median_ns":6100.0}],"multiply_add":[{"dtype":"fp32","median_tflops":60.2}],"matrix_products":{"dtypes":[{"dtype":"bf16","best":{"median_tflops":801.0},"sustained":{"median_tflops":740.5}}]}}}"#;
    let found = gathered("a.json", None, &format!("{gpu}\n{}", gpu.replace("cuda:3", "cuda:4")));
    assert_eq!(found.reports.len(), 2, "{found:#?}");
    assert!((figure(&found, "ceilings/matrix_product/bf16", Some(3)).value - 740.5).abs() < 1e-9);
    assert!((figure(&found, "ceilings/launch/launch_and_wait", Some(4)).value - 6.1).abs() < 1e-9);

    for bad in [
        gpu.replace("cuda:3", "tpu"),
        r#"{"schema":"perfagent.ceilings/1","host":"gpu1","device":"cpu"}"#.into(),
    ] {
        let found = gathered("a.json", None, &bad);
        assert!(found.reports.is_empty());
        assert_eq!(found.problems[0].node.as_deref(), Some("gpu1"));
        assert!(found.problems[0].action.contains("perfagent ceilings"));
    }
}

#[test]
fn trainings_of_perfagent_bench_are_of_the_node_that_their_place_tells() {
    let stored = include_str!("../../../../../data/runs/suite-ci.json");
    let stored: serde_json::Value = serde_json::from_str(stored).unwrap();
    let found = gathered("node7.json", Some("node7"), &stored["result"].to_string());
    assert!(found.problems.is_empty(), "{:#?}", found.problems);
    assert_eq!(found.reports[0].node, "node7");
    let cases = stored["result"]["cases"].as_array().unwrap();
    assert_eq!(found.reports[0].measured.len(), cases.len());
    let step = figure(&found, "training/cpu/ci/gpt-fp32/step_time", None);
    let expected = cases[0]["result"]["step_p50_ns"].as_f64().unwrap() / 1e6;
    assert!((step.value / expected - 1.0).abs() < 0.3, "{} {expected}", step.value);

    let lines: Vec<String> = cases.iter().take(3).map(ToString::to_string).collect();
    let found = gathered("results.jsonl", Some("node7"), &lines.join("\n"));
    assert_eq!(found.reports.len(), 3, "{:#?}", found.problems);

    let zero3 = cases.iter().find(|case| case["case"] == "gpt-ranks2-zero3").unwrap();
    let alone = zero3["result"].to_string();
    let found = gathered("node7.json", Some("node7"), &alone);
    let name = "training/cpu/gpt nano fp32 micro-batch 2 ranks 2 zero 3/step_time";
    assert_eq!(figure(&found, name, None).unit.as_deref(), Some("ms"));
    // Whose it is is not known, and a training that did not begin has no step.
    for (node, text) in [
        (None, alone.clone()),
        (Some("node7"), r#"{"schema":"perfagent.bench/1"}"#.to_owned()),
        (
            Some("node7"),
            r#"{"schema":"perfagent.bench-suite/1","suite":"ci","case":"a","result":null}"#
                .to_owned(),
        ),
    ] {
        let found = gathered("x.json", node, &text);
        assert!(found.reports.is_empty(), "{found:#?}");
        assert_eq!(found.problems[0].node.as_deref(), node);
        assert!(found.problems[0].action.contains("name the file after its node"));
    }
}

#[test]
fn nvbandwidth_tells_the_same_in_json_as_in_its_text() {
    let text = "nvbandwidth Version: v0.8\nRunning host_to_device_memcpy_ce.\nmemcpy CE CPU(row) -> GPU(column) bandwidth (GB/s)\n           0         1\n 0     55.10     54.20\n\nRunning device_to_device_memcpy_read_ce.\nmemcpy CE GPU(row) -> GPU(column) bandwidth (GB/s)\n           0         1\n 0       N/A    276.10\n 1    276.30       N/A\n";
    let json = r#"{"nvbandwidth":{"CUDA Runtime Version":13000,"testcases":[{"bandwidth_description":"memcpy CE CPU(row) -> GPU(column) bandwidth (GB/s)","bandwidth_matrix":[["55.10","54.20"]],"name":"host_to_device_memcpy_ce","status":"Passed"},{"name":"multinode_device_to_device_memcpy_read_ce","status":"Waived"},{"bandwidth_description":"memcpy CE GPU(row) -> GPU(column) bandwidth (GB/s)","bandwidth_matrix":[["N/A","276.10"],["276.30","N/A"]],"name":"device_to_device_memcpy_read_ce","status":"Passed"}]}}"#;
    let of_text = gathered("node1.log", Some("node1"), text);
    let of_json = gathered("node1.nvbandwidth.json", Some("node1.nvbandwidth"), json);
    assert!(!of_text.reports[0].measured.is_empty());
    assert_eq!(of_json.reports[0].measured, of_text.reports[0].measured);
    assert_eq!(of_json.reports[0].node, "node1");

    let failed = json.replacen("Passed", "Error", 1);
    let found = gathered("node1.json", Some("node1"), &failed);
    assert!((figure(&found, "nvbandwidth/errors", None).value - 1.0).abs() < 1e-9);
    let nothing = r#"{"nvbandwidth":{"error":"no CUDA devices found"}}"#;
    let found = gathered("node1.json", Some("node1"), nothing);
    assert!(found.problems[0].said.contains("without a result"), "{:?}", found.problems);
}
