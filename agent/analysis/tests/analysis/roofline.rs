//! Roofline points: on operators made by hand and on real traces.

use perfagent_analysis::report;
use perfagent_analysis::report::RooflineRow;

use crate::builder::Builder;
use crate::traces;

fn of(run: &Builder) -> Vec<RooflineRow> {
    report(&run.recording, "any").ranks[0].roofline.clone()
}

/// An operator with shapes and types.
fn operator(run: &mut Builder, name: &str, span: (i64, i64), shapes: &str, types: Option<&str>) {
    let process = perfagent_recording::ProcessId(1);
    run.operator(process, "main", name, span);
    let (shapes, types) = (run.text(shapes), types.map(|types| run.text(types)));
    assert!(run.recording.operators.change_last(|operator| {
        (operator.shapes_id, operator.types_id) = (shapes, types);
    }));
}

const TYPES: &str = r#"["float", "c10::BFloat16", "c10::BFloat16"]"#;

#[test]
fn the_innermost_operator_stands_for_the_work_on_the_gpu() {
    let mut run = Builder::new("record");
    let rank = run.process(1, None, None);
    for start in [0, 100] {
        operator(&mut run, "aten::linear", (start, start + 50), "[[2, 3], [4, 3], [4]]", None);
        operator(
            &mut run,
            "aten::addmm",
            (start + 10, start + 40),
            "[[4], [2, 3], [3, 4]]",
            Some(TYPES),
        );
        run.call(rank, "main", "cudaLaunchKernel", (start + 20, start + 22), start);
        run.kernel(rank, (0, 7), "gemm", (start + 1000, start + 1004), Some(start));
    }
    // What launches nothing, and what has no known work.
    operator(&mut run, "aten::mm", (300, 310), "[[2, 3], [3, 4]]", None);
    operator(&mut run, "aten::add", (320, 330), "[[2, 3], [2, 3]]", None);
    let points = of(&run);
    assert_eq!(points.len(), 1, "{points:?}");
    let point = &points[0];
    assert_eq!(
        (point.name.as_str(), point.shapes.as_str()),
        ("aten::addmm", "[[4], [2, 3], [3, 4]]")
    );
    assert_eq!(point.dtype.as_deref(), Some("c10::BFloat16"));
    // Twice 2·2·3·4 in 8 ns; 4 floats and 6 + 12 + 8 numbers of two bytes.
    assert_eq!((point.count, point.flops, point.time_ns), (2, 96, 8));
    assert_eq!(point.bytes, Some(2 * (4 * 4 + 26 * 2)));
    assert!((point.tflops - 0.012).abs() < 1e-12 && (point.gbps.unwrap() - 17.0).abs() < 1e-12);
    assert!((point.intensity.unwrap() - 96.0 / 136.0).abs() < 1e-12);
}

#[test]
fn without_a_gpu_the_time_is_the_operators_own() {
    let mut run = Builder::new("record");
    run.process(1, None, None);
    operator(&mut run, "aten::mm", (0, 100), "[[2, 3], [3, 4]]", None);
    operator(&mut run, "aten::copy_", (10, 40), "[[2, 3], [2, 3]]", None);
    operator(&mut run, "aten::gelu", (200, 300), "[[2, 3]]", None);
    assert!(run.recording.operators.change_last(|row| row.flops = Some(50)));
    let points = of(&run);
    let found: Vec<_> = points
        .iter()
        .map(|point| (point.name.as_str(), point.flops, point.time_ns, point.bytes))
        .collect();
    assert_eq!(found, [("aten::gelu", 50, 100, None), ("aten::mm", 48, 70, None)]);
}

/// Peaks of dense arithmetic in the format that the models use, from NVIDIA's and AMD's data sheets. A point above would be
/// work that is counted twice or time that is missing.
#[test]
fn no_point_of_a_real_trace_is_above_the_peak_of_its_gpu() {
    for (name, peak) in [
        ("v100_resnet50_2021.json.gz", 125.0),
        ("a100_sendrecv_rank0.json.gz", 312.0),
        ("h100_qwen_memory.json.gz", 989.0),
        ("h100_bert_small.json.gz", 989.0),
        ("mi300x_resnet_rccl.json.gz", 1307.0),
    ] {
        let Some(recording) = traces::load(name) else {
            println!("skipped: no folder shared/traces beside the repository");
            return;
        };
        let report = report(&recording, name);
        let points = &report.ranks[0].roofline;
        assert!(!points.is_empty(), "{name}");
        println!("{name}: {} points", points.len());
        for point in points.iter().take(3) {
            println!("    {point:?}");
        }
        let best = points.iter().map(|point| point.tflops).fold(0.0, f64::max);
        assert!(best < peak, "{name}: {best}");
        println!("    best {best} TFLOP/s of {peak}");
    }
}
