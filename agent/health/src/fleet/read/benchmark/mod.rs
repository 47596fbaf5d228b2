//! Logs of benchmarks that people run for acceptance: nvbandwidth, `gpu_stream` and `gpu_copy` of superbench, CUDA's
//! bandwidthTest, `ib_write_bw` of perftest, `gpu_burn`. Those of nccl-tests are read by perfagent-import.

mod copy;
mod nvbandwidth;

use std::collections::BTreeMap;

use super::Source;
use crate::fleet::Gathered;
use crate::fleet::metric::Better;
use crate::fleet::node::{Measured, Report};

/// What to do about a log that does not tell its node.
const PLACE: &str = "put it into a folder that has the node's name, or let its name begin with it: node1.nvbandwidth.log";

/// A form: its name, how it is told, and its figures.
type Form = (&'static str, fn(&str) -> bool, fn(&str) -> Vec<Measured>);

const FORMS: [Form; 6] = [
    ("nvbandwidth", |text| text.contains("nvbandwidth Version"), nvbandwidth::figures),
    ("gpu_stream", |text| text.contains("STREAM_COPY_") && text.contains("_gpu_"), stream),
    (
        "gpu_copy",
        |text| text.lines().any(|line| line.contains("_by_dma") || line.contains("_by_sm")),
        copy::figures,
    ),
    ("bandwidthTest", |text| text.contains("bandwidthTest-"), bandwidth_test),
    ("perftest", |text| text.contains("BW Test") && text.contains("#bytes"), perftest),
    (
        "gpu_burn",
        |text| text.contains("proc'd:") || (text.contains("Tested ") && text.contains(" GPUs:")),
        burn,
    ),
];

/// Takes in a log; `false` when it is none of these.
pub(super) fn read(source: Source<'_>, text: &str, gathered: &mut Gathered) -> bool {
    let Some((form, _, figures)) = FORMS.iter().find(|(_, is, _)| is(text)) else { return false };
    let Some(node) = source.node else {
        let said = format!("a log of {form} that does not tell which node it is of");
        gathered.problems.push(source.problem(None, "", said, PLACE));
        return true;
    };
    let mut measured = figures(text);
    measured.retain(|measured| measured.value.is_finite());
    if measured.is_empty() {
        let said = format!("a log of {form} without a result: it failed, or the log is cut off");
        let action = "read the log, and run the benchmark on the node again";
        gathered.problems.push(source.problem(Some(node.to_owned()), "", said, action));
        return true;
    }
    gathered.reports.push(Report {
        node: node.to_owned(),
        source: source.name.to_owned(),
        form,
        measured,
        ..Report::default()
    });
    true
}

/// Takes in what `nvbandwidth -j` writes, which does not say where it ran.
pub(super) fn read_nvbandwidth(
    source: Source<'_>,
    place: &str,
    text: &str,
    gathered: &mut Gathered,
) {
    let node = source.node.map(|node| node.trim_end_matches(".nvbandwidth").to_owned());
    let Some(name) = node.clone() else {
        let said = "a document of nvbandwidth that does not tell which node it is of".to_owned();
        gathered.problems.push(source.problem(None, place, said, PLACE));
        return;
    };
    match nvbandwidth::of_json(text) {
        Ok(measured) => gathered.reports.push(Report {
            node: name,
            source: format!("{}: {place}", source.name),
            form: "nvbandwidth",
            measured,
            ..Report::default()
        }),
        Err(said) => {
            let action = "run nvbandwidth -j on the node again";
            gathered.problems.push(source.problem(node, place, said, action));
        }
    }
}

/// A rate of a GPU, or of the node.
fn rate(metric: impl Into<String>, device: Option<u32>, value: f64) -> Measured {
    Measured {
        metric: metric.into(),
        device,
        value,
        unit: Some("GB/s".to_owned()),
        better: Better::Higher,
    }
}

/// A matrix of GPUs by GPUs: what each GPU does with the others in the median, and the slowest way of the node. A bad GPU is slow
/// with all others, and must not make them look bad.
fn matrix(metric: &str, cells: &[(u32, u32, f64)]) -> Vec<Measured> {
    let mut of_gpu: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for &(row, column, value) in cells {
        of_gpu.entry(row).or_default().push(value);
        of_gpu.entry(column).or_default().push(value);
    }
    let median = perfagent_regress::statistic::order::median;
    let mut figures: Vec<Measured> =
        of_gpu.into_iter().map(|(gpu, values)| rate(metric, Some(gpu), median(&values))).collect();
    let least = cells.iter().map(|(.., value)| *value).fold(f64::INFINITY, f64::min);
    if !figures.is_empty() {
        figures.push(rate(format!("{metric}, slowest way"), None, least));
    }
    figures
}

/// `STREAM_TRIAD_double_gpu_1_buffer_4294967296_block_128    7379.03 90.08`: the best block of each kernel.
fn stream(text: &str) -> Vec<Measured> {
    let mut best: BTreeMap<(String, u32), f64> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(name), Some(value)) = (words.next(), words.next()) else { continue };
        let parts = name.strip_prefix("STREAM_").and_then(|name| name.split_once("_gpu_"));
        let (Some((kernel, rest)), Ok(value)) = (parts, value.parse::<f64>()) else { continue };
        let Some(gpu) = rest.split('_').next().and_then(|gpu| gpu.parse().ok()) else { continue };
        let most = best.entry((kernel.to_owned(), gpu)).or_insert(value);
        *most = most.max(value);
    }
    best.into_iter()
        .map(|((kernel, gpu), value)| rate(format!("gpu_stream/{kernel}"), Some(gpu), value))
        .collect()
}

/// `bandwidthTest-D2D, Bandwidth = 0.4 GB/s, Time = 0.00000 s, Size = 1000 bytes, …`: the largest size.
fn bandwidth_test(text: &str) -> Vec<Measured> {
    let mut of_kind: BTreeMap<&str, (u64, f64)> = BTreeMap::new();
    for line in text.lines() {
        let Some((kind, rest)) =
            line.strip_prefix("bandwidthTest-").and_then(|line| line.split_once(','))
        else {
            continue;
        };
        let after = |key: &str| rest.split_once(key)?.1.split_whitespace().next();
        let bandwidth = after("Bandwidth = ").and_then(|word| word.parse::<f64>().ok());
        let size = after("Size = ").and_then(|word| word.parse::<u64>().ok());
        let (Some(bandwidth), Some(size)) = (bandwidth, size) else { continue };
        let largest = of_kind.entry(kind).or_insert((size, bandwidth));
        if size >= largest.0 {
            *largest = (size, bandwidth);
        }
    }
    of_kind
        .into_iter()
        .map(|(kind, (_, bandwidth))| rate(format!("bandwidthTest/{kind}"), None, bandwidth))
        .collect()
}

/// `8388608 20000 24056.74 24056.72 0.003007` below a heading that names the columns; the average counts.
fn perftest(text: &str) -> Vec<Measured> {
    let (mut figures, mut title, mut unit) = (Vec::new(), "RDMA", None);
    for line in text.lines() {
        if let Some(name) = line.trim().strip_suffix(" BW Test") {
            title = name.trim();
        } else if line.trim_start().starts_with("#bytes") {
            // 1e6 bytes (perftest counts 2^20 unless it is told otherwise) or 1e9 bits a second; the same of all nodes.
            unit = if line.contains("Gb/sec") { Some("Gb/s") } else { Some("MB/s") };
        } else if let Some(unit) = unit {
            let words: Vec<f64> =
                line.split_whitespace().map_while(|word| word.parse().ok()).collect();
            if let [bytes, _, _, average, ..] = words.as_slice() {
                figures.push(Measured {
                    metric: format!("{title} {bytes:.0} bytes"),
                    device: None,
                    value: *average,
                    unit: Some(unit.to_owned()),
                    better: Better::Higher,
                });
            }
        }
    }
    figures
}

/// `GPU 3: FAULTY` below `Tested 8 GPUs:`.
fn burn(text: &str) -> Vec<Measured> {
    let Some((_, verdicts)) = text.split_once("Tested ") else { return Vec::new() };
    let verdict = |line: &str| {
        let (gpu, verdict) = line.trim().strip_prefix("GPU ")?.split_once(':')?;
        let value = if verdict.trim() == "OK" { 0.0 } else { 1.0 };
        Some(Measured {
            metric: "gpu_burn/faulty".to_owned(),
            device: Some(gpu.parse().ok()?),
            value,
            unit: None,
            better: Better::Zero,
        })
    };
    verdicts.lines().filter_map(verdict).collect()
}
