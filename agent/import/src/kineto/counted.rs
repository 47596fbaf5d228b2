//! Traces with hardware counters in every form that PyTorch gives them, built here event by event.

use std::fmt::Write as _;

use perfagent_recording::{Recording, Writer};

use super::collect::Collector;
use super::document::read;
use crate::hosts::Hosts;
use crate::trace::write;
use crate::window::Window;

const FFMA: &str = "smsp__sass_thread_inst_executed_op_ffma_pred_on.sum";

/// A kernel with its counters on the track of a GPU, as PyTorch writes it: no stream, no correlation.
fn range(name: &str, gpu: u32, ts: u32, args: &str) -> String {
    format!(
        r#"{{"ph": "X", "cat": "cuda_profiler_range", "name": "{name}", "pid": {gpu}, "tid": 0, "ts": {ts}.000, "dur": 10.000, "args": {{{args}}}}}"#
    )
}

fn call(name: &str, thread: u32, (ts, dur): (u32, u32), correlation: u32) -> String {
    format!(
        r#"{{"ph": "X", "cat": "cuda_runtime", "name": "{name}", "pid": 41, "tid": {thread}, "ts": {ts}.000, "dur": {dur}.000, "args": {{"cbid": 211, "correlation": {correlation}}}}}"#
    )
}

fn trace(events: &[String]) -> Collector {
    let text = format!(r#"{{"traceEvents": [{}]}}"#, events.join(", "));
    read(&mut Window::new(text.as_bytes())).unwrap_or_else(|why| panic!("no trace: {why:?}"))
}

/// What the recording has of the counters, a line a row.
fn rows(collector: &Collector) -> String {
    let mut writer = Writer::in_memory();
    write(&collector.trace, &mut writer, &mut Hosts::default()).unwrap();
    let recording: Recording = writer.into_recording().unwrap();
    let mut lines = String::new();
    for row in &recording.kernel_counters {
        let device = row.device_id.map(|id| recording.device(id).unwrap().ordinal);
        let (name, metric) =
            (recording.strings.get(row.name_id), recording.strings.get(row.metric_id));
        let (start, end) = (row.start_ns.unix_nanos(), row.end_ns.unix_nanos());
        let _ = writeln!(
            lines,
            "{} GPU {device:?} {start}..{end} {name} {metric} {:?} call {:?}",
            row.range_index, row.value, row.correlation
        );
    }
    lines
}

fn warnings(collector: &Collector) -> String {
    collector.problems.warnings().into_iter().map(|warning| warning.text + "\n").collect()
}

/// Of two threads that launch in turn, and of one launch whose driver call is recorded too.
#[test]
fn kernels_find_their_launches_by_their_order() {
    let collector = trace(&[
        call("cudaLaunchKernel", 7, (30, 5), 3),
        call("cudaLaunchKernel", 41, (10, 5), 1),
        call("cuLaunchKernel", 41, (11, 3), 9),
        call("cudaMemcpyAsync", 41, (16, 2), 2),
        call("cudaLaunchKernel", 41, (40, 5), 4),
        range(
            "gemm<float>(int)",
            0,
            100,
            &format!(r#""{FFMA}": 1234.0, "dram__bytes_read.sum": 5e3"#),
        ),
        range("add", 0, 110, &format!(r#""{FFMA}": 0, "dram__bytes_read.sum": 18014398509481984"#)),
        range(
            "gemm<float>(int)",
            0,
            120,
            &format!(r#""External id": 5, "{FFMA}": "7", "sm__throughput.avg.pct": 12.25"#),
        ),
    ]);
    insta::assert_snapshot!(rows(&collector), @"
    0 GPU Some(0) 100000..110000 gemm<float>(int) smsp__sass_thread_inst_executed_op_ffma_pred_on.sum 1234.0 call Some(1)
    0 GPU Some(0) 100000..110000 gemm<float>(int) dram__bytes_read.sum 5000.0 call Some(1)
    1 GPU Some(0) 110000..120000 add smsp__sass_thread_inst_executed_op_ffma_pred_on.sum 0.0 call Some(3)
    1 GPU Some(0) 110000..120000 add dram__bytes_read.sum 1.8014398509481984e16 call Some(3)
    2 GPU Some(0) 120000..130000 gemm<float>(int) smsp__sass_thread_inst_executed_op_ffma_pred_on.sum 7.0 call Some(4)
    2 GPU Some(0) 120000..130000 gemm<float>(int) sm__throughput.avg.pct 12.25 call Some(4)
    ");
    assert_eq!(warnings(&collector), "");
    assert_eq!((collector.trace.kept(), collector.left_out().len()), (8, 0));
}

/// Names are those of the calls that PyTorch sees, whichever kernels were launched between them.
#[test]
fn launches_that_pytorch_does_not_see_make_names_doubtful() {
    let collector = trace(&[
        call("cudaLaunchKernel", 41, (10, 5), 1),
        call("cuLaunchKernel", 41, (20, 5), 2),
        call("cudaLaunchKernelExC", 41, (30, 5), 3),
        range("first", 0, 100, r#""a__b.sum": 1"#),
        range("1", 0, 110, r#""a__b.sum": 2"#),
        range("2", 0, 120, r#""a__b.sum": 3"#),
    ]);
    insta::assert_snapshot!(rows(&collector) + &warnings(&collector), @"
    0 GPU Some(0) 100000..110000 first a__b.sum 1.0 call Some(1)
    1 GPU Some(0) 110000..120000 1 a__b.sum 2.0 call Some(2)
    2 GPU Some(0) 120000..130000 2 a__b.sum 3.0 call Some(3)
    of 3 kernels whose counters were measured, cudaLaunchKernel launched 1: PyTorch does not see the names of others, and from the first of these on the names of kernels may be wrong (byte 483)
    ");
}

/// As Holistic Trace Analysis has it.
#[test]
fn calls_of_the_runtime_alone_may_be_as_many() {
    let collector = trace(&[
        call("cudaLaunchKernel", 41, (10, 5), 1),
        call("cuLaunchKernel", 41, (20, 5), 2),
        range("first", 0, 100, r#""a__b.sum": 1"#),
    ]);
    insta::assert_snapshot!(rows(&collector) + &warnings(&collector), @"
    0 GPU Some(0) 100000..110000 first a__b.sum 1.0 call Some(1)
    counters were measured of 1 kernel, taken for those that cudaLaunchKernel launched: of 2 calls in all that launch kernels, as many are of it (byte 325)
    ");
}

#[test]
fn other_numbers_leave_the_launches_unknown() {
    let collector = trace(&[
        call("cudaLaunchKernel", 41, (10, 5), 1),
        range("f", 0, 100, r#""a__b.sum": 1"#),
        range("g", 0, 110, r#""a__b.sum": 2"#),
    ]);
    insta::assert_snapshot!(rows(&collector) + &warnings(&collector), @"
    0 GPU Some(0) 100000..110000 f a__b.sum 1.0 call None
    1 GPU Some(0) 110000..120000 g a__b.sum 2.0 call None
    counters were measured of 2 kernels, and the trace has 1 call that would launch them: which counters are of which launch, and so of which operator, is not known (byte 172)
    ");
}

/// Both GPUs have the same made-up times.
#[test]
fn on_several_gpus_order_says_nothing() {
    let collector = trace(&[
        call("cudaLaunchKernel", 41, (10, 5), 1),
        call("cudaLaunchKernel", 41, (20, 5), 2),
        range("g", 1, 100, r#""a__b.sum": 2"#),
        range("f", 0, 100, r#""a__b.sum": 1"#),
    ]);
    insta::assert_snapshot!(rows(&collector) + &warnings(&collector), @"
    1 GPU Some(1) 100000..110000 g a__b.sum 2.0 call None
    0 GPU Some(0) 100000..110000 f a__b.sum 1.0 call None
    kernels were measured on several GPUs, and no launch says on which one: of their counters the operators are not known (byte 327)
    ");
}

/// Without `profiler_measure_per_kernel` there is one range, and mostly nothing else.
#[test]
fn a_whole_stretch_has_no_launch() {
    let alone = trace(&[range("__profile__", 0, 100, &format!(r#""{FFMA}": 1e18"#))]);
    let beside = trace(&[
        call("cudaLaunchKernel", 41, (10, 5), 1),
        range("__profile__", 0, 100, &format!(r#""{FFMA}": 1e18"#)),
    ]);
    insta::assert_snapshot!(rows(&alone) + &rows(&beside), @"
    0 GPU Some(0) 100000..110000 __profile__ smsp__sass_thread_inst_executed_op_ffma_pred_on.sum 1e18 call None
    0 GPU Some(0) 100000..110000 __profile__ smsp__sass_thread_inst_executed_op_ffma_pred_on.sum 1e18 call None
    ");
    assert_eq!(warnings(&alone) + &warnings(&beside), "");
}

/// C++ writes `nan` and `inf`, which are no JSON.
#[test]
fn what_is_no_number_is_left_out_and_counted() {
    let collector = trace(&[
        range("f", 0, 100, r#""a.sum": nan, "b.sum": 1.5, "c.sum": -inf, "d.sum": NaN"#),
        range(
            "g",
            0,
            110,
            r#""a.sum": "high", "b.sum": 1e400, "c.sum": null, "d.sum": [1], "e.sum": {"x": 1}, "f.sum": true"#,
        ),
        range("h", 0, 120, r#""a.sum": 1e300, "b.sum": -1.7976931348623157e308, "a.sum": 2"#),
    ]);
    insta::assert_snapshot!(rows(&collector) + &warnings(&collector), @"
    0 GPU Some(0) 100000..110000 f b.sum 1.5 call None
    2 GPU Some(0) 120000..130000 h a.sum 2.0 call None
    2 GPU Some(0) 120000..130000 h b.sum -1.7976931348623157e308 call None
    9 values of hardware counters that are no numbers left out, the first at byte 17: `a.sum` is `null`
    1 event kept that are not valid JSON, at byte 17: NaN or Infinity, taken as unknown
    counters were measured of 3 kernels, and the trace has 0 calls that would launch them: which counters are of which launch, and so of which operator, is not known (byte 17)
    ");
}

/// Category last, arguments first; arguments that are none; old and odd spellings.
#[test]
fn the_order_of_keys_does_not_matter() {
    let collector = trace(&[
        r#"{"args": {"a.sum": 1}, "ts": 5, "dur": 1, "tid": 0, "pid": "0", "name": "f", "ph": "X", "cat": "CUDA_PROFILER_RANGE"}"#.to_owned(),
        r#"{"args": [1], "ts": 6, "dur": 1, "tid": 0, "pid": 41234, "name": "g", "ph": "X", "cat": "cuda_profiler_range"}"#.to_owned(),
        r#"{"args": {"a.sum": 2}, "ts": 7, "dur": 1, "tid": 0, "pid": 41234, "name": "g", "ph": "X", "cat": "cuda_profiler_range"}"#.to_owned(),
        r#"{"ts": 8, "name": "h", "ph": "X", "cat": "cuda_profiler_range"}"#.to_owned(),
        r#"{"args": {"a.sum": 3}, "name": "no time", "ph": "X", "cat": "cuda_profiler_range"}"#.to_owned(),
        r#"{"ts": 8, "name": "begins", "ph": "B", "cat": "cuda_profiler_range"}"#.to_owned(),
    ]);
    insta::assert_snapshot!(rows(&collector) + &warnings(&collector), @"
    3 GPU Some(0) 5000..6000 f a.sum 1.0 call None
    1 GPU None 7000..8000 g a.sum 2.0 call None
    1 event without a usable time left out, at byte 434: it has no `ts`
    kernels were measured on several GPUs, and no launch says on which one: of their counters the operators are not known (byte 17)
    ");
    assert_eq!(collector.left_out()["cuda_profiler_range"], 1);
}

/// Calls share a number, or have none.
#[test]
fn a_correlation_that_names_no_single_call_is_not_used() {
    let collector = trace(&[
        call("cudaLaunchKernel", 41, (10, 5), 1),
        call("cudaLaunchKernel", 41, (20, 5), 1),
        call("cudaLaunchKernel", 41, (30, 5), 2),
        call("cudaLaunchKernel", 41, (40, 0), 3),
        call("cudaLaunchKernel", 41, (40, 0), 4),
        r#"{"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 41, "tid": 41, "ts": 50, "dur": 1}"#.to_owned(),
        range("a", 0, 100, r#""x.sum": 1"#),
        range("b", 0, 110, r#""x.sum": 1"#),
        range("c", 0, 120, r#""x.sum": 1"#),
        range("d", 0, 130, r#""x.sum": 1"#),
        range("e", 0, 140, r#""x.sum": 1"#),
        range("f", 0, 150, r#""x.sum": 1"#),
    ]);
    insta::assert_snapshot!(rows(&collector) + &warnings(&collector), @"
    0 GPU Some(0) 100000..110000 a x.sum 1.0 call Some(1)
    1 GPU Some(0) 110000..120000 b x.sum 1.0 call None
    2 GPU Some(0) 120000..130000 c x.sum 1.0 call Some(2)
    3 GPU Some(0) 130000..140000 d x.sum 1.0 call Some(3)
    4 GPU Some(0) 140000..150000 e x.sum 1.0 call Some(4)
    5 GPU Some(0) 150000..160000 f x.sum 1.0 call None
    no number of its own (`correlation`) has the launch of 2 kernels whose counters were measured: of which operator these are is not known (byte 898)
    ");
}
