//! The parts of the document of `perfagent ceilings` that are used here; everything else of it is left aside.

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Document {
    pub device: String,
    pub name: Option<String>,
    pub environment: Option<Environment>,
    pub memory_bandwidth: MemoryBandwidth,
    pub cpu: Option<Part>,
    pub cuda: Option<Part>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Environment {
    #[serde(default)]
    pub memory_bytes: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct MemoryBandwidth {
    pub kernels: Vec<Rate>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Rate {
    pub median_gbps: f64,
}

/// What a processor and a GPU both have.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Part {
    #[serde(default)]
    pub cpus: Vec<usize>,
    pub compute_capability: Option<String>,
    pub total_bytes: Option<f64>,
    #[serde(default)]
    pub matrix_products: Products,
    #[serde(default)]
    pub operators: Operators,
    pub single_thread: Option<SingleThread>,
    pub last_level_cache_bytes: Option<f64>,
    #[serde(default)]
    pub collectives: Collectives,
    #[serde(default)]
    pub launch: Vec<Latency>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct SingleThread {
    pub matrix_products: Products,
    pub operators: Operators,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Products {
    pub threads: Option<f64>,
    #[serde(default)]
    pub dtypes: Vec<OfDtype>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct OfDtype {
    pub dtype: String,
    #[serde(default)]
    pub shapes: Vec<Product>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Product {
    #[serde(default)]
    pub sweep: String,
    pub m: f64,
    pub n: f64,
    pub k: f64,
    pub median_tflops: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Operators {
    #[serde(default)]
    pub rows: Vec<OfShape>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct OfShape {
    pub operator: String,
    pub dtype: String,
    pub shape: Vec<f64>,
    pub forward: Latency,
    pub backward: Option<Latency>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Latency {
    pub name: String,
    pub median_ns: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Collectives {
    #[serde(default)]
    pub curves: Vec<OfRanks>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct OfRanks {
    pub collective: String,
    pub ranks: f64,
    #[serde(default)]
    pub points: Vec<Point>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Point {
    pub bytes: f64,
    pub median_ns: f64,
}

/// What no device is outside of: figures beyond are none, and would carry on into predictions.
const GBPS: Bounds = Bounds("median_gbps", 0.0, 1e6);
const TFLOPS: Bounds = Bounds("median_tflops", 0.0, 1e6);
const SIDE: Bounds = Bounds("a side of a shape", 1.0, 1e9);
const NS: Bounds = Bounds("median_ns", 1e-3, 1e15);
const BYTES: Bounds = Bounds("bytes", 0.0, 1e18);
const MEMORY: Bounds = Bounds("the memory's size", 1e6, 1e18);
const RANKS: Bounds = Bounds("ranks", 2.0, 1e6);
const THREADS: Bounds = Bounds("threads", 1.0, 1e6);

/// Name, least and greatest.
struct Bounds(&'static str, f64, f64);

impl Bounds {
    fn hold(&self, values: impl IntoIterator<Item = f64>) -> Result<(), String> {
        let Self(name, least, greatest) = *self;
        match values.into_iter().find(|value| !(least..=greatest).contains(value)) {
            Some(value) => Err(format!("has {value:?} as {name}, which is none")),
            None => Ok(()),
        }
    }
}

impl Document {
    /// Says which figure cannot be one.
    pub(super) fn check(&self) -> Result<(), String> {
        GBPS.hold(self.memory_bandwidth.kernels.iter().map(|rate| rate.median_gbps))?;
        MEMORY.hold(self.environment.iter().filter_map(|of| of.memory_bytes))?;
        for part in self.cpu.iter().chain(&self.cuda) {
            MEMORY.hold(part.total_bytes)?;
            BYTES.hold(part.last_level_cache_bytes)?;
            part.matrix_products.check()?;
            part.operators.check()?;
            if let Some(single) = &part.single_thread {
                single.matrix_products.check()?;
                single.operators.check()?;
            }
            NS.hold(part.launch.iter().map(|row| row.median_ns))?;
            for curve in &part.collectives.curves {
                RANKS.hold([curve.ranks])?;
                BYTES.hold(curve.points.iter().map(|point| point.bytes))?;
                NS.hold(curve.points.iter().map(|point| point.median_ns))?;
            }
        }
        Ok(())
    }
}

impl Products {
    fn check(&self) -> Result<(), String> {
        THREADS.hold(self.threads)?;
        let shapes = || self.dtypes.iter().flat_map(|dtype| &dtype.shapes);
        SIDE.hold(shapes().flat_map(|shape| [shape.m, shape.n, shape.k]))?;
        TFLOPS.hold(shapes().map(|shape| shape.median_tflops))
    }
}

impl Operators {
    fn check(&self) -> Result<(), String> {
        SIDE.hold(self.rows.iter().flat_map(|row| row.shape.iter().copied()))?;
        let times = |row: &OfShape| {
            [Some(row.forward.median_ns), row.backward.as_ref().map(|of| of.median_ns)]
        };
        NS.hold(self.rows.iter().flat_map(times).flatten())
    }
}
