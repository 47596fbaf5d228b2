//! A fleet as one would measure it: two products, two drivers, good and bad pieces of silicon, noise that is normal, skewed or
//! comes in steps, and faults that are planted.

use serde_json::{Value, json};

/// What is wrong with a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// A GPU computes slower by this share.
    Compute(usize, f64),
    /// The memory of a GPU is slower.
    Memory(usize, f64),
    /// The link of a GPU to the host is slower.
    Link(usize, f64),
    /// All GPUs of the node compute slower.
    Node(f64),
    /// The node's network is slower.
    Network(f64),
    /// A single metric of a GPU is slower.
    Single(usize, f64),
    /// A GPU has no figures.
    Missing(usize),
}

/// Random numbers of a seed.
pub(crate) struct Noise(fastrand::Rng);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0.usize(..bound)
    }

    /// Uniform between two numbers.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.f64()
    }

    /// Standard normal, by Marsaglia's polar method.
    pub(crate) fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (self.between(-1.0, 1.0), self.between(-1.0, 1.0));
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * square.ln() / square).sqrt();
            }
        }
    }

    /// Positive, with a long tail: a log-normal value less its median.
    fn skewed(&mut self) -> f64 {
        (0.5 * self.normal()).exp() - 1.0
    }
}

/// A product with what its benchmarks show.
struct Product {
    name: &'static str,
    bf16: f64,
    fp8: f64,
    step_ms: f64,
    memory: f64,
    link: f64,
    ring: f64,
}

const PRODUCTS: [Product; 2] = [
    Product {
        name: "NVIDIA H200",
        bf16: 790.0,
        fp8: 1450.0,
        step_ms: 212.0,
        memory: 4012.0,
        link: 52.1,
        ring: 480.0,
    },
    Product {
        name: "NVIDIA H100 80GB HBM3",
        bf16: 780.0,
        fp8: 1400.0,
        step_ms: 231.0,
        memory: 2900.0,
        link: 51.4,
        ring: 478.0,
    },
];

/// The name of node number `number`.
pub(crate) fn name(number: usize) -> String {
    format!("gpu{number:04}")
}

/// The document of a node. `spread` is the standard deviation of a benchmark over healthy GPUs, as a share.
pub(crate) fn document(
    number: usize,
    fault: Option<Fault>,
    spread: f64,
    noise: &mut Noise,
) -> Value {
    let product = &PRODUCTS[usize::from(number % 10 >= 7)];
    let driver = if number % 5 == 4 { "570.124.06" } else { "580.82.07" };
    let mut checks = vec![check("nvidia_driver", "host", &json!(driver), None)];
    // Half of the variance is the piece of silicon, which all its benchmarks have in common.
    let part = spread / f64::sqrt(2.0);
    for gpu in 0..8 {
        let target = format!("GPU {gpu}");
        if fault == Some(Fault::Missing(gpu)) {
            continue;
        }
        let lottery = part * noise.normal();
        let slow = |of: fn(Fault, usize) -> f64| 1.0 - fault.map_or(0.0, |fault| of(fault, gpu));
        let compute = slow(|fault, gpu| match fault {
            Fault::Compute(bad, by) if bad == gpu => by,
            Fault::Node(by) => by,
            _ => 0.0,
        });
        let memory = slow(|fault, gpu| match fault {
            Fault::Memory(bad, by) if bad == gpu => by,
            _ => 0.0,
        });
        let link = slow(|fault, gpu| match fault {
            Fault::Link(bad, by) if bad == gpu => by,
            _ => 0.0,
        });
        let single = slow(|fault, gpu| match fault {
            Fault::Single(bad, by) if bad == gpu => by,
            _ => 0.0,
        });
        let mut rate = |name: &str, value: f64, unit: &str| {
            checks.push(check(name, &target, &json!(value), Some(unit)));
        };
        rate(
            "gpu_matmul_bf16",
            product.bf16 * compute * single * (1.0 + lottery + part * noise.normal()),
            "TFLOP/s",
        );
        rate(
            "gpu_matmul_fp8",
            product.fp8 * compute * (1.0 + lottery + part * noise.normal()),
            "TFLOP/s",
        );
        let step = product.step_ms / compute * (1.0 - lottery + 0.8 * part * noise.skewed());
        rate("gpu_train_step", step, "ms");
        let hbm = product.memory * memory;
        rate("gpu_memory_copy", hbm * (1.0 + 0.3 * spread * noise.normal()), "GB/s");
        rate("gpu_memory_triad", 1.03 * hbm * (1.0 + 0.3 * spread * noise.normal()), "GB/s");
        // One decimal, as nvbandwidth and others print it.
        let step = |value: f64| (value * 10.0).round() / 10.0;
        rate("gpu_h2d", step(product.link * link * (1.0 + 0.4 * spread * noise.normal())), "GB/s");
        rate(
            "gpu_d2h",
            step(1.01 * product.link * link * (1.0 + 0.4 * spread * noise.normal())),
            "GB/s",
        );
        checks.push(check("gpu_ecc_errors", &target, &json!(0), Some("uncorrected errors")));
    }
    let network = 1.0 - if let Some(Fault::Network(by)) = fault { by } else { 0.0 };
    let ring = product.ring * (1.0 - 0.6 * spread * noise.skewed());
    checks.push(check("all_reduce_busbw", "host", &json!(ring), Some("GB/s")));
    let fabric = (388.0 * network * (1.0 + 0.3 * spread * noise.normal())).round();
    checks.push(check("ib_write", "host", &json!(fabric), Some("Gb/s")));
    let gpus: Vec<Value> = (0..8)
        .map(|gpu| json!({"index": gpu, "name": product.name, "uuid": format!("GPU-{number}-{gpu}"), "pci": null, "vbios": "96.00.89.00.01"}))
        .collect();
    json!({
        "schema": "perfagent.health/1",
        "host": name(number),
        "time": format!("2026-11-27T12:{:02}:{:02}Z", number / 60 % 20, number % 60),
        "verdict": "ok",
        "gpus": gpus,
        "checks": checks,
    })
}

fn check(name: &str, target: &str, value: &Value, unit: Option<&str>) -> Value {
    json!({
        "name": name, "target": target, "status": "ok", "severity": "none", "value": value, "expected": null, "unit": unit,
        "action": null, "detail": "",
    })
}
