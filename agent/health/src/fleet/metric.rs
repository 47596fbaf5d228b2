//! Metrics: which way is better, and the figures of a kind of nodes side by side.

use std::collections::BTreeMap;

use serde::Serialize;

use super::group::Group;
use super::merge::Node;

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Rates.
    Higher,
    /// Times and overheads.
    Lower,
    /// Codes of failure: anything but 0 is one.
    Zero,
    /// Not known: whatever differs from the rest is told.
    Unknown,
}

/// Units of rates.
const RATES: [&str; 14] = [
    "GB/s",
    "MB/s",
    "TB/s",
    "GiB/s",
    "Gbit/s",
    "Gb/s",
    "TFLOP/s",
    "GFLOP/s",
    "TFLOPS",
    "TOPS",
    "tokens/s",
    "samples/s",
    "images/s",
    "steps/s",
];
/// Units of times that something took; seconds are how long something has lasted.
const TIMES: [&str; 4] = ["ms", "us", "µs", "ns"];

impl Better {
    /// By a unit; `None` where the figure is none to compare nodes by.
    #[must_use]
    pub fn of_unit(unit: &str) -> Option<Self> {
        if RATES.contains(&unit) || unit.ends_with("_gbps") || unit.ends_with("_tflops") {
            Some(Self::Higher)
        } else if TIMES.contains(&unit) {
            Some(Self::Lower)
        } else {
            None
        }
    }

    /// By a benchmark's own name for it, as superbench gives them.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        let last = name.rsplit('/').next().unwrap_or(&name);
        if has(&["return_code"]) {
            Self::Zero
        } else if has(&["time", "latency", "_lat", "overhead", "cost"])
            || last.ends_with("_us")
            || last.ends_with("_ms")
        {
            Self::Lower
        } else if has(&["bw", "throughput", "flops", "tflop", "tops", "iops", "bandwidth", "gemm-flops", "stream_"])
            // superbench gives those of InfiniBand and of copies in GB/s without saying so.
            || has(&["ib_write", "ib_read", "ib_send", "/dtoh", "/htod", "/dtod"])
        {
            Self::Higher
        } else if has(&["pytorch-matmul", "sharding-matmul"]) {
            Self::Lower
        } else {
            Self::Unknown
        }
    }
}

/// The figures of one metric within a kind: a value for a node and device.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) unit: Option<String>,
    pub(super) better: Better,
    /// Whether it is of GPUs, or of nodes as a whole.
    pub(super) of_gpus: bool,
    /// Number of the node, device, value.
    pub(super) cells: Vec<(usize, Option<u32>, f64)>,
}

/// All figures of a kind, a column a metric, in the order of their names.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
}

impl Table {
    pub(super) fn of(group: &Group, nodes: &[Node]) -> Self {
        let mut columns: BTreeMap<&str, Column> = BTreeMap::new();
        for &number in &group.population {
            for (metric, figures) in &nodes[number].figures {
                for (device, figure) in figures {
                    let column = columns.entry(metric).or_insert_with(|| Column {
                        name: metric.clone(),
                        unit: figure.unit.clone(),
                        better: figure.better,
                        of_gpus: false,
                        cells: Vec::new(),
                    });
                    // Tools that count processes call the only one of a node number 0.
                    column.of_gpus |= device.is_some_and(|device| device > 0);
                    column.cells.push((number, *device, figure.value));
                }
            }
        }
        Self { columns: columns.into_values().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::Better;

    #[test]
    fn names_of_benchmarks_tell_which_way_is_better() {
        for (name, better) in [
            ("bert_models/pytorch-bert-base/steptime_train_float32", Better::Lower),
            ("bert_models/pytorch-bert-base/throughput_train_float32", Better::Higher),
            ("kernel-launch/event_overhead", Better::Lower),
            ("kernel-launch/return_code", Better::Zero),
            ("gemm-flops/FP64_TC", Better::Higher),
            ("mem-bw/H2D_Mem_BW", Better::Higher),
            ("nccl-bw/allreduce_8_busbw", Better::Higher),
            ("nccl-bw/allreduce_8_time", Better::Lower),
            ("ib-loopback/IB_write_512_Avg_0", Better::Higher),
            ("pytorch-computation-communication-overlap/mul_cost", Better::Lower),
            ("gpu-sm-copy-bw/dtoh", Better::Higher),
            ("something/else", Better::Unknown),
        ] {
            assert_eq!(Better::of_name(name), better, "{name}");
        }
    }
}
