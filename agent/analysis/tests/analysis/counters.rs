//! Hardware counters by kernel and operator.

use perfagent_analysis::report;
use perfagent_analysis::report::{Basis, KernelCounterRow, KernelCounters};
use perfagent_recording::Recording;

use crate::builder::Builder;

const FFMA: &str = "smsp__sass_thread_inst_executed_op_ffma_pred_on.sum";
const HADD: &str = "smsp__sass_thread_inst_executed_op_hadd_pred_on.sum";
const READ: &str = "dram__bytes_read.sum";
const WRITE: &str = "dram__bytes_write.sum";

/// A convolution in two operators around it, twice the same and once by itself; a kernel outside of every operator; one without
/// a launch; one whose launch ends after its operator, which does not enclose it.
fn run() -> Recording {
    let mut run = Builder::new("import");
    let rank = run.process(1, Some(0), Some(1));
    run.operator(rank, "main", "aten::conv2d", (0, 100));
    run.operator(rank, "main", "aten::_convolution", (10, 50));
    run.operator(rank, "main", "aten::_convolution", (200, 260));
    run.operator(rank, "other", "aten::mul", (0, 1000));
    run.call(rank, "main", "cudaLaunchKernel", (10, 20), 1);
    run.call(rank, "main", "cudaLaunchKernel", (30, 50), 2);
    run.call(rank, "main", "cudaLaunchKernel", (210, 220), 3);
    run.call(rank, "main", "cudaLaunchKernel", (300, 310), 4);
    run.call(rank, "main", "cudaLaunchKernel", (250, 270), 5);
    for (index, metric, value) in [
        (0, FFMA, 100.0),
        (0, READ, 512.0),
        (0, WRITE, 32.0),
        (1, FFMA, 50.0),
        (1, READ, 0.0),
        (1, WRITE, 56.0),
        (2, FFMA, 1.0),
        (2, READ, 8.0),
    ] {
        run.kernel_counter(rank, (index, "conv"), (metric, value), Some(index + 1));
    }
    run.kernel_counter(rank, (3, "fill"), (HADD, 9_007_199_254_740_992.0), Some(4));
    run.kernel_counter(rank, (4, "late"), ("sm__throughput.avg.pct", 12.5), Some(5));
    run.kernel_counter(rank, (5, "lone"), ("sm__throughput.avg.pct", 2.5), Some(77));
    run.kernel_counter(rank, (6, "lone"), ("sm__throughput.avg.pct", 7.5), None);
    run.recording
}

fn of(recording: &Recording) -> KernelCounters {
    report(recording, "run.perfdb").ranks[0].kernel_counters.clone().unwrap()
}

fn line(row: &KernelCounterRow) -> String {
    let metrics: Vec<String> = (row.metrics.iter())
        .map(|row| {
            format!(
                "{} {} {:?} {:?} {}..{}",
                row.name, row.ranges, row.sum, row.mean, row.min, row.max
            )
        })
        .collect();
    format!(
        "{} in {:?} ({:?} to {:?}) {} {:?} FLOP {:?} B {:?}\n  {}\n",
        row.name,
        row.operators,
        row.top_operator.as_deref().unwrap_or("-"),
        row.bottom_operator.as_deref().unwrap_or("-"),
        row.ranges,
        row.flops,
        row.dram_bytes,
        row.intensity,
        metrics.join("\n  ")
    )
}

#[test]
fn kernels_are_told_apart_by_the_operators_around_their_launch() {
    let counters = of(&run());
    let rows: String = counters.rows.iter().map(line).collect();
    insta::assert_snapshot!(rows, @r#"
    fill in [] ("-" to "-") 1 Some(9007199254740992) FLOP None B None
      smsp__sass_thread_inst_executed_op_hadd_pred_on.sum 1 Some(9007199254740992.0) Some(9007199254740992.0) 9007199254740992..9007199254740992
    conv in ["aten::conv2d", "aten::_convolution"] ("aten::conv2d" to "aten::_convolution") 2 Some(300) FLOP Some(600) B Some(0.5)
      dram__bytes_read.sum 2 Some(512.0) Some(256.0) 0..512
      dram__bytes_write.sum 2 Some(88.0) Some(44.0) 32..56
      smsp__sass_thread_inst_executed_op_ffma_pred_on.sum 2 Some(150.0) Some(75.0) 50..100
    conv in ["aten::_convolution"] ("aten::_convolution" to "aten::_convolution") 1 Some(2) FLOP None B None
      dram__bytes_read.sum 1 Some(8.0) Some(8.0) 8..8
      smsp__sass_thread_inst_executed_op_ffma_pred_on.sum 1 Some(1.0) Some(1.0) 1..1
    lone in [] ("-" to "-") 2 None FLOP None B None
      sm__throughput.avg.pct 2 Some(10.0) Some(5.0) 2.5..7.5
    late in [] ("-" to "-") 1 None FLOP None B None
      sm__throughput.avg.pct 1 Some(12.5) Some(12.5) 12.5..12.5
    "#);
    let of_all = (counters.ranges, counters.without_launch, counters.without_operator);
    assert_eq!(of_all, (7, 2, 2));
    assert_eq!(counters.uncounted_flops, ["dadd", "dmul", "dfma", "fadd", "fmul", "hmul", "hfma"]);
}

/// A whole stretch by itself is a rank, too, whatever else the run has.
#[test]
fn a_rank_may_have_nothing_but_counters() {
    let mut run = Builder::new("import");
    let counted = run.process(1, Some(0), Some(2));
    run.kernel_counter(counted, (0, "__profile__"), (FFMA, 5.0), None);
    let alone = report(&run.recording, "run.perfdb");
    let other = run.process(2, Some(1), Some(2));
    run.kernel(other, (0, 7), "gemm", (0, 10), None);
    let both = report(&run.recording, "run.perfdb");
    assert_eq!(both.ranks[0], alone.ranks[0]);
    assert_eq!(both.ranks[0].basis, Basis::Ranges);
    assert_eq!(both.ranks[1].kernel_counters, None);
    let row = &alone.ranks[0].kernel_counters.as_ref().unwrap().rows[0];
    assert_eq!((row.flops, row.dram_bytes, row.top_operator.as_deref()), (Some(10), None, None));
    let document = serde_json::to_string(&both.ranks[1]).unwrap();
    assert!(!document.contains("kernel_counters"), "{document}");
}

#[test]
fn numbers_that_are_too_large_are_not_known() {
    let mut run = Builder::new("import");
    let rank = run.process(1, Some(0), Some(1));
    for (index, value) in [(0, f64::MAX), (1, f64::MAX), (2, -1.0)] {
        run.kernel_counter(rank, (index, "f"), (FFMA, value), None);
    }
    let counters = of(&run.recording);
    let (row, metric) = (&counters.rows[0], &counters.rows[0].metrics[0]);
    assert_eq!((row.flops, metric.sum, metric.mean), (None, None, None));
    assert_eq!((metric.min, metric.max), (-1.0, f64::MAX));
}
