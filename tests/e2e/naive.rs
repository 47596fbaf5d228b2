//! A recorded training run, reported and computed a second time in the most obvious way.

use perfagent_naive::differences;
use perfagent_tests::Bed;
use serde_json::Value;

/// Two ranks of a GPT: every figure of the report is the one that `tests/naive` finds in the same file.
#[test]
fn the_report_of_a_training_run_has_the_figures_of_the_naive_computation() {
    let bed = Bed::new();
    let mut arguments = ["record", "-o", "run.perfdb", "--"].map(str::to_owned).to_vec();
    arguments.extend(bed.training(
        "--preset nano --seq 64 --vocab 512 --micro-batch 2 --precision bf16 --nproc 2 --steps 4",
    ));
    let _ = bed.perfagent(&arguments).success();
    let report = bed.perfagent(["report", "run.perfdb", "--json"]).success().json();

    let expected = perfagent_naive::ranks(&bed.path("run.perfdb"));
    assert_eq!(expected.len(), 2, "two ranks, and the launcher is none");
    for rank in &expected {
        for table in ["kernels", "operators", "collectives", "steps"] {
            assert_ne!(rank[table].as_array().map_or(0, Vec::len), 0, "{table}");
        }
        assert!(rank["comm_ns"].as_i64() > Some(0) && rank["compute_ns"].as_i64() > Some(0));
    }
    assert_eq!(differences(&report["ranks"], &Value::Array(expected)), [] as [&str; 0]);
}
