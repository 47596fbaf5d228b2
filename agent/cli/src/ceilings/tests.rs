//! The page and the JSON of a GPU, from a result that is made up: every figure is round.

use perfagent_kernels::cpu::Processor;
use perfagent_kernels::cuda::{Accelerator, BySize, Curve, CurvePoint, Peak, Peer, Peers};
use perfagent_kernels::{
    Ceilings, Collective, Collectives, Comparison, Compute, Conditions, Datasheets, Effort,
    Environment, Interval, Latency, MemoryBandwidth, Method, OfDtype, OfRanks, OfShape, Operators,
    Power, Product, Products, Rate, Shape, Stopped,
};

use super::page;
use crate::page::Form;

pub(super) fn interval(median: f64) -> Interval {
    Interval { low: median * 0.995, high: median * 1.005, coverage: 0.96 }
}

pub(super) fn rate(name: &'static str, median: f64) -> Rate {
    Rate {
        name,
        bytes: 1 << 30,
        repetitions: 12,
        best_gbps: median * 1.01,
        median_gbps: median,
        interval_gbps: Some(interval(median)),
        stopped: Stopped::Tight,
        mean_watts: Some(300.0),
    }
}

fn compute(median: f64) -> Compute {
    Compute {
        operations: 1e12,
        repetitions: 12,
        best_tflops: median * 1.01,
        median_tflops: median,
        interval_tflops: Some(interval(median)),
        stopped: Stopped::Tight,
        mean_watts: Some(500.0),
    }
}

fn latency(name: &'static str, median: f64) -> Latency {
    Latency {
        name: name.into(),
        repetitions: 200,
        best_ns: median * 0.9,
        median_ns: median,
        interval_ns: Some(interval(median)),
        stopped: Stopped::Repetitions,
    }
}

fn curve(name: &'static str, in_cache: f64, in_memory: f64) -> Curve {
    let point = |size: u64, median| CurvePoint {
        working_set_bytes: size,
        passes: 1,
        rate: rate(name, median),
    };
    Curve { name, points: vec![point(2 << 20, in_cache), point(1 << 30, in_memory)] }
}

fn products() -> Products {
    let product = |m, median| Product {
        sweep: "large".into(),
        shape: Shape { m, n: 4096, k: 2048 },
        in_a_row: 1,
        compute: compute(median),
    };
    let shapes = vec![product(8192, 700.0), product(4096, 600.0)];
    let measured = OfDtype {
        dtype: "bf16".into(),
        output: "bf16".into(),
        reason: None,
        best: shapes.first().cloned(),
        sustained: Some(product(8192, 650.0)),
        shapes,
        left_out: 3,
    };
    let lacking = OfDtype {
        dtype: "fp8_e4m3".into(),
        output: "bf16".into(),
        reason: Some(
            "fp8_e4m3 in tensor cores needs compute capability 8.9, this device has 8.0".to_owned(),
        ),
        best: None,
        sustained: None,
        shapes: Vec::new(),
        left_out: 0,
    };
    Products {
        convention: "2 m n k operations".into(),
        threads: None,
        library: Some("cuBLASLt 13.0.0".to_owned()),
        reason: None,
        dtypes: vec![measured, lacking],
    }
}

pub(super) fn made_up(name: &str) -> Ceilings {
    let conditions = Conditions {
        sm_clock_mhz: Some(1500),
        memory_clock_mhz: Some(2500),
        temperature_celsius: Some(60),
        throttle_reasons: Some(vec!["power cap"]),
    };
    let kernels = ["copy", "scale", "add", "triad"].map(|name| rate(name, 2000.0)).into();
    Ceilings {
        device: "cuda:0".to_owned(),
        name: Some(name.to_owned()),
        method: Method::of(Effort::Quick),
        environment: Environment {
            host_cpu: Some("Test CPU".to_owned()),
            kernel: Some("6.1.0".to_owned()),
            driver_version: Some("600.00".to_owned()),
            gpu_uuid: Some("GPU-00000000-0000-0000-0000-000000000000".to_owned()),
            power_limit_watts: Some(700),
            ..Environment::default()
        },
        power: Power {
            method: Some("made up"),
            reason: None,
            before: Some(Conditions { throttle_reasons: Some(Vec::new()), ..conditions.clone() }),
            after: Some(conditions),
        },
        memory_bandwidth: MemoryBandwidth {
            convention: "STREAM",
            array_bytes: 1 << 30,
            threads: None,
            kernels,
        },
        cpu: None,
        cuda: Some(Accelerator {
            compute_capability: "9.0".to_owned(),
            multiprocessors: 100,
            total_bytes: 100 << 30,
            l2_cache_bytes: 50 << 20,
            driver_cuda_version: "13.0".to_owned(),
            nvrtc_version: "13.0".to_owned(),
            bandwidth_by_size: BySize {
                convention: "every byte counts",
                kernels: vec![
                    curve("read", 5000.0, 2200.0),
                    curve("write", 4000.0, 2100.0),
                    curve("copy", 4500.0, 2000.0),
                    curve("triad", 4400.0, 2050.0),
                ],
            },
            copies: vec![rate("host_to_device", 50.0), rate("device_to_host", 50.0)],
            pageable_copies: vec![rate("host_to_device", 10.0), rate("device_to_host", 10.0)],
            peer_copies: Peers {
                reason: None,
                peers: vec![Peer {
                    device: "cuda:1".to_owned(),
                    direct: true,
                    copies: vec![rate("to_peer", 300.0), rate("from_peer", 300.0)],
                }],
            },
            launch: vec![latency("launch_call", 2000.0), latency("graph_node", 1000.0)],
            multiply_add: vec![
                Peak { dtype: "fp32", compute: compute(50.0) },
                Peak { dtype: "fp64", compute: compute(25.0) },
            ],
            matrix_products: products(),
            collectives: Collectives {
                convention: "as nccl-tests".into(),
                library: None,
                reason: Some("collectives need two GPUs, this machine shows one".to_owned()),
                curves: Vec::new(),
            },
        }),
    }
}

#[test]
fn the_page_of_a_gpu() {
    insta::assert_snapshot!(page(&made_up("Test GPU"), None).render(Form::Text));
}

/// Times of 100 µs and a nanosecond a byte.
fn collectives() -> Collectives {
    let sizes = [1 << 10, 1 << 14, 1 << 18, 1 << 22];
    let time = |bytes: u64| (bytes, latency("all_reduce", 1e5 + bytes as f64));
    let curve = OfRanks::new(Collective::AllReduce, 2, sizes.map(time).into());
    Collectives {
        library: Some("Gloo of libtorch 2.11.0".to_owned()),
        reason: None,
        curves: vec![curve],
        ..Collectives::none("as nccl-tests", String::new())
    }
}

fn operators() -> Operators {
    let row = |rows: u64, nanos: f64| OfShape {
        operator: "gelu".into(),
        dtype: "fp32".into(),
        shape: vec![rows, 512],
        forward: latency("forward", nanos),
        backward: Some(latency("backward", 2.0 * nanos)),
    };
    Operators {
        convention: "one call".into(),
        threads: Some(2),
        library: Some("libtorch 2.11.0".to_owned()),
        reason: None,
        rows: vec![row(1, 2e3), row(1024, 5e5)],
    }
}

fn made_up_processor() -> Ceilings {
    let processor = Processor {
        cpus: vec![0, 1],
        caches: Vec::new(),
        last_level_cache_bytes: Some(32 << 20),
        matrix_products: Products {
            threads: Some(2),
            library: Some("libtorch 2.11.0".to_owned()),
            ..products()
        },
        operators: operators(),
        single_thread: None,
        collectives: collectives(),
    };
    Ceilings { device: "cpu".to_owned(), cpu: Some(processor), cuda: None, ..made_up("Test CPU") }
}

#[test]
fn the_page_of_a_processor() {
    insta::assert_snapshot!(page(&made_up_processor(), None).render(Form::Text));
}

#[test]
fn a_processor_without_libtorch_says_why() {
    let mut ceilings = made_up_processor();
    let cpu = ceilings.cpu.as_mut().unwrap();
    cpu.set_torch(Err("perfagent-bench: is not there".to_owned()));
    let text = page(&ceilings, None).render(Form::Text);
    assert_eq!(text.matches("Not measured: perfagent-bench: is not there.").count(), 3, "{text}");
}

#[test]
fn the_json_of_a_gpu() {
    insta::assert_json_snapshot!(made_up("Test GPU"));
}

#[test]
fn without_nvml_the_page_says_why_power_is_unknown() {
    let mut ceilings = made_up("Test GPU");
    ceilings.power =
        Power { method: None, reason: Some("no NVML".to_owned()), before: None, after: None };
    let text = page(&ceilings, None).render(Form::Text);
    assert!(text.contains("unknown: no NVML"), "{text}");
}

#[test]
fn a_known_device_is_held_against_its_datasheet() {
    let ceilings = made_up("NVIDIA H200");
    let comparison = Comparison::of(&ceilings, &Datasheets::load(None).unwrap()).unwrap();
    let shares: Vec<_> = comparison
        .figures
        .iter()
        .map(|figure| {
            format!(
                "{}: {:.1} of {:.1} {}",
                figure.what, figure.measured, figure.stated, figure.unit
            )
        })
        .collect();
    insta::assert_snapshot!(shares.join("\n"), @"
    memory copy: 2000.0 of 4800.0 GB/s
    memory triad: 2000.0 of 4800.0 GB/s
    fp32 multiply-add: 50.0 of 67.0 TFLOP/s
    fp64 multiply-add: 25.0 of 34.0 TFLOP/s
    bf16 matrix product: 700.0 of 989.0 TFLOP/s
    ");
    for figure in &comparison.figures {
        assert!((figure.pct - 100.0 * figure.measured / figure.stated).abs() < 1e-9);
        assert!(figure.source.is_some());
    }
    let text = page(&ceilings, Some(&comparison)).render(Form::Text);
    assert!(text.contains("bf16 matrix product") && text.contains("989.0 TFLOP/s"), "{text}");
}
