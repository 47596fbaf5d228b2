//! What vendors say that their devices do: `data/gpus.toml`, or another file of that form.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The file that this program carries.
const OWN: &str = include_str!("../../data/gpus.toml");
const OWN_NAME: &str = "data/gpus.toml";

/// A file of datasheets that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatasheetError {
    /// It cannot be read.
    #[error("{file}: cannot be read: {source}; name a file in the form of data/gpus.toml")]
    Unreadable {
        /// The file.
        file: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It has another form.
    #[error("{file}: not in the form of data/gpus.toml: {said}")]
    Malformed {
        /// The file.
        file: String,
        /// What is wrong, and where.
        said: String,
    },
}

/// All that are known.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Datasheets {
    sources: BTreeMap<String, DatasheetSource>,
    gpu: Vec<Datasheet>,
}

/// A document that figures come from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DatasheetSource {
    /// Where it is.
    pub url: String,
    /// Which edition of it.
    pub edition: String,
    /// Where the figures were read if not in the document itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<String>,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Figure<T = f64> {
    /// Its value.
    pub value: T,
    /// The key of its source.
    pub source: String,
    /// Whether it is half of what the source gives, which is with sparsity.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub halved: bool,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a vendor says of one device; `None` of what is not known from a source.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Datasheet {
    /// Its name in a catalogue.
    pub name: String,
    /// What NVML calls it.
    pub names: Vec<String>,
    /// Compute capability.
    pub compute_capability: Option<Figure<String>>,
    /// Memory in 1e9 bytes.
    pub memory_gb: Option<Figure>,
    /// Bandwidth of the memory in 1e9 bytes/s.
    pub memory_bandwidth_gbps: Option<Figure>,
    /// Second-level cache in 2^20 bytes.
    pub l2_mib: Option<Figure>,
    /// Streaming multiprocessors or compute units.
    pub units: Option<Figure>,
    /// Power in watts.
    pub tdp_watts: Option<Figure>,
    /// Bandwidth to other devices in 1e9 bytes/s, both directions together.
    pub nvlink_gbps: Option<Figure>,
    /// Dense rates in 1e12 operations/s: `fp64`, `fp32`, `tf32`, `fp16`, `bf16`, `fp8_e4m3`.
    #[serde(default)]
    pub tflops: BTreeMap<String, Figure>,
}

impl Datasheet {
    /// The dense rate of a format in 1e12 operations/s.
    #[must_use]
    pub fn tflops(&self, dtype: &str) -> Option<f64> {
        self.tflops.get(dtype).map(|figure| figure.value)
    }

    fn sources(&self) -> impl Iterator<Item = &str> {
        let numbers = [
            &self.memory_gb,
            &self.memory_bandwidth_gbps,
            &self.l2_mib,
            &self.units,
            &self.tdp_watts,
            &self.nvlink_gbps,
        ];
        let numbers = numbers.into_iter().flatten().chain(self.tflops.values());
        let capability = self.compute_capability.iter().map(|figure| figure.source.as_str());
        numbers.map(|figure| figure.source.as_str()).chain(capability)
    }
}

impl Datasheets {
    /// Those of `file`, else those that this program carries.
    pub fn load(file: Option<&Path>) -> Result<Self, DatasheetError> {
        let Some(path) = file else { return Self::parse(OWN_NAME, OWN) };
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&file, &text),
            Err(source) => Err(DatasheetError::Unreadable { file, source }),
        }
    }

    fn parse(file: &str, text: &str) -> Result<Self, DatasheetError> {
        let malformed = |said: String| DatasheetError::Malformed { file: file.to_owned(), said };
        let sheets: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            malformed(format!("line {line}: {}", error.message().replace('\n', " ")))
        })?;
        for gpu in &sheets.gpu {
            if let Some(unknown) = gpu.sources().find(|key| !sheets.sources.contains_key(*key)) {
                return Err(malformed(format!("{}: no [sources.{unknown}]", gpu.name)));
            }
            let known = ["fp64", "fp32", "tf32", "fp16", "bf16", "fp8_e4m3"];
            if let Some(dtype) = gpu.tflops.keys().find(|dtype| !known.contains(&dtype.as_str())) {
                return Err(malformed(format!("{}: no format is called {dtype}", gpu.name)));
            }
            let numbers = gpu.tflops.values().chain(&gpu.memory_bandwidth_gbps);
            if let Some(wrong) = numbers.into_iter().find(|figure| !is_rate(figure.value)) {
                return Err(malformed(format!("{}: {} is no rate", gpu.name, wrong.value)));
            }
        }
        Ok(sheets)
    }

    /// That of the device which NVML calls so.
    #[must_use]
    pub fn of(&self, device: &str) -> Option<&Datasheet> {
        let bare =
            |name: &str| name.strip_prefix("NVIDIA ").unwrap_or(name).trim().to_ascii_lowercase();
        let wanted = bare(device);
        self.gpu.iter().find(|gpu| gpu.names.iter().any(|name| bare(name) == wanted))
    }

    /// The document behind a figure.
    #[must_use]
    pub fn source(&self, key: &str) -> Option<&DatasheetSource> {
        self.sources.get(key)
    }
}

fn is_rate(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Datasheet, Datasheets, Figure};

    fn own() -> Datasheets {
        Datasheets::load(None).unwrap()
    }

    #[test]
    fn every_device_is_plausible() {
        let sheets = own();
        assert!(sheets.gpu.len() >= 25);
        let value = |figure: &Option<Figure>| figure.as_ref().map(|figure| figure.value);
        let within = |gpu: &Datasheet, figure: Option<f64>, low: f64, high: f64| {
            assert!(figure.is_none_or(|value| (low..=high).contains(&value)), "{gpu:?}");
        };
        for gpu in &sheets.gpu {
            assert!(gpu.memory_bandwidth_gbps.is_some() && gpu.memory_gb.is_some(), "{gpu:?}");
            within(gpu, value(&gpu.memory_bandwidth_gbps), 200.0, 10_000.0);
            within(gpu, value(&gpu.memory_gb), 8.0, 300.0);
            within(gpu, value(&gpu.l2_mib), 1.0, 256.0);
            within(gpu, value(&gpu.units), 20.0, 320.0);
            within(gpu, value(&gpu.tdp_watts), 50.0, 1500.0);
            within(gpu, value(&gpu.nvlink_gbps), 100.0, 2000.0);
            let rate = |dtype| gpu.tflops(dtype);
            // Tensor cores: half the width, twice the rate at most; sparse figures would break these.
            if let (Some(half), Some(brain)) = (rate("fp16"), rate("bf16")) {
                assert!((half / brain - 1.0).abs() < 0.01, "{gpu:?}");
            }
            if let (Some(half), Some(eight)) = (rate("fp16"), rate("fp8_e4m3")) {
                assert!((1.9..2.1).contains(&(eight / half)), "{gpu:?}");
            }
            if let (Some(half), Some(tf32)) = (rate("fp16"), rate("tf32")) {
                assert!((1.9..2.1).contains(&(half / tf32)), "{gpu:?}");
            }
            if let (Some(half), Some(single)) = (rate("fp16"), rate("fp32")) {
                assert!((1.9..33.0).contains(&(half / single)), "{gpu:?}");
            }
        }
    }

    #[test]
    fn names_are_unique_and_sources_are_used() {
        let sheets = own();
        let names: Vec<_> = sheets.gpu.iter().flat_map(|gpu| &gpu.names).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        let catalogue: HashSet<_> = sheets.gpu.iter().map(|gpu| &gpu.name).collect();
        assert_eq!(catalogue.len(), sheets.gpu.len());
        let used: HashSet<_> = sheets.gpu.iter().flat_map(Datasheet::sources).collect();
        for (key, source) in &sheets.sources {
            assert!(used.contains(key.as_str()), "{key} is not used");
            assert!(source.url.starts_with("https://") && !source.edition.is_empty(), "{key}");
        }
    }

    #[test]
    fn nvmls_names_find_their_datasheets() {
        let sheets = own();
        for (device, name) in [
            ("NVIDIA H200", "H200"),
            ("NVIDIA H100 80GB HBM3", "H100 SXM"),
            ("NVIDIA H100 PCIe", "H100 PCIe"),
            ("NVIDIA A100-SXM4-80GB", "A100 SXM 80 GB"),
            ("A100-SXM4-40GB", "A100 SXM 40 GB"),
            ("Tesla V100-SXM2-16GB", "V100 SXM2 16 GB"),
            ("Tesla T4", "T4"),
            ("NVIDIA L40S", "L40S"),
            ("NVIDIA L40", "L40"),
            ("NVIDIA GeForce RTX 4090", "GeForce RTX 4090"),
            ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada"),
        ] {
            assert_eq!(sheets.of(device).map(|gpu| gpu.name.as_str()), Some(name), "{device}");
        }
        assert!(sheets.of("NVIDIA H20").is_none(), "not the H200");
        assert!(sheets.of("").is_none());
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_with_its_place() {
        let source = "[sources.a]\nurl = \"https://a\"\nedition = \"1\"\n";
        let gpu = "[[gpu]]\nname = \"X\"\nnames = []\n";
        for (text, said) in [
            ("gpu = 3", "f.toml: not in the form of data/gpus.toml: line 1: "),
            (&format!("{source}{gpu}speed = 1\n")[..], "line 7: unknown field `speed`"),
            (
                &format!("{source}{gpu}tflops.fp16 = {{ value = 1.0, source = \"b\" }}\n"),
                "X: no [sources.b]",
            ),
            (
                &format!("{source}{gpu}tflops.fp17 = {{ value = 1.0, source = \"a\" }}\n"),
                "X: no format is called fp17",
            ),
            (
                &format!("{source}{gpu}tflops.fp16 = {{ value = -1.0, source = \"a\" }}\n"),
                "X: -1 is no rate",
            ),
        ] {
            let refused = Datasheets::parse("f.toml", text).unwrap_err().to_string();
            assert!(refused.contains(said), "{refused}");
        }
        let refused = Datasheets::load(Some("no/such.toml".as_ref())).unwrap_err().to_string();
        assert!(refused.starts_with("no/such.toml: cannot be read"), "{refused}");
    }
}
