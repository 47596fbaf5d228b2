//! Traces that `nsys stats` prints as CSV.

use std::fs;
use std::path::Path;

use perfagent_import::{ImportOptions, import};

use crate::{dump, imported};

const GPU: &str = "\
Start (ns),Duration (ns),CorrId,GrdX,GrdY,GrdZ,BlkX,BlkY,BlkZ,Reg/Trd,StcSMem (MB),DymSMem (MB),Bytes (MB),Throughput (MB/s),SrcMemKd,DstMemKd,Device,Ctx,GreenCtx,Strm,Name
1000,5000,101,160,1,1,256,1,1,32,0.000,0.001,,,,,NVIDIA A10G (0),1,,7,\"burn(float *, int, int)\"
9000,4000,102,,,,,,,,,,4.194,6337.593,Pinned,Device,NVIDIA A10G (0),1,,13,[CUDA memcpy Host-to-Device]
14000,100,103,,,,,,,,,,0.000,-,-,-,NVIDIA A10G (1),2,,7,[CUDA memset]
";

const API: &str = "\
Start (us),Duration (us),Name,Result,CorrID,Pid,Tid,T-Pri,Thread Name
0.500,0.300,cudaLaunchKernel,0,101,4242,4242,20,python3
8.6,0.25,cudaMemcpyAsync,0,102,4242,4243,20,loader
";

/// Imports files of a folder in this order, and returns all rows.
fn imported_all(folder: &Path, names: &[&str]) -> String {
    let output = folder.join("run.perfdb");
    let inputs = names.iter().map(|name| folder.join(name)).collect();
    let imported = import(&ImportOptions { inputs, output: output.clone(), force: true }).unwrap();
    assert_eq!(imported.warnings.len(), 1, "{:?}", imported.warnings);
    dump::rows(&output).replace(&folder.display().to_string(), "")
}

#[test]
fn both_traces_of_a_report_are_one_process() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("run_cuda_gpu_trace.csv"), GPU).unwrap();
    fs::write(folder.path().join("run_cuda_api_trace.csv"), API).unwrap();
    let names = ["run_cuda_gpu_trace.csv", "run_cuda_api_trace.csv"];
    let rows = imported_all(folder.path(), &names);
    insta::assert_snapshot!(rows);
    assert_eq!(imported_all(folder.path(), &[names[1], names[0]]), rows);
}

#[test]
fn all_that_nsys_prints_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "\nNOTICE: Existing SQLite export found: run.sqlite\n        Consider using --force-export=true if needed.\n\n\
         Processing [run.sqlite] with [cuda_gpu_trace.py]... \n{GPU}\n\
         Processing [run.sqlite] with [cuda_api_sum.py]... \nTime (%),Total Time (ns),Num Calls,Avg (ns),Name\n81.2,131,1,131.0,cudaMalloc\n\n\
         Processing [run.sqlite] with [cuda_api_trace.py]... \n{API}"
    );
    fs::write(folder.path().join("run.csv"), text).unwrap();
    insta::assert_snapshot!(imported(folder.path(), "run.csv"));
}

#[test]
fn of_a_damaged_trace_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = GPU
        .replace("1000,5000", "1x00,5000")
        .replace("102,,,", "one hundred,,,")
        .replace("14000,100", "14000.25,-");
    let text = format!(
        "{damaged}20000,5,104,1,1,1,1,1,1,9,,,,,,,NVIDIA A10G (0),1,,7,f\n30000,5,105,1,1,1,1,1"
    );
    fs::write(folder.path().join("run.csv"), text).unwrap();
    insta::assert_snapshot!(imported(folder.path(), "run.csv"));
}

#[test]
fn lengths_and_sizes_below_nothing_are_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("run.csv"),
        GPU.replace("1000,5000", "1000,-5000").replace("4.194", "-4.194"),
    )
    .unwrap();
    let output = folder.path().join("run.perfdb");
    let inputs = vec![folder.path().join("run.csv")];
    let imported = import(&ImportOptions { inputs, output, force: true }).unwrap();
    assert_eq!((imported.files[0].events, imported.files[0].kept), (3, 2));
    let told = |text: &str| imported.warnings.iter().any(|warning| warning.contains(text));
    assert!(told("without a usable time left out (line 2): `-5000`"), "{:?}", imported.warnings);
    assert!(told("no number, which is ignored (line 3): `-4.194`"), "{:?}", imported.warnings);
}

#[test]
fn a_quote_that_is_not_closed_costs_its_line_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "{}20000,5,104,1,1,1,1,1,1,9,,,,,,,NVIDIA A10G (0),1,,7,f\n",
        GPU.replace("int)\"", "int)")
    );
    fs::write(folder.path().join("run.csv"), text).unwrap();
    let output = folder.path().join("run.perfdb");
    let inputs = vec![folder.path().join("run.csv")];
    let imported = import(&ImportOptions { inputs, output, force: true }).unwrap();
    assert_eq!((imported.files[0].events, imported.files[0].kept), (4, 3));
    let told = imported.warnings.iter().filter(|text| text.contains("a quote that is not closed"));
    assert_eq!(told.count(), 1, "{:?}", imported.warnings);
}
