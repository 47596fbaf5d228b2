//! What a device can do at most: as `perfagent ceilings` measured it, or as its datasheet states it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use perfagent_analysis::bus_factor;
use perfagent_predictor::{CEILINGS_SCHEMA, Gpu};
use serde::Deserialize;

/// What the predictor takes for links of GPUs without NVLink: PCIe 4.0 x16 in one direction, bytes a second.
const PCIE: f64 = 25e9;

/// What writes a document of ceilings.
const REMEDY: &str = "write one with perfagent ceilings -o ceilings.json";

/// The rates of one device.
#[derive(Clone, Debug, PartialEq)]
pub struct Ceilings {
    /// Whether it was measured, and where that is written.
    pub origin: Origin,
    /// What the device calls itself.
    pub device: String,
    /// Whether it is a GPU.
    pub is_gpu: bool,
    /// Greatest rates of products, operations a second, by format: `bf16`, `fp32`, …
    pub rates: Vec<(String, f64)>,
    /// Rate of its memory, bytes a second.
    pub memory: f64,
    /// Rate of all its links to other GPUs in one direction, bytes a second, where a datasheet states NVLink.
    pub link: Option<f64>,
    /// What collectives reached, by operation and ranks.
    pub collectives: Vec<Curve>,
}

/// Where ceilings come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// From this file, with its text for those who read more of it.
    Measured(PathBuf, Arc<str>),
    /// From the project's table of datasheets.
    Datasheet,
}

/// Bus bandwidth by message size.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// `all_reduce`, …
    pub op: String,
    /// Ranks.
    pub ranks: Option<i64>,
    /// Message sizes, bytes, and 1e9 bytes/s on the bus, by size.
    pub points: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    device: String,
    memory_bandwidth: Memory,
    #[serde(default)]
    cpu: Option<Part>,
    #[serde(default)]
    cuda: Option<Part>,
}

#[derive(Deserialize)]
struct Memory {
    kernels: Vec<Rate>,
}

#[derive(Deserialize)]
struct Rate {
    median_gbps: f64,
}

#[derive(Default, Deserialize)]
struct Part {
    #[serde(default)]
    matrix_products: Products,
    #[serde(default)]
    collectives: Collectives,
}

#[derive(Default, Deserialize)]
struct Products {
    #[serde(default)]
    dtypes: Vec<OfDtype>,
}

#[derive(Deserialize)]
struct OfDtype {
    dtype: String,
    #[serde(default)]
    best: Option<Product>,
}

#[derive(Deserialize)]
struct Product {
    median_tflops: f64,
}

#[derive(Default, Deserialize)]
struct Collectives {
    #[serde(default)]
    curves: Vec<OfRanks>,
}

#[derive(Deserialize)]
struct OfRanks {
    collective: String,
    ranks: i64,
    #[serde(default)]
    points: Vec<Point>,
}

#[derive(Deserialize)]
struct Point {
    bytes: f64,
    median_ns: f64,
}

impl Ceilings {
    /// Reads a file that `perfagent ceilings` wrote.
    ///
    /// # Errors
    /// What is wrong with it, in one line with its path and the remedy.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: {error}; {REMEDY}", path.display()))?;
        Self::parse(&text, path)
    }

    /// Reads the text of such a file; `path` is where it came from.
    ///
    /// # Errors
    /// As [`Ceilings::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, String> {
        let name = path.display();
        let value: serde_json::Value = serde_json::from_str(text)
            .map_err(|error| format!("{name}: is no JSON ({error}); {REMEDY}"))?;
        match value.get("schema").and_then(serde_json::Value::as_str) {
            Some(CEILINGS_SCHEMA) => {}
            Some(other) => {
                return Err(format!("{name}: is {other}, not {CEILINGS_SCHEMA}; {REMEDY}"));
            }
            None => {
                return Err(format!("{name}: has no \"schema\", so is no ceilings; {REMEDY}"));
            }
        }
        let document: Document = serde_json::from_value(value).map_err(|error| {
            format!("{name}: does not hold what {CEILINGS_SCHEMA} should ({error}); {REMEDY}")
        })?;
        let is_gpu = document.cuda.is_some();
        let part = document.cuda.or(document.cpu).unwrap_or_default();
        let rates = part.matrix_products.dtypes.into_iter().filter_map(|row| {
            let rate = row.best?.median_tflops * 1e12;
            (rate > 0.0).then_some((row.dtype, rate))
        });
        let memory = document.memory_bandwidth.kernels.iter().map(|rate| rate.median_gbps * 1e9);
        let memory = memory.fold(0.0, f64::max);
        if memory <= 0.0 {
            return Err(format!("{name}: has no memory bandwidth; {REMEDY}"));
        }
        Ok(Self {
            origin: Origin::Measured(path.to_owned(), Arc::from(text)),
            device: document.name.unwrap_or(document.device),
            is_gpu,
            rates: rates.collect(),
            memory,
            link: None,
            collectives: part.collectives.curves.into_iter().filter_map(curve).collect(),
        })
    }

    /// What the datasheet of this GPU states; `None` of unknown ones.
    #[must_use]
    pub fn of_datasheet(device: &str) -> Option<Self> {
        let gpu = Gpu::find(device)?;
        let rates = [
            ("fp8", gpu.fp8_rate),
            ("bf16", Some(gpu.half_rate)),
            ("fp16", Some(gpu.half_rate)),
            ("tf32", gpu.tf32_rate),
            ("fp32", Some(gpu.single_rate)),
        ];
        let rates = rates.into_iter().filter_map(|(name, rate)| Some((name.to_owned(), rate?)));
        Some(Self {
            origin: Origin::Datasheet,
            device: gpu.name.clone(),
            is_gpu: true,
            rates: rates.collect(),
            memory: gpu.memory_rate,
            link: Some(gpu.link_rate).filter(|&rate| rate > PCIE),
            collectives: Vec::new(),
        })
    }

    /// Whether it was measured.
    #[must_use]
    pub const fn is_measured(&self) -> bool {
        matches!(self.origin, Origin::Measured(..))
    }

    /// The document's text; `None` of a datasheet.
    #[must_use]
    pub fn text(&self) -> Option<&Arc<str>> {
        match &self.origin {
            Origin::Measured(_, text) => Some(text),
            Origin::Datasheet => None,
        }
    }

    /// `measured: NVIDIA H200 (ceilings.json)`.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.origin {
            Origin::Measured(path, _) => {
                let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
                format!("Measured: {} ({})", self.device, file.unwrap_or_default())
            }
            Origin::Datasheet => format!("Datasheet: {}", self.device),
        }
    }
}

fn curve(of: OfRanks) -> Option<Curve> {
    let factor = bus_factor(&of.collective, Some(of.ranks))?;
    let mut points: Vec<(f64, f64)> = of
        .points
        .iter()
        .filter(|point| point.bytes > 0.0 && point.median_ns > 0.0)
        .map(|point| (point.bytes, factor * point.bytes / point.median_ns))
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    (!points.is_empty()).then_some(Curve { op: of.collective, ranks: Some(of.ranks), points })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Ceilings;

    const TEXT: &str = r#"{"schema":"perfagent.ceilings/1","device":"cuda:0","name":"NVIDIA H200",
        "memory_bandwidth":{"kernels":[{"median_gbps":4100.0},{"median_gbps":4368.0}]},
        "cuda":{"matrix_products":{"dtypes":[{"dtype":"bf16","best":{"median_tflops":690.0}},{"dtype":"fp8_e4m3","best":null}]},
        "collectives":{"curves":[{"collective":"all_reduce","ranks":4,"points":[
            {"bytes":2048,"median_ns":2048},{"bytes":1024,"median_ns":2048}]}]}}}"#;

    #[test]
    fn a_measured_document_gives_rates_and_curves() {
        let ceilings = Ceilings::parse(TEXT, Path::new("c.json")).unwrap();
        assert_eq!(ceilings.rates, [("bf16".to_owned(), 690e12)]);
        assert_eq!((ceilings.memory, ceilings.is_gpu), (4368e9, true));
        // 2 (4 - 1) / 4 = 1.5 times the algorithm's bandwidth.
        assert_eq!(ceilings.collectives[0].points, [(1024.0, 0.75), (2048.0, 1.5)]);
        assert_eq!(ceilings.label(), "Measured: NVIDIA H200 (c.json)");
    }

    #[test]
    fn what_is_no_such_document_is_refused_with_the_remedy() {
        for text in ["", "{}", "[]", r#"{"schema":"x/1"}"#, r#"{"schema":"perfagent.ceilings/1"}"#]
        {
            let told = Ceilings::parse(text, Path::new("c.json")).unwrap_err();
            assert!(told.starts_with("c.json: ") && told.contains("perfagent ceilings"), "{told}");
            assert!(!told.contains('\n'), "{told}");
        }
    }

    #[test]
    fn a_datasheet_is_found_by_the_name_that_the_driver_gives() {
        let ceilings = Ceilings::of_datasheet("NVIDIA H100 80GB HBM3").unwrap();
        let rate = |name: &str| ceilings.rates.iter().find(|(of, _)| of == name).unwrap().1;
        assert!(rate("bf16") > rate("tf32") && rate("tf32") > rate("fp32"));
        assert!(Ceilings::of_datasheet("Voodoo 2").is_none());
    }
}
