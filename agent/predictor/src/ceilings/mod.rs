//! What was measured of a device, as `perfagent ceilings` tells it: products by shape, operators, memory, launches,
//! collectives by ranks and size.

mod document;
mod line;
mod operators;
mod products;
mod surface;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::gpu::{Generation, Gpu, plain};
use document::{Document, Part};
use line::Line;
pub(crate) use operators::Operators;
pub(crate) use products::Products;

/// The name and version of the document.
pub const SCHEMA: &str = "perfagent.ceilings/1";

/// What writes one.
const REMEDY: &str = "write one with perfagent ceilings -o ceilings.json";

/// What GPUs reach of the rate of products that their vendors state, at most: 794.5 of 989 TFLOP/s on an H100
/// (stas00/ml-engineering). Of a GPU without a datasheet the measured rate is taken for this share of it.
pub(crate) const OF_STATED: f64 = 0.8;
/// The same of memory, whose copies reach 4,368 of 4,800 GB/s on an H200 (`data/h200/results-c.json`).
pub(crate) const OF_STATED_MEMORY: f64 = 0.91;

/// Products and operators by format.
#[derive(Clone, Debug, Default, PartialEq)]
struct Work {
    products: BTreeMap<String, Products>,
    operators: BTreeMap<String, Operators>,
}

impl Work {
    fn of(products: &document::Products, operators: &document::Operators) -> Self {
        let products = products
            .dtypes
            .iter()
            .filter_map(|row| Some((row.dtype.clone(), Products::of(&row.shapes)?)))
            .collect();
        let operators = ["fp32", "bf16"]
            .map(|dtype| (dtype.to_owned(), Operators::of(&operators.rows, dtype)))
            .into_iter()
            .filter(|(_, operators)| !operators.is_empty())
            .collect();
        Self { products, operators }
    }
}

/// A device as it was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Ceilings {
    /// As it was asked for: `cpu`, `cuda:0`.
    device: String,
    /// What it calls itself.
    name: String,
    gpu: Arc<Gpu>,
    /// Threads that multiplied, of a processor.
    pub(crate) threads: f64,
    /// Bytes a second that its memory gives and takes.
    pub(crate) memory_rate: f64,
    /// Seconds of the call that launches a kernel.
    pub(crate) launch: Option<f64>,
    /// Bytes of its last-level cache, of a processor.
    pub(crate) cache: f64,
    all: Work,
    single_thread: Option<Work>,
    /// By collective: ranks, and times over bytes.
    collectives: BTreeMap<String, Vec<(f64, Line)>>,
}

impl Ceilings {
    /// Reads the answer of `perfagent ceilings`.
    ///
    /// # Errors
    ///
    /// What is wrong with `text`, and the remedy.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document: Value = serde_json::from_str(text)
            .map_err(|error| format!("is no JSON ({error}); {REMEDY}"))?;
        match document.get("schema").and_then(Value::as_str) {
            Some(SCHEMA) => {}
            Some(other) => return Err(format!("is {other}, not {SCHEMA}; {REMEDY}")),
            None => return Err(format!("has no \"schema\", so these are no ceilings; {REMEDY}")),
        }
        let document: Document = serde_json::from_value(document)
            .map_err(|error| format!("does not hold what {SCHEMA} should ({error}); {REMEDY}"))?;
        Self::of(document)
    }

    fn of(document: Document) -> Result<Self, String> {
        document.check().map_err(|why| format!("{why}; {REMEDY}"))?;
        let rates = document.memory_bandwidth.kernels.iter().map(|rate| rate.median_gbps * 1e9);
        let memory_rate = rates.fold(0.0, f64::max);
        if memory_rate <= 0.0 {
            return Err(format!("has no memory bandwidth; {REMEDY}"));
        }
        let is_processor = document.cpu.is_some();
        let part = document.cuda.or(document.cpu);
        let part = part.ok_or_else(|| format!("is of no device; {REMEDY}"))?;
        let all = Work::of(&part.matrix_products, &part.operators);
        let single_thread =
            part.single_thread.as_ref().map(|of| Work::of(&of.matrix_products, &of.operators));
        let mut collectives = BTreeMap::<String, Vec<(f64, Line)>>::new();
        for curve in &part.collectives.curves {
            let points = curve.points.iter().map(|point| (point.bytes, point.median_ns / 1e9));
            let line = Line::of(points.collect());
            if !line.is_empty() {
                collectives.entry(curve.collective.clone()).or_default().push((curve.ranks, line));
            }
        }
        for curves in collectives.values_mut() {
            curves.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        let name = document.name.clone().unwrap_or_else(|| document.device.clone());
        let memory = document.environment.and_then(|environment| environment.memory_bytes);
        let gpu = if is_processor {
            processor(&name, &all.products, memory_rate, memory)
        } else {
            Gpu::shared(&name).or_else(|| unlisted(&name, &part, &all.products, memory_rate))
        };
        let gpu = gpu.ok_or_else(|| {
            format!("has no products of fp32, so {name} cannot be predicted; {REMEDY}")
        })?;
        let of_launch = part.launch.iter().find(|row| row.name == "launch_call");
        Ok(Self {
            device: document.device,
            name,
            gpu,
            threads: part.matrix_products.threads.unwrap_or(part.cpus.len().max(1) as f64),
            memory_rate,
            launch: of_launch.map(|row| row.median_ns / 1e9),
            cache: part.last_level_cache_bytes.unwrap_or(0.0),
            all,
            single_thread,
            collectives,
        })
    }

    /// The device's peaks: of the datasheet where there is one.
    pub(crate) fn gpu(&self) -> &Arc<Gpu> {
        &self.gpu
    }

    /// What the device calls itself.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether they are of a processor.
    #[must_use]
    pub fn is_of_processor(&self) -> bool {
        self.gpu.is_processor()
    }

    /// Whether a job on what it calls `name` runs on such a device.
    pub(crate) fn are_of(&self, name: &str) -> bool {
        let wanted = plain(name);
        wanted == plain(&self.name)
            || wanted == plain(&self.device)
            || (self.is_of_processor() && wanted == "cpu")
            || Gpu::find(name).is_some_and(|gpu| gpu.name == self.gpu.name)
    }

    /// Products in this format.
    pub(crate) fn products(&self, format: &str) -> Option<&Products> {
        self.all.products.get(format)
    }

    /// Operators of numbers of this format.
    pub(crate) fn operators(&self, format: &str) -> Option<&Operators> {
        self.all.operators.get(format)
    }

    /// Products in one format and operators of another, of one thread; none where those were not measured.
    pub(crate) fn of_one_thread(
        &self,
        format: &str,
        numbers: &str,
    ) -> Option<(&Products, &Operators, &Operators)> {
        let of = self.single_thread.as_ref()?;
        Some((of.products.get(format)?, of.operators.get(numbers)?, of.operators.get("fp32")?))
    }

    /// Seconds of a collective of so many bytes between so many ranks, by the curve of the nearest number of them; more
    /// where ranks are more: each passes on what is the others'.
    pub(crate) fn collective(&self, name: &str, ranks: f64, bytes: f64) -> Option<f64> {
        let curves = self.collectives.get(name)?;
        let off = |curve: &&(f64, Line)| (curve.0 / ranks).ln().abs();
        let (measured, line) = curves.iter().min_by(|a, b| off(a).total_cmp(&off(b)))?;
        let more = ((ranks - 1.0) / (measured - 1.0).max(1.0)).max(1.0);
        Some(line.seconds(bytes) * more)
    }
}

/// A processor has no datasheet here: its peaks are what was measured.
fn processor(
    name: &str,
    products: &BTreeMap<String, Products>,
    memory_rate: f64,
    memory: Option<f64>,
) -> Option<Arc<Gpu>> {
    let single = products.get("fp32")?.best;
    let half = products.get("bf16").map_or(single, |products| products.best);
    Some(Arc::new(Gpu {
        name: name.to_owned(),
        generation: Generation::Processor,
        memory_bytes: memory.unwrap_or(f64::INFINITY),
        memory_rate,
        half_rate: half,
        single_rate: single,
        tf32_rate: None,
        fp8_rate: None,
        link_rate: memory_rate,
    }))
}

/// A GPU that the project has no datasheet of, as far as its measurements say what one would.
fn unlisted(
    name: &str,
    part: &Part,
    products: &BTreeMap<String, Products>,
    memory_rate: f64,
) -> Option<Arc<Gpu>> {
    let stated = |format: &str| products.get(format).map(|products| products.best / OF_STATED);
    let single = stated("fp32").or_else(|| stated("tf32"))?;
    Some(Arc::new(Gpu {
        name: name.to_owned(),
        generation: Generation::of(part.compute_capability.as_deref().unwrap_or("")),
        memory_bytes: part.total_bytes.unwrap_or(f64::INFINITY),
        memory_rate: memory_rate / OF_STATED_MEMORY,
        half_rate: stated("bf16").or_else(|| stated("fp16")).unwrap_or(single),
        single_rate: single,
        tf32_rate: stated("tf32"),
        fp8_rate: stated("fp8_e4m3"),
        link_rate: crate::gpu::PCIE_RATE,
    }))
}
