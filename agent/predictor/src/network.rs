//! What joins the GPUs of a job.

use crate::gpu::{Generation, Gpu};
use crate::job::Job;

/// No machine has a network of so many gigabits a second: such a number is none.
const FASTEST: f64 = 1e6;

/// Rates in one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Network {
    /// Bytes a second of one machine to all others.
    pub node_rate: f64,
    /// GPUs that fast links join.
    pub domain: f64,
    /// Whether the machines are joined by Omni-Path.
    pub omni_path: bool,
}

impl Network {
    /// Reads the job's own words; what they leave open is as common for machines of the generation.
    pub(crate) fn of(job: &Job, gpu: &Gpu) -> Self {
        let words = job.cluster.interconnect.as_deref().unwrap_or("").to_lowercase();
        let on_node = job.cluster.gpus_per_node.unwrap_or(1) as f64;
        let domain = number_after(&words, "domain of ").unwrap_or(on_node).max(1.0);
        let usual = match gpu.generation {
            Generation::Volta | Generation::Other | Generation::Processor => 12.5e9,
            Generation::Ampere => 25e9,
            Generation::Hopper | Generation::Blackwell => 50e9,
        } * on_node;
        let stated = gigabits(&words).filter(|gigabits| *gigabits > 0.0 && *gigabits < FASTEST);
        let node_rate = stated.map_or(usual, |gigabits| gigabits * 1e9 / 8.0);
        Self { node_rate, domain, omni_path: words.contains("omni-path") }
    }
}

/// Gigabits a second of a machine: `8 x 200 Gb/s`, `4 × 100 Gb/s`, `1600 Gb/s`, or a number of Omni-Path links.
fn gigabits(words: &str) -> Option<f64> {
    if let Some(at) = words.find("gb/s") {
        let before: Vec<&str> =
            words[..at].split([' ', '(']).filter(|word| !word.is_empty()).collect();
        let each = before.last()?.parse::<f64>().ok()?;
        let count = match before.as_slice() {
            [.., count, "x" | "×", _] => count.parse::<f64>().unwrap_or(1.0),
            _ => 1.0,
        };
        return Some(count * each);
    }
    let at = words.find(" omni-path links")?;
    Some(100.0 * words[..at].rsplit(' ').next()?.parse::<f64>().ok()?)
}

fn number_after(words: &str, before: &str) -> Option<f64> {
    let rest = &words[words.find(before)? + before.len()..];
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}
