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
