//! The operators as points.

use std::collections::BTreeMap;

use perfagent_analysis::report::{Rank, RooflineRow};

use crate::model::ceilings::Ceilings;

/// What holds an operator up at its intensity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Its ceiling is the bandwidth of memory.
    Memory,
    /// Its ceiling is the rate of products.
    Compute,
}

impl Bound {
    /// Its name.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Memory => "Memory",
            Self::Compute => "Compute",
        }
    }
}

/// An operator on inputs of one shape and type.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The operator's name.
    pub name: String,
    /// The shapes of its inputs.
    pub shapes: String,
    /// The format that it calculates in, as ceilings call it: `bf16`; the framework's name of others; empty when unknown.
    pub precision: String,
    /// How often it ran.
    pub count: i64,
    /// Of all runs, ns.
    pub time_ns: i64,
    /// Operations a second.
    pub rate: f64,
    /// Bytes a second.
    pub memory_rate: Option<f64>,
    /// Operations a byte; `None` where the bytes are unknown.
    pub intensity: Option<f64>,
    /// The greatest rate that the device has at this intensity, and what limits it there.
    pub ceiling: Option<(f64, Bound)>,
}

impl Point {
    /// What it reached of its ceiling, 0 to 1 (more where the ceiling is another device's).
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        self.ceiling.map(|(ceiling, _)| self.rate / ceiling)
    }
}

/// The operators of these ranks together, the one that took most time first.
#[must_use]
pub fn points<'a>(
    ranks: impl Iterator<Item = &'a Rank>,
    ceilings: Option<&Ceilings>,
) -> Vec<Point> {
    let mut sums: BTreeMap<(&str, &str, Option<&str>), RooflineRow> = BTreeMap::new();
    for rank in ranks {
        for row in &rank.roofline {
            let key = (row.name.as_str(), row.shapes.as_str(), row.dtype.as_deref());
            let empty = || RooflineRow { bytes: Some(0), ..RooflineRow::default() };
            let sum = sums.entry(key).or_insert_with(empty);
            sum.count += row.count;
            sum.flops = sum.flops.saturating_add(row.flops);
            sum.time_ns = sum.time_ns.saturating_add(row.time_ns);
            sum.bytes = sum.bytes.zip(row.bytes).map(|(sum, bytes)| sum.saturating_add(bytes));
        }
    }
    let mut points: Vec<Point> = sums
        .into_iter()
        .filter(|(_, sum)| sum.time_ns > 0 && sum.flops > 0)
        .map(|((name, shapes, dtype), sum)| {
            let seconds = sum.time_ns as f64 / 1e9;
            let bytes = sum.bytes.filter(|&bytes| bytes > 0).map(|bytes| bytes as f64);
            let rate = sum.flops as f64 / seconds;
            let precision = precision(dtype.unwrap_or_default());
            let intensity = bytes.map(|bytes| sum.flops as f64 / bytes);
            Point {
                name: name.to_owned(),
                shapes: shapes.to_owned(),
                count: sum.count,
                time_ns: sum.time_ns,
                rate,
                memory_rate: bytes.map(|bytes| bytes / seconds),
                intensity,
                ceiling: ceilings
                    .zip(intensity)
                    .and_then(|(of, intensity)| ceiling(of, &precision, intensity, rate)),
                precision,
            }
        })
        .collect();
    points.sort_by_key(|point| std::cmp::Reverse(point.time_ns));
    points
}

/// The greatest rate at an intensity. Numbers that are called fp32 may be multiplied in tf32: what is faster than fp32 can be was.
fn ceiling(
    ceilings: &Ceilings,
    precision: &str,
    intensity: f64,
    rate: f64,
) -> Option<(f64, Bound)> {
    let of = |format: &str| peak(ceilings, format);
    let peak = match precision {
        "fp32" => of("fp32").filter(|&peak| rate <= peak).or_else(|| of("tf32")).or(of("fp32")),
        other => of(other),
    }?;
    let by_memory = intensity * ceilings.memory;
    Some(if by_memory < peak { (by_memory, Bound::Memory) } else { (peak, Bound::Compute) })
}

/// The peak of a format; what one document calls fp8, another calls by its layout.
pub(super) fn peak(ceilings: &Ceilings, format: &str) -> Option<f64> {
    let is_it = |name: &str| name == format || (format == "fp8" && name.starts_with("fp8"));
    ceilings.rates.iter().find(|(name, _)| is_it(name)).map(|(_, rate)| *rate)
}

/// What ceilings call the numbers that a framework calls `dtype`.
#[must_use]
pub fn precision(dtype: &str) -> String {
    let name =
        dtype.strip_prefix("c10::").or_else(|| dtype.strip_prefix("torch.")).unwrap_or(dtype);
    let small = name.to_ascii_lowercase();
    match small.as_str() {
        "float" | "float32" => "fp32".to_owned(),
        "half" | "float16" => "fp16".to_owned(),
        "bfloat16" => "bf16".to_owned(),
        "double" | "float64" => "fp64".to_owned(),
        other if other.starts_with("float8") => "fp8".to_owned(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use perfagent_analysis::report::{Rank, RooflineRow};

    use super::{Bound, points, precision};
    use crate::model::ceilings::Ceilings;

    fn ranks() -> [Rank; 2] {
        let row = |name: &str, dtype: &str, flops, bytes, time_ns| RooflineRow {
            name: name.to_owned(),
            dtype: Some(dtype.to_owned()),
            count: 1,
            flops,
            bytes,
            time_ns,
            ..RooflineRow::default()
        };
        let first = Rank {
            roofline: vec![
                row("aten::mm", "c10::BFloat16", 4_000_000_000, Some(1_000_000), 10_000),
                row("aten::bmm", "float", 1_000_000, Some(1_000_000), 1_000),
            ],
            ..Rank::default()
        };
        let second = Rank {
            roofline: vec![
                row("aten::mm", "c10::BFloat16", 4_000_000_000, Some(1_000_000), 30_000),
                row("aten::conv2d", "float", 1_000_000, None, 5_000),
            ],
            ..Rank::default()
        };
        [first, second]
    }

    #[test]
    fn ranks_add_up_and_the_slower_of_two_ceilings_counts() {
        let ceilings = Ceilings::of_datasheet("H100").unwrap();
        let all = points(ranks().iter(), Some(&ceilings));
        let names: Vec<_> = all.iter().map(|point| point.name.as_str()).collect();
        assert_eq!(names, ["aten::mm", "aten::conv2d", "aten::bmm"]);
        let product = &all[0];
        assert_eq!((product.count, product.intensity), (2, Some(4000.0)));
        // 8e9 operations in 40 µs.
        assert!((product.rate / 2e14 - 1.0).abs() < 1e-9);
        assert_eq!(product.ceiling.unwrap().1, Bound::Compute);
        let (ceiling, bound) = all[2].ceiling.unwrap();
        assert_eq!((ceiling, bound), (ceilings.memory, Bound::Memory));
        assert!(all[1].intensity.is_none() && all[1].share().is_none());
        assert_eq!(points(ranks().iter().take(1), None).len(), 2);
    }

    #[test]
    fn formats_have_the_names_of_ceilings() {
        for (dtype, name) in [
            ("c10::BFloat16", "bf16"),
            ("torch.float16", "fp16"),
            ("Float8_e4m3fn", "fp8"),
            ("float", "fp32"),
            ("long int", "long int"),
            ("", ""),
        ] {
            assert_eq!(precision(dtype), name);
        }
    }
}
