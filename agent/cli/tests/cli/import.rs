//! Traces of other tools, from files to a report.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::command::{Outcome, run};
use crate::fixture::cpu_run;

/// A trace of one step on a GPU: an operator, its launch, its kernel, an all-reduce, a copy, memory.
fn trace(rank: i64) -> String {
    let pid = 100 + rank;
    let events = [
        format!(r#"{{"ph": "M", "name": "process_name", "pid": {pid}, "tid": 0, "ts": 0.000, "args": {{"name": "python3"}}}}"#),
        format!(r#"{{"ph": "M", "name": "thread_name", "pid": {pid}, "tid": {pid}, "ts": 0.000, "args": {{"name": "thread {pid} (python3)"}}}}"#),
        format!(r#"{{"ph": "X", "cat": "user_annotation", "name": "ProfilerStep#4", "pid": {pid}, "tid": {pid}, "ts": 0.000, "dur": 1000.000}}"#),
        format!(r#"{{"ph": "X", "cat": "cpu_op", "name": "aten::linear", "pid": {pid}, "tid": {pid}, "ts": 5.000, "dur": 50.000, "args": {{"Input Dims": [[8, 128], [128, 128]], "Sequence number": 7}}}}"#),
        format!(r#"{{"ph": "X", "cat": "cpu_op", "name": "aten::addmm", "pid": {pid}, "tid": {pid}, "ts": 8.000, "dur": 40.000, "args": {{"Sequence number": 7}}}}"#),
        format!(r#"{{"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": {pid}, "tid": {pid}, "ts": 10.000, "dur": 5.250, "args": {{"correlation": 1}}}}"#),
        r#"{"ph": "X", "cat": "kernel", "name": "sgemm_128x64", "pid": 0, "tid": 7, "ts": 20.001, "dur": 299.999, "args": {"device": 0, "stream": 7, "correlation": 1, "grid": [8, 1, 1], "block": [256, 1, 1], "registers per thread": 90}}"#.to_owned(),
        r#"{"ph": "X", "cat": "kernel", "name": "ncclDevKernel_AllReduce_Sum_f32_RING_LL", "pid": 0, "tid": 20, "ts": 220.000, "dur": 200.000, "args": {"device": 0, "stream": 20, "correlation": 2, "Collective name": "allreduce", "In msg nelems": 250000, "Out msg nelems": 250000, "Group size": 2, "dtype": "Float", "Process Group Name": "0"}}"#.to_owned(),
        r#"{"ph": "X", "cat": "gpu_memcpy", "name": "Memcpy HtoD (Pinned -> Device)", "pid": 0, "tid": 7, "ts": 900.000, "dur": 10.000, "args": {"device": 0, "stream": 7, "correlation": 3, "bytes": 100000}}"#.to_owned(),
        format!(r#"{{"ph": "i", "cat": "cpu_instant_event", "s": "t", "name": "[memory]", "pid": {pid}, "tid": {pid}, "ts": 6.000, "args": {{"Device Type": 1, "Device Id": 0, "Bytes": 1024, "Total Allocated": 4096, "Total Reserved": 8192}}}}"#),
        r#"{"ph": "X", "cat": "cuda_sync", "name": "Stream Sync", "pid": 0, "tid": 7, "ts": 910.000, "dur": 20.000, "args": {"stream": 7}}"#.to_owned(),
        format!(r#"{{"ph": "s", "id": 1, "pid": {pid}, "tid": {pid}, "ts": 10.000, "cat": "ac2g", "name": "ac2g"}}"#),
    ];
    format!(
        "{{\n  \"schemaVersion\": 1,\n  \"deviceProperties\": [{{\"id\": 0, \"name\": \"NVIDIA H100 80GB HBM3\", \
         \"totalGlobalMem\": 85899345920, \"numSms\": 132, \"computeMajor\": 9, \"computeMinor\": 0}}],\n  \
         \"distributedInfo\": {{\"backend\": \"nccl\", \"rank\": {rank}, \"world_size\": 2}},\n  \
         \"traceEvents\": [\n  {}\n  ],\n  \"traceName\": \"trace.json\",\n  \"baseTimeNanoseconds\": 1772366400000000000\n}}\n",
        events.join(",\n  ")
    )
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// A folder with two ranks, one of them compressed; names and formats have nothing to do with each other.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("traces")).unwrap();
    fs::write(folder.path().join("traces/rank0.json"), trace(0)).unwrap();
    fs::write(folder.path().join("traces/rank1.trace"), gzip(&trace(1))).unwrap();
    folder
}

fn json(answer: &str) -> Value {
    serde_json::from_str(answer).unwrap()
}

fn report(folder: &Path) -> Value {
    json(&run(folder, &["report", "run.perfdb", "--json"]).answer())
}

/// What stands in the folder besides the traces.
fn others(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name != "traces");
    names.sort();
    names
}

fn imported(outcome: Outcome) -> (Value, String) {
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    (json(&outcome.stdout), outcome.stderr)
}

#[test]
fn two_ranks_become_one_recording() {
    let folder = folder();
    let words = ["import", "traces/rank0.json", "traces/rank1.trace", "-o", "run.perfdb", "--json"];
    let (document, said) = imported(run(folder.path(), &words));
    insta::assert_json_snapshot!(document);
    insta::assert_snapshot!(said);
    assert_eq!(others(folder.path()), ["run.perfdb"]);
    insta::assert_snapshot!(run(folder.path(), &["report", "run.perfdb"]).answer());
}

/// A rank's trace of 20 collectives of two ranks, to which each comes 50 µs late by turns, on a GPU of the eight of a machine.
fn collectives(rank: i64, gpu: i64, clock_ahead_us: i64) -> String {
    let kernel = |number: i64| {
        let late = if (number % 2 == 0) == (rank == 0) { 50 } else { 0 };
        let (start, length) = (1000 * number + late + clock_ahead_us, 200 - late);
        format!(
            r#"{{"ph": "X", "cat": "kernel", "name": "ncclDevKernel_AllReduce_Sum_f32_RING_LL", "pid": {gpu}, "tid": 20, "ts": {start}.000, "dur": {length}.000, "args": {{"device": {gpu}, "stream": 20, "Collective name": "allreduce", "In msg nelems": 250000, "Out msg nelems": 250000, "Group size": 2, "dtype": "Float", "Process Group Name": "0", "Seq": {number}}}}}"#
        )
    };
    let kernels: Vec<String> = (1..=20).map(kernel).collect();
    let gpus: Vec<String> =
        (0..8).map(|id| format!(r#"{{"id": {id}, "name": "NVIDIA H100 80GB HBM3"}}"#)).collect();
    format!(
        r#"{{"schemaVersion": 1, "deviceProperties": [{}], "distributedInfo": {{"backend": "nccl", "rank": {rank}, "world_size": 16}}, "traceEvents": [{}], "baseTimeNanoseconds": 1772366400000000000}}"#,
        gpus.join(", "),
        kernels.join(", ")
    )
}

/// Ranks 0 and 8 both ran on GPU 0 of eight, so on two machines, whose clocks are not one; ranks 0 and 1 on two GPUs of one.
#[test]
fn ranks_of_two_machines_are_put_on_one_clock_by_their_collectives() {
    for (rank, gpu, ahead_us, alignments, hosts) in [
        (8, 0, 5000, 1, ["unknown host", "unknown host 2"]),
        (1, 1, 0, 0, ["unknown host", "unknown host"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.json"), collectives(0, 0, 0)).unwrap();
        fs::write(folder.path().join("b.json"), collectives(rank, gpu, ahead_us)).unwrap();
        let outcome = run(folder.path(), &["import", "a.json", "b.json", "-o", "run.perfdb"]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        let report = report(folder.path());
        let ranks = report["ranks"].as_array().unwrap();
        for (row, host) in ranks.iter().zip(hosts) {
            assert_eq!(row["host"], host);
            assert_eq!(row["collectives"][0]["wait_ns"], 500_000, "{row}");
        }
        let aligned = report["recording"]["alignment"].as_array().unwrap();
        assert_eq!(aligned.len(), alignments);
        for alignment in aligned {
            assert_eq!(
                (&alignment["offset_ns"], &alignment["used"]),
                (&5_000_000.into(), &true.into())
            );
        }
    }
}

#[test]
fn a_folder_is_its_traces_and_what_is_none_is_told() {
    let folder = folder();
    fs::write(folder.path().join("traces/notes.txt"), "lr 1e-3").unwrap();
    fs::write(folder.path().join("traces/config.json"), "{\"lr\": 0.001}").unwrap();
    let (document, said) =
        imported(run(folder.path(), &["import", "traces", "-o", "run.perfdb", "--json"]));
    assert_eq!(document["files"].as_array().unwrap().len(), 2);
    for name in ["notes.txt", "config.json"] {
        assert!(said.contains(&format!("warning: passed over: traces/{name}: ")), "{said}");
    }
    let report = report(folder.path());
    assert_eq!(
        report["recording"]["source"],
        "import of PyTorch Kineto trace rank0.json, rank1.trace"
    );
    assert_eq!(report["ranks"].as_array().unwrap().len(), 2);
}

/// A document without what names the file that was read.
fn without_paths(answer: &str) -> Value {
    let mut document = json(answer);
    document["recording"]["path"].take();
    for file in document["recording"]["files"].as_array_mut().into_iter().flatten() {
        file["path"].take();
    }
    for step in document["ranks"].as_array_mut().into_iter().flatten() {
        step["recording_path"].take();
    }
    document
}

#[test]
fn a_trace_is_reported_as_the_recording_made_of_it() {
    let folder = folder();
    let folder = folder.path();
    run(folder, &["import", "traces/rank1.trace", "-o", "run.perfdb"]);
    let direct = run(folder, &["report", "traces/rank1.trace", "--json"]).answer();
    let stored = run(folder, &["report", "run.perfdb", "--json"]).answer();
    assert_eq!(without_paths(&direct), without_paths(&stored));
    assert_eq!(others(folder), ["run.perfdb"], "nothing is left behind");

    // Several together are what `import` makes of them together.
    let traces = ["traces/rank0.json", "traces/rank1.trace"];
    run(folder, &["import", "-f", "-o", "run.perfdb", traces[0], traces[1]]);
    let direct = run(folder, &["report", "--json", traces[0], traces[1]]).answer();
    let stored = run(folder, &["report", "run.perfdb", "--json"]).answer();
    assert_eq!(without_paths(&direct), without_paths(&stored));
    assert_eq!(json(&direct)["ranks"].as_array().unwrap().len(), 2);

    let advice = run(folder, &["advise", "traces/rank1.trace"]).answer();
    assert!(advice.contains("rank"), "{advice}");
    let compared = ["compare", "traces/rank0.json", "--", "traces/rank0.json", "--json"];
    let compared = json(&run(folder, &compared).answer());
    assert_eq!(compared["schema"], "perfagent.compare/1");
}

#[test]
fn traces_that_nsys_printed_are_reported_together() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "run_cuda_gpu_trace.csv",
        "Start (ns),Duration (ns),CorrId,GrdX,GrdY,GrdZ,BlkX,BlkY,BlkZ,Reg/Trd,Device,Ctx,Strm,Name\n\
         5000,500,7,1,1,1,32,1,1,8,NVIDIA H100 (0),1,7,f\n",
    );
    write(
        "run_cuda_api_trace.csv",
        "Start (ns),Duration (ns),Name,Result,CorrID,Pid,Tid,T-Pri,Thread Name\n\
         1000,200,cudaLaunchKernel,0,7,42,42,20,python3\n",
    );
    let arguments = ["report", "run_cuda_gpu_trace.csv", "run_cuda_api_trace.csv", "--json"];
    let report = json(&run(folder.path(), &arguments).answer());
    assert_eq!(report["ranks"].as_array().unwrap().len(), 1);
    assert_eq!(report["ranks"][0]["pid"], 42);
    assert_eq!(report["ranks"][0]["launch"]["mean_delay_ns"], 4000.0);
}

/// Summaries are lists too.
#[test]
fn a_trace_that_is_a_list_is_no_summary() {
    let folder = tempfile::tempdir().unwrap();
    let timeline = "[[1000, 0, [1, 0], 4096], [2000, 1, [1, 0], 4096]]";
    fs::write(folder.path().join("memory.raw.json"), timeline).unwrap();
    let outcome = run(folder.path(), &["report", "memory.raw.json", "--json"]);
    let imported = run(folder.path(), &["import", "memory.raw.json", "-o", "run.perfdb"]);
    assert_eq!(outcome.code, imported.code, "{}{}", outcome.stderr, imported.stderr);
    let damaged = run(folder.path(), &["report", "traces.json"]);
    assert!(damaged.stderr.contains("no such file"), "{}", damaged.stderr);
}

#[test]
fn times_are_exact_and_rows_say_what_they_are() {
    let folder = folder();
    run(folder.path(), &["import", "traces/rank1.trace", "-o", "run.perfdb"]);
    for (sql, rows) in [
        ("SELECT start_ns, end_ns - start_ns FROM kernels LIMIT 1", "1772366400000020001,299999"),
        ("SELECT grid_x, block_x, registers FROM kernels LIMIT 1", "8,256,90"),
        ("SELECT depth, sequence FROM operators ORDER BY id DESC LIMIT 1", "1,7"),
        (
            "SELECT value FROM operators JOIN strings ON strings.id = shapes_id",
            "\"[[8, 128], [128, 128]]\"",
        ),
        ("SELECT pid, rank, world_size, name FROM processes", "101,1,2,python3"),
        ("SELECT tid, name FROM threads", "101,thread 101 (python3)"),
        (
            "SELECT name, total_bytes, sm_count FROM devices",
            "NVIDIA H100 80GB HBM3,85899345920,132",
        ),
    ] {
        let answer = run(folder.path(), &["sql", "run.perfdb", sql, "--format", "csv"]).answer();
        assert_eq!(answer.lines().nth(1), Some(rows), "{sql}");
    }
}

/// The report of a run without an event of a GPU: what a benchmark measured, and what a monitor saw.
#[test]
fn a_benchmark_of_collectives_is_a_table_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let log = "\
# nccl-tests version 2.18.3 nccl-headers=23003 nccl-library=23003
# Collective test starting: all_reduce_perf
# nThread 1 nGpus 2 minBytes 1024 maxBytes 2048 step: 2(factor) warmup iters: 1 iters: 20 agg iters: 1 validation: 1 graph: 0
#  Rank  0 Group  0 Pid  12812 on node-1 device  0 [0000:1b:00] NVIDIA H100 80GB HBM3
#  Rank  1 Group  0 Pid  12812 on node-1 device  1 [0000:5d:00] NVIDIA H100 80GB HBM3
#       size         count      type   redop    root     time   algbw   busbw  #wrong     time   algbw   busbw  #wrong
        1024           256     float     sum      -1    11.63    0.09    0.09       0    11.02    0.09    0.09     N/A
    67108864      16777216     float     sum      -1   1162.2   57.74   57.74       0   1160.0   57.85   57.85       0
";
    fs::write(folder.path().join("log.txt"), log).unwrap();
    let csv = "timestamp, index, power.draw [W]\n2024/11/23 12:23:29.950, 0, 38.74 W\n";
    fs::write(folder.path().join("gpu.csv"), csv).unwrap();
    let words = ["import", "log.txt", "gpu.csv", "-o", "run.perfdb"];
    let outcome = run(folder.path(), &words);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    insta::assert_snapshot!(outcome.stderr);
    insta::assert_snapshot!(run(folder.path(), &["report", "run.perfdb"]).answer());
    let report = report(folder.path());
    assert_eq!(
        (
            report["ranks"].as_array().unwrap().len(),
            report["collective_tests"].as_array().unwrap().len()
        ),
        (0, 4)
    );
    insta::assert_json_snapshot!(report["collective_tests"][3]);
}

#[test]
fn an_earlier_recording_gives_way_only_when_told_to() {
    let folder = folder();
    let words = ["import", "traces/rank0.json", "-o", "run.perfdb"];
    fs::write(folder.path().join("run.perfdb"), "old").unwrap();
    assert!(run(folder.path(), &words).refusal("run.perfdb").contains("-f"));
    assert_eq!(fs::read_to_string(folder.path().join("run.perfdb")).unwrap(), "old");
    // Not even with -f while the new one is not complete.
    let broken = ["import", "traces/rank0.json", "missing.json", "-f", "-o", "run.perfdb"];
    run(folder.path(), &broken).refusal("missing.json");
    assert_eq!(fs::read_to_string(folder.path().join("run.perfdb")).unwrap(), "old");
    assert_eq!(run(folder.path(), &[&words[..], &["-f"]].concat()).code, 0);
    assert_eq!(report(folder.path())["ranks"][0]["rank"], 0);
    assert_eq!(others(folder.path()), ["run.perfdb"]);
}

#[test]
fn what_cannot_be_imported_is_one_line_and_leaves_nothing() {
    let folder = folder();
    let at = |name: &str| folder.path().join("traces").join(name);
    let text = trace(0);
    fs::create_dir(at("empty-folder")).unwrap();
    fs::create_dir(at("other-folder")).unwrap();
    fs::write(at("other-folder/notes.txt"), "lr 1e-3").unwrap();
    fs::write(at("empty.json"), "").unwrap();
    fs::write(at("blank.json"), " \n").unwrap();
    fs::write(at("text.json"), "# nccl-tests\n").unwrap();
    fs::write(at("list.json"), "[{\"ph\": \"X\"}]").unwrap();
    fs::write(at("config.json"), "{\"lr\": 0.001}").unwrap();
    fs::write(at("head.json"), &text[..200]).unwrap();
    fs::write(at("first.json"), &text[..text.find("process_name").unwrap()]).unwrap();
    fs::write(at("head.gz"), &gzip(&text)[..8]).unwrap();
    cpu_run(&at("run.sqlite"));
    for (input, what) in [
        ("missing.json", "no such file"),
        ("empty-folder", "holds no trace"),
        ("other-folder", "holds no trace"),
        ("empty.json", "is empty"),
        ("blank.json", "white space"),
        ("text.json", "not JSON"),
        ("list.json", "JSON list"),
        ("config.json", "no list `traceEvents`"),
        ("head.json", "damaged at byte 200"),
        ("first.json", "nothing to import"),
        ("head.gz", "damaged at byte 0"),
        ("run.sqlite", "SQLite"),
    ] {
        let input = format!("traces/{input}");
        let words = ["import", "traces/rank0.json", &input, "-o", "run.perfdb"];
        let message = run(folder.path(), &words).refusal(&input);
        assert!(message.contains(what), "{message}");
    }
    for (output, what) in [
        ("traces", "is a directory"),
        ("no/such/run.perfdb", "mkdir -p no/such"),
        ("traces/rank0.json", "is one of the traces"),
    ] {
        let words = ["import", "traces/rank0.json", "-f", "-o", output];
        assert!(run(folder.path(), &words).refusal("").contains(what));
    }
    let twice = ["import", "traces/rank0.json", "traces/../traces/rank0.json", "-o", "run.perfdb"];
    run(folder.path(), &twice).refusal("named twice");
    assert_eq!(others(folder.path()), [] as [&str; 0]);
}

#[test]
fn of_a_damaged_trace_the_rest_is_read_and_the_report_says_so() {
    let folder = folder();
    let text = trace(0);
    let cut = text.find("gpu_memcpy").unwrap();
    fs::write(folder.path().join("cut.json"), &text[..cut]).unwrap();
    let damaged = text.replace("299.999", "2x9.999");
    fs::write(folder.path().join("damaged.json"), &damaged).unwrap();
    let kernel = damaged.find("{\"ph\": \"X\", \"cat\": \"kernel\"").unwrap();
    let cut_message = format!("ends at byte {cut} before the trace does");
    let damaged_message = format!("1 event could not be read and left out, at byte {kernel}");
    for (input, message, kernels) in
        [("cut.json", cut_message, 2), ("damaged.json", damaged_message, 1)]
    {
        let outcome = run(folder.path(), &["import", input, "-f", "-o", "run.perfdb"]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""));
        assert!(
            outcome.stderr.contains(&format!("warning: {input}: {message}")),
            "{}",
            outcome.stderr
        );
        let report = report(folder.path());
        assert_eq!(report["ranks"][0]["kernels"].as_array().unwrap().len(), kernels);
        let warnings = report["warnings"].as_array().unwrap();
        assert!(
            warnings.iter().any(|text| text.as_str().unwrap().contains(&message)),
            "{warnings:?}"
        );
    }
    assert_eq!(report(folder.path())["recording"]["losses"][0]["cause"], "unreadable");
}

#[test]
fn a_compressed_trace_damaged_anywhere_ends_in_order() {
    let folder = folder();
    let whole = gzip(&trace(0));
    for at in (0..whole.len()).step_by(7) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x55;
        for bytes in [&flipped[..], &whole[..at]] {
            fs::write(folder.path().join("damaged.gz"), bytes).unwrap();
            let outcome = run(folder.path(), &["import", "damaged.gz", "-f", "-o", "run.perfdb"]);
            assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
            if outcome.code != 0 {
                outcome.refusal("damaged.gz");
                continue;
            }
            // Bytes 4 to 9 of a gzip file are its time and origin.
            let harmless = (4..10).contains(&at) && bytes.len() == whole.len();
            assert!(
                harmless || outcome.stderr.contains("warning: "),
                "byte {at}: {}",
                outcome.stderr
            );
            report(folder.path());
        }
    }
}

/// The real traces as far as they are not compared number by number elsewhere, and exports with several processes.
#[test]
fn real_traces_end_as_they_should() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/traces");
    let Ok(reference) = fs::read_to_string(shared.join("reference.json")) else {
        println!("skipped: no folder shared/traces beside the repository");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut checked = 0;
    for entry in json(&reference)["entries"].as_array().unwrap() {
        let (name, expect) = (entry["name"].as_str().unwrap(), entry["expect"].as_str().unwrap());
        let format = entry["format"].as_str().unwrap_or("broken");
        let compared = expect == "exact" && format != "nsys";
        if compared || !["kineto", "nsys", "nccl", "broken"].contains(&format) {
            continue;
        }
        let inputs: Vec<PathBuf> = entry["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|input| shared.join(input.as_str().unwrap()))
            .collect();
        let mut words =
            vec!["import".into(), "-f".into(), "-o".into(), PathBuf::from("run.perfdb")];
        words.extend(inputs.iter().cloned());
        let outcome = run(folder.path(), &words);
        checked += 1;
        let file = inputs[0].file_name().unwrap().to_str().unwrap();
        if outcome.code != 0 {
            assert_ne!(expect, "import", "{name}: {}", outcome.stderr);
            outcome.refusal(file);
            continue;
        }
        assert_ne!(expect, "reject", "{name}");
        let report = report(folder.path());
        if name.starts_with("nccl_") {
            assert_eq!(report["collective_tests"].as_array().unwrap().len(), 68, "{name}");
            assert_eq!(report["warnings"], serde_json::json!([]), "{name}");
        }
        let ranks = report["ranks"].as_array().unwrap();
        if format == "nsys" {
            assert_eq!(ranks.len(), entry["ranks"].as_array().unwrap().len(), "{name}");
        }
        for (rank, expected) in ranks.iter().zip(entry["ranks"].as_array().into_iter().flatten()) {
            if format == "nsys" {
                assert_eq!(rank["pid"], expected["pid"], "{name}");
            }
            assert_eq!(rank["rank"], expected["rank"], "{name}");
            assert_eq!(rank["world_size"], expected["world_size"], "{name}");
        }
    }
    assert!(checked >= 22, "only {checked} traces were checked");
}
