//! Hardware counters from traces of PyTorch to reports, tables and back to a trace.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::command::run;

/// A rank that ran a convolution twice and filled a tensor, each kernel with its counters.
fn trace(rank: i64) -> String {
    let pid = 100 + rank;
    let op = |name: &str, ts: i64, dur: i64| {
        format!(
            r#"{{"ph": "X", "cat": "cpu_op", "name": "{name}", "pid": {pid}, "tid": {pid}, "ts": {ts}, "dur": {dur}}}"#
        )
    };
    let launch = |ts: i64| {
        format!(
            r#"{{"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": {pid}, "tid": {pid}, "ts": {ts}, "dur": 5, "args": {{"correlation": {ts}}}}}"#
        )
    };
    let range = |name: &str, ts: i64, ffma: i64| {
        format!(
            r#"{{"ph": "X", "cat": "cuda_profiler_range", "name": "{name}", "pid": {rank}, "tid": 0, "ts": {ts}, "dur": 100, "args": {{
               "smsp__sass_thread_inst_executed_op_ffma_pred_on.sum": {ffma}, "dram__bytes_read.sum": 1048576, "dram__bytes_write.sum": 524288,
               "sm__throughput.avg.pct_of_peak_sustained_elapsed": 61.25}}}}"#
        )
    };
    let events = [
        op("aten::conv2d", 0, 100),
        op("aten::_convolution", 5, 90),
        launch(10),
        launch(20),
        op("aten::fill_", 200, 20),
        launch(205),
        range("void conv<float>(int)", 0, 1_500_000_000),
        range("void conv<float>(int)", 100, 500_000_000),
        range("fill", 200, 0),
    ];
    format!(
        r#"{{"schemaVersion": 1, "distributedInfo": {{"rank": {rank}, "world_size": 2}},
            "deviceProperties": [{{"id": 0, "name": "A100"}}, {{"id": 1, "name": "A100"}}], "baseTimeNanoseconds": 1772366400000000000,
            "traceEvents": [{}]}}"#,
        events.join(",\n")
    )
}

fn counters(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let report: Value = serde_json::from_str(&run(folder, arguments).answer()).unwrap();
    let ranks = report["ranks"].as_array().unwrap();
    ranks.iter().map(|rank| rank["kernel_counters"].clone()).collect()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for rank in [0, 1] {
        fs::write(folder.path().join(format!("rank{rank}.json")), trace(rank)).unwrap();
    }
    folder
}

#[test]
fn hardware_counters_are_reported_by_kernel_and_operator() {
    let folder = folder();
    let text = run(folder.path(), &["report", "rank0.json", "rank1.json"]).answer();
    let section = text.split("\n\n").skip_while(|part| !part.contains("hardware counters"));
    let section: Vec<&str> = section.take_while(|part| !part.starts_with("Lost")).collect();
    insta::assert_snapshot!(section.join("\n\n"), @"
    Kernels and operators by hardware counters
              name         operators                         ranges  GFLOP  memory traffic  FLOP/byte
      rank 0  conv<float>  aten::conv2d, aten::_convolution       2      4        3.00 MiB    1271.57
      rank 1  conv<float>  aten::conv2d, aten::_convolution       2      4        3.00 MiB    1271.57
      rank 0  fill         aten::fill_                            1      0        1.50 MiB          0
      rank 1  fill         aten::fill_                            1      0        1.50 MiB          0

              name         operators           metric                                            ranges  sum   mean  least   most
      rank 0  conv<float>  aten::_convolution  sm__throughput.avg.pct_of_peak_sustained_elapsed       2    -  61.25  61.25  61.25
      rank 1  conv<float>  aten::_convolution  sm__throughput.avg.pct_of_peak_sustained_elapsed       2    -  61.25  61.25  61.25
      rank 0  fill         aten::fill_         sm__throughput.avg.pct_of_peak_sustained_elapsed       1    -  61.25  61.25  61.25
      rank 1  fill         aten::fill_         sm__throughput.avg.pct_of_peak_sustained_elapsed       1    -  61.25  61.25  61.25
      FLOP are those of plain instructions: what tensor cores do is not counted by them. Nor were these
      counted: dadd, dfma, dmul, fadd, fmul, hadd, hfma, hmul. How long these kernels ran is not known:
      they ran one by one, and were run again for further counters.

    Memory and processor
      Nothing was sampled.
    ");
}

#[test]
fn they_come_back_from_an_exported_trace() {
    let folder = folder();
    let path = folder.path();
    let direct = counters(path, &["report", "rank0.json", "rank1.json", "--json"]);
    assert_eq!(direct[1]["rows"][0]["flops"], 4_000_000_000_i64);
    assert_eq!(
        direct[1]["rows"][0]["operators"],
        serde_json::json!(["aten::conv2d", "aten::_convolution"])
    );
    assert_eq!(run(path, &["import", "rank0.json", "rank1.json", "-o", "run.perfdb"]).code, 0);
    assert_eq!(counters(path, &["report", "run.perfdb", "--json"]), direct);
    assert_eq!(
        run(path, &["export", "run.perfdb", "--format", "chrome", "-o", "back.json"]).code,
        0
    );
    assert_eq!(counters(path, &["report", "back.json", "--json"]), direct);
    assert_eq!(run(path, &["export", "run.perfdb", "--format", "csv", "-o", "tables"]).code, 0);
    let table = fs::read_to_string(path.join("tables/kernel_counters.csv")).unwrap();
    let first: Vec<&str> = table.lines().take(2).collect();
    insta::assert_snapshot!(first.join("\n"), @"
    recording,id,process_id,rank,pid,device_id,device,range_index,start_ns,end_ns,name,metric,value,correlation
    run.perfdb,1,1,0,100,1,0,0,1772366400000000000,1772366400000100000,void conv<float>(int),smsp__sass_thread_inst_executed_op_ffma_pred_on.sum,1500000000.0,10
    ");
    assert_eq!(table.lines().count(), 1 + 2 * 3 * 4);
}
