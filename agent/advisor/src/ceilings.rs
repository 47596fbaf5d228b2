//! What a device can do at most, as far as advice needs it.

use serde::Deserialize;

use perfagent_analysis::Report;
use perfagent_analysis::report::Basis;

/// The name and version of the document that [`Ceilings`] is read from.
pub const CEILINGS_SCHEMA: &str = "perfagent.ceilings/1";

/// A device's ceilings, from the answer of `perfagent ceilings`; everything else of that document is left aside.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Ceilings {
    /// Always [`CEILINGS_SCHEMA`].
    pub schema: String,
    /// The machine.
    pub host: String,
    /// `cpu`, or `cuda:0` and so on.
    pub device: String,
    /// What the device calls itself.
    pub name: Option<String>,
    memory_bandwidth: MemoryBandwidth,
    cpu: Option<Part>,
    cuda: Option<Part>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct MemoryBandwidth {
    kernels: Vec<Rate>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Rate {
    median_gbps: f64,
}

/// What a processor and a GPU both have.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
struct Part {
    #[serde(default)]
    matrix_products: Products,
    #[serde(default)]
    collectives: Collectives,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
struct Products {
    threads: Option<usize>,
    #[serde(default)]
    dtypes: Vec<OfDtype>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct OfDtype {
    dtype: String,
    best: Option<Product>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Product {
    median_tflops: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
struct Collectives {
    #[serde(default)]
    curves: Vec<OfRanks>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct OfRanks {
    collective: String,
    ranks: i64,
    fit: Option<Line>,
}

/// `alpha + beta * bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub(crate) struct Line {
    alpha_us: f64,
    beta_ns_per_byte: f64,
}

impl Line {
    /// The time of one message of so many bytes.
    pub(crate) fn nanos(self, bytes: f64) -> f64 {
        self.alpha_us * 1e3 + self.beta_ns_per_byte * bytes
    }
}

impl Ceilings {
    fn part(&self) -> Option<&Part> {
        self.cuda.as_ref().or(self.cpu.as_ref())
    }

    /// Whether they are of a GPU.
    pub(crate) const fn is_of_gpu(&self) -> bool {
        self.cuda.is_some()
    }

    /// Whether operations of this rank ran on such a device.
    pub(crate) fn are_of(&self, basis: Basis) -> bool {
        self.is_of_gpu() == (basis == Basis::Gpu)
    }

    /// The highest median rate of its memory, 1e9 bytes/s.
    pub(crate) fn memory_gbps(&self) -> Option<f64> {
        let rates = self.memory_bandwidth.kernels.iter().map(|rate| rate.median_gbps);
        rates.max_by(f64::total_cmp).filter(|rate| *rate > 0.0)
    }

    /// The highest median rates of matrix products of numbers that PyTorch calls `dtype`, 1e12 operations/s. Products of fp32
    /// may have been made in tf32: then there are two.
    pub(crate) fn product_tflops(&self, dtype: &str) -> Vec<f64> {
        let names = names(dtype);
        let rows = self.part().map_or(&[][..], |part| &part.matrix_products.dtypes);
        let rate = |name: &&str| {
            let row = rows.iter().find(|row| row.dtype == **name)?;
            row.best.as_ref().map(|best| best.median_tflops).filter(|rate| *rate > 0.0)
        };
        names.iter().filter_map(rate).collect()
    }

    /// Threads that multiplied, of a processor.
    fn threads(&self) -> Option<usize> {
        self.part()?.matrix_products.threads
    }

    /// The line of a collective between so many ranks.
    pub(crate) fn collective(&self, op: &str, ranks: i64) -> Option<Line> {
        let curves = &self.part()?.collectives.curves;
        curves.iter().find(|curve| curve.collective == op && curve.ranks == ranks)?.fit
    }

    /// Numbers of ranks that there are lines for.
    pub(crate) fn rank_counts(&self) -> Vec<i64> {
        let curves = self.part().map_or(&[][..], |part| &part.collectives.curves);
        let mut counts: Vec<_> = curves.iter().map(|curve| curve.ranks).collect();
        counts.sort_unstable();
        counts.dedup();
        counts
    }

    /// What they do not say about this run.
    pub(crate) fn limits(&self, report: &Report) -> Vec<String> {
        let name = self.name.as_deref().unwrap_or("unnamed");
        let threads = self
            .threads()
            .map_or_else(String::new, |count| format!(", products with {count} threads"));
        let mut limits = vec![format!(
            "Ceilings are those of {} ({name}) of {}: medians of operations that run alone{threads}.",
            self.device, self.host
        )];
        let hosts = report.ranks.iter().map(|rank| rank.host.as_str());
        if let Some(other) = hosts.into_iter().find(|host| !host.is_empty() && *host != self.host) {
            limits.push(format!(
                "The run was on {other}, not on {}: its ceilings may be others.",
                self.host
            ));
        }
        limits
    }
}

/// The formats of `perfagent ceilings` that numbers of PyTorch's name are multiplied in.
fn names(dtype: &str) -> &'static [&'static str] {
    let dtype =
        dtype.strip_prefix("c10::").or_else(|| dtype.strip_prefix("torch.")).unwrap_or(dtype);
    match dtype {
        "float" | "float32" => &["fp32", "tf32"],
        "Half" | "half" | "float16" => &["fp16"],
        "BFloat16" | "bfloat16" => &["bf16"],
        other if other.to_ascii_lowercase().starts_with("float8") => &["fp8_e4m3"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn formats_are_found_under_all_of_pytorchs_names() {
        for (dtype, found) in [
            ("float", &["fp32", "tf32"][..]),
            ("torch.float32", &["fp32", "tf32"]),
            ("c10::Half", &["fp16"]),
            ("c10::BFloat16", &["bf16"]),
            ("Float8_e4m3fn", &["fp8_e4m3"]),
            ("float8_e5m2", &["fp8_e4m3"]),
            ("double", &[]),
        ] {
            assert_eq!(names(dtype), found, "{dtype}");
        }
    }
}
