//! `gpu_copy` of superbench: `gpu0_to_gpu1_read_by_sm 261.856`, `cpu_to_gpu0_by_dma_under_numa0 26.2387`.

use std::collections::BTreeMap;

use super::{matrix, rate};
use crate::fleet::node::Measured;

pub(super) fn figures(text: &str) -> Vec<Measured> {
    let mut figures = Vec::new();
    let mut matrices: BTreeMap<String, Vec<(u32, u32, f64)>> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(name), Some(value), None) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        let Ok(value) = value.parse::<f64>() else { continue };
        let (general, gpus) = without_numbers(name);
        let metric = format!("gpu_copy/{general}");
        match gpus.as_slice() {
            [gpu] => figures.push(rate(metric, Some(*gpu), value)),
            [from, to] if from == to => {
                figures.push(rate(format!("{metric}, itself"), Some(*from), value));
            }
            [from, to] => matrices.entry(metric).or_default().push((*from, *to, value)),
            _ => {}
        }
    }
    figures.extend(matrices.iter().flat_map(|(metric, cells)| matrix(metric, cells)));
    figures
}

/// The name with `gpu` for each `gpu3`, and the numbers.
fn without_numbers(name: &str) -> (String, Vec<u32>) {
    let mut gpus = Vec::new();
    let parts = name.split('_').map(|part| match part.strip_prefix("gpu").map(str::parse) {
        Some(Ok(gpu)) => {
            gpus.push(gpu);
            "gpu"
        }
        _ => part,
    });
    let general = parts.collect::<Vec<_>>().join("_");
    (general, gpus)
}
