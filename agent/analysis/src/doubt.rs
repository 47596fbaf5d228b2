//! What makes the figures of several ranks doubtful: ranks that are missing or there twice, recordings of different runs.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::{FileFacts, Rank};

/// Files of one run begin within this of another's end, however badly the clocks of two machines are set.
const TOLERANCE_NS: i64 = 60_000_000_000;

/// One sentence a doubt.
pub(crate) fn doubts(ranks: &[Rank], files: &[FileFacts]) -> Vec<String> {
    let mut doubts = repeated_ranks(ranks);
    let seen: BTreeSet<i64> = ranks.iter().filter_map(|rank| rank.rank).collect();
    let world = ranks.iter().filter_map(|rank| rank.world_size).max().unwrap_or(0);
    if !seen.is_empty() && (seen.len() as i64) < world {
        doubts.push(format!("{} of {world} ranks are in the recording", seen.len()));
    }
    doubts.extend(different(
        files.iter().filter_map(|file| Some((file.job.clone()?, file.path.as_str()))),
        "the recordings are of different runs",
        "sums over their ranks mean nothing",
    ));
    doubts.extend(different(
        ranks.iter().filter_map(|rank| {
            Some((format!("{} ranks", rank.world_size?), rank.recording_path.as_str()))
        }),
        "the recordings do not agree on the number of ranks",
        "if they are of different runs, sums over their ranks mean nothing",
    ));
    doubts.extend(apart(files));
    doubts
}

/// Ranks that are there several times, those with the same files in one sentence.
fn repeated_ranks(ranks: &[Rank]) -> Vec<String> {
    let mut by_number: BTreeMap<i64, Vec<&Rank>> = BTreeMap::new();
    for rank in ranks {
        if let Some(number) = rank.rank {
            by_number.entry(number).or_default().push(rank);
        }
    }
    let mut sentences: Vec<(usize, BTreeSet<&str>, Vec<String>)> = Vec::new();
    for (number, same) in by_number.into_iter().filter(|(_, same)| same.len() > 1) {
        let paths = same.iter().map(|rank| rank.recording_path.as_str()).collect();
        match sentences.iter_mut().find(|(count, of, _)| *count == same.len() && *of == paths) {
            Some((_, _, numbers)) => numbers.push(number.to_string()),
            None => sentences.push((same.len(), paths, vec![number.to_string()])),
        }
    }
    let sentence = |(count, paths, numbers): (usize, BTreeSet<&str>, Vec<String>)| {
        let ranks = if numbers.len() > 1 { "ranks" } else { "rank" };
        let place = match paths.len() {
            1 => String::new(),
            _ => format!(" (in {})", paths.into_iter().collect::<Vec<_>>().join(", ")),
        };
        let numbers = numbers.join(", ");
        format!(
            "{count} processes call themselves {ranks} {numbers}{place}; each is reported on its own, and sums count all of them"
        )
    };
    sentences.into_iter().map(sentence).collect()
}

/// A sentence when the files do not have one value in common.
fn different<'a>(
    values: impl Iterator<Item = (String, &'a str)>,
    what: &str,
    consequence: &str,
) -> Option<String> {
    let mut by_value: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (value, path) in values {
        by_value.entry(value).or_default().insert(path);
    }
    let all: BTreeSet<&str> = by_value.values().flatten().copied().collect();
    // A single recording may hold several jobs; that is its own affair.
    if by_value.len() < 2 || all.len() < 2 {
        return None;
    }
    let parts: Vec<_> = by_value
        .into_iter()
        .map(|(value, paths)| {
            format!("{} ({value})", paths.into_iter().collect::<Vec<_>>().join(", "))
        })
        .collect();
    Some(format!("{what}: {}; {consequence}", parts.join(", ")))
}

/// A sentence when a file begins long after all earlier ones have ended.
fn apart(files: &[FileFacts]) -> Option<String> {
    let mut spans: Vec<_> = files
        .iter()
        .filter_map(|file| Some((file.start_ns?, file.duration_ns, file.path.as_str())))
        .collect();
    spans.sort_unstable();
    let (start, duration, mut last) = *spans.first()?;
    let mut end = start.saturating_add(duration);
    for &(start, duration, path) in &spans[1..] {
        let gap = start.saturating_sub(end);
        if gap > TOLERANCE_NS {
            return Some(format!(
                "{path} begins {} s after {last} has ended: if they are of different runs, sums over their ranks mean nothing",
                gap / 1_000_000_000
            ));
        }
        if start.saturating_add(duration) > end {
            (end, last) = (start.saturating_add(duration), path);
        }
    }
    None
}
