//! Agreement with people's annotations of real series (van den Burg and Williams, arXiv:2003.06222):
//! F1 with a margin of five values, and covering.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Values by which a change may be off.
pub(crate) const MARGIN: usize = 5;

/// The series live beside the repository.
pub(crate) fn folder() -> Option<PathBuf> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut beside = above.map(|folder| folder.join("shared/data/changepoints"));
    beside.find(|folder| folder.join("annotations.json").is_file())
}

/// How well change points agree with all annotators of a series.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Agreement {
    pub(crate) precision: f64,
    pub(crate) recall: f64,
    pub(crate) f1: f64,
    pub(crate) cover: f64,
}

pub(crate) fn read(path: &Path) -> Vec<f64> {
    let text = std::fs::read_to_string(path).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let values = document.get("values").unwrap_or(&document);
    values.as_array().unwrap().iter().filter_map(serde_json::Value::as_f64).collect()
}

/// The agreement on each series, by name. `find` is told the name and the values.
pub(crate) fn agreements(
    folder: &Path,
    find: impl Fn(&str, &[f64]) -> Vec<usize>,
) -> BTreeMap<String, Agreement> {
    let text = std::fs::read_to_string(folder.join("annotations.json")).unwrap();
    let annotations: BTreeMap<String, BTreeMap<String, Vec<usize>>> =
        serde_json::from_str(&text).unwrap();
    annotations
        .into_iter()
        .map(|(name, annotators)| {
            let values = read(&folder.join(format!("tcpd/{name}.json")));
            let annotators: Vec<_> = annotators.into_values().collect();
            let agreement = agreement(values.len(), &find(&name, &values), &annotators);
            (name, agreement)
        })
        .collect()
}

pub(crate) fn mean(agreements: &BTreeMap<String, Agreement>) -> Agreement {
    let n = agreements.len() as f64;
    let of = |part: fn(&Agreement) -> f64| agreements.values().map(part).sum::<f64>() / n;
    Agreement {
        precision: of(|a| a.precision),
        recall: of(|a| a.recall),
        f1: of(|a| a.f1),
        cover: of(|a| a.cover),
    }
}

/// The start of the series counts as found and as annotated, as in the benchmark.
fn agreement(n: usize, found: &[usize], annotators: &[Vec<usize>]) -> Agreement {
    let with_start = |indices: &[usize]| {
        let mut indices: Vec<_> = indices.iter().copied().chain([0]).collect();
        indices.sort_unstable();
        indices.dedup();
        indices
    };
    let found = with_start(found);
    let all = with_start(&annotators.concat());
    let precision = hits(&all, &found) as f64 / found.len() as f64;
    let recalls = annotators.iter().map(|one| {
        let one = with_start(one);
        hits(&one, &found) as f64 / one.len() as f64
    });
    let recall = recalls.sum::<f64>() / annotators.len() as f64;
    let covers = annotators.iter().map(|one| cover(n, &with_start(one), &found));
    let cover = covers.sum::<f64>() / annotators.len() as f64;
    Agreement { precision, recall, f1: 2.0 * precision * recall / (precision + recall), cover }
}

/// True changes with a found one near; each found one serves once.
fn hits(truth: &[usize], found: &[usize]) -> usize {
    let mut left = found.to_vec();
    let mut hits = 0;
    for &place in truth {
        let near = (0..left.len())
            .filter(|&i| left[i].abs_diff(place) <= MARGIN)
            .min_by_key(|&i| left[i].abs_diff(place));
        if let Some(near) = near {
            left.remove(near);
            hits += 1;
        }
    }
    hits
}

/// The mean over the true segments, by length, of the best Jaccard index with a found one.
fn cover(n: usize, truth: &[usize], found: &[usize]) -> f64 {
    let segments = |starts: &[usize]| {
        let ends = starts[1..].iter().copied().chain([n]);
        starts.iter().copied().zip(ends).collect::<Vec<_>>()
    };
    let found = segments(found);
    segments(truth)
        .into_iter()
        .map(|(from, to)| {
            let best = found.iter().map(|&(start, end)| {
                let common = to.min(end).saturating_sub(from.max(start));
                common as f64 / ((to - from) + (end - start) - common) as f64
            });
            (to - from) as f64 * best.fold(0.0, f64::max)
        })
        .sum::<f64>()
        / n as f64
}
