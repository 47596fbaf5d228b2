//! What a GPU can do at most, from the project's table of datasheets.

use std::sync::{Arc, OnceLock};

use serde::Deserialize;

/// The table that this crate carries.
const TABLE: &str = include_str!("../../../data/gpus.toml");

/// Peaks of a GPU as its vendor states them: dense, in SI units.
#[derive(Clone, Debug, PartialEq)]
pub struct Gpu {
    /// Name in the table.
    pub name: String,
    /// Which generation's constants apply.
    pub generation: Generation,
    /// Memory, bytes.
    pub memory_bytes: f64,
    /// Rate of memory, bytes a second.
    pub memory_rate: f64,
    /// Rate of products in 16 bits, operations a second.
    pub half_rate: f64,
    /// Rate in fp32, operations a second.
    pub single_rate: f64,
    /// Rate in TF32 where there is one.
    pub tf32_rate: Option<f64>,
    /// Rate in 8 bits where there is one.
    pub fp8_rate: Option<f64>,
    /// Rate of NVLink in one direction, bytes a second; of PCIe where there is none.
    pub link_rate: f64,
}

/// Architecture of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Generation {
    /// Compute capability 7.0.
    Volta,
    /// 7.5 and older than Volta.
    Other,
    /// 8.x.
    Ampere,
    /// 9.x.
    Hopper,
    /// 10.x and later.
    Blackwell,
    /// No GPU: the host's processor.
    Processor,
}

impl Generation {
    /// The one of a compute capability, such as `9.0`.
    pub(crate) fn of(capability: &str) -> Self {
        if capability == "7.0" {
            return Self::Volta;
        }
        let major = capability.split('.').next().and_then(|major| major.parse::<u32>().ok());
        match major.unwrap_or(0) {
            8 => Self::Ampere,
            9 => Self::Hopper,
            10.. => Self::Blackwell,
            _ => Self::Other,
        }
    }

    /// Its name in the calibration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Volta => "volta",
            Self::Other => "older",
            Self::Ampere => "ampere",
            Self::Hopper => "hopper",
            Self::Blackwell => "blackwell",
            Self::Processor => "processor",
        }
    }
}

/// PCIe 4.0 x16 in one direction, bytes a second: what joins GPUs without NVLink.
pub(crate) const PCIE_RATE: f64 = 25e9;

#[derive(Deserialize)]
struct Table {
    gpu: Vec<Row>,
}

#[derive(Deserialize)]
struct Figure<T> {
    value: T,
}

#[derive(Deserialize)]
struct Row {
    name: String,
    names: Vec<String>,
    compute_capability: Option<Figure<String>>,
    memory_gb: Option<Figure<f64>>,
    memory_bandwidth_gbps: Option<Figure<f64>>,
    nvlink_gbps: Option<Figure<f64>>,
    #[serde(default)]
    tflops: std::collections::BTreeMap<String, Figure<f64>>,
}

fn table() -> &'static [(Arc<Gpu>, Vec<String>)] {
    static TABLE_READ: OnceLock<Vec<(Arc<Gpu>, Vec<String>)>> = OnceLock::new();
    TABLE_READ.get_or_init(|| {
        let rows = toml::from_str::<Table>(TABLE).map(|table| table.gpu).unwrap_or_default();
        rows.into_iter()
            .filter_map(|row| {
                let mut names: Vec<String> = row.names.iter().map(|name| plain(name)).collect();
                names.push(plain(&row.name));
                Some((Arc::new(Gpu::of(row)?), names))
            })
            .collect()
    })
}

/// Letters and digits only, small, without the vendor.
pub(crate) fn plain(name: &str) -> String {
    let small = name.to_lowercase();
    let small = small.strip_prefix("nvidia ").unwrap_or(&small);
    small.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// What published tables call GPUs, and what they are called here.
const ALIASES: [(&str, &str); 14] = [
    ("a100", "a100sxm80gb"),
    ("a10080gb", "a100sxm80gb"),
    ("a10040gb", "a100sxm40gb"),
    ("a100sxm480gb", "a100sxm80gb"),
    ("h100", "h100sxm"),
    ("h10080gb", "h100sxm"),
    ("h100sxm580gb", "h100sxm"),
    ("v100", "v100sxm232gb"),
    ("v10032gb", "v100sxm232gb"),
    ("v10016gb", "v100sxm216gb"),
    ("h200141gb", "h200"),
    ("gh200", "gh20096gb"),
    ("b200180gb", "b200"),
    ("b200192gb", "b200"),
];

impl Gpu {
    /// The GPU of this name, as NVML, a datasheet or a published table says it.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        Self::entry(name).map(AsRef::as_ref)
    }

    /// The same, to be held.
    pub(crate) fn shared(name: &str) -> Option<Arc<Self>> {
        Self::entry(name).cloned()
    }

    /// Whether it is the host's processor.
    #[must_use]
    pub fn is_processor(&self) -> bool {
        self.generation == Generation::Processor
    }

    fn entry(name: &str) -> Option<&'static Arc<Self>> {
        let wanted = plain(name);
        let wanted = ALIASES
            .iter()
            .find(|(alias, _)| *alias == wanted)
            .map_or(wanted.as_str(), |(_, own)| *own);
        table()
            .iter()
            .find(|(_, names)| names.iter().any(|name| name == wanted))
            .map(|(gpu, _)| gpu)
    }

    /// The names that are known.
    pub fn known() -> impl Iterator<Item = &'static str> {
        table().iter().map(|(gpu, _)| gpu.name.as_str())
    }

    fn of(row: Row) -> Option<Self> {
        let rate = |key: &str| row.tflops.get(key).map(|figure| figure.value * 1e12);
        let single_rate = rate("fp32")?;
        let capability = row.compute_capability.map_or_else(String::new, |figure| figure.value);
        let generation = Generation::of(&capability);
        Some(Self {
            name: row.name,
            generation,
            memory_bytes: row.memory_gb?.value * 1e9,
            memory_rate: row.memory_bandwidth_gbps?.value * 1e9,
            half_rate: rate("bf16").or_else(|| rate("fp16")).unwrap_or(single_rate),
            single_rate,
            tf32_rate: rate("tf32"),
            fp8_rate: rate("fp8_e4m3").or_else(|| rate("fp8")),
            link_rate: row.nvlink_gbps.map_or(PCIE_RATE, |figure| figure.value * 1e9 / 2.0),
        })
    }
}
