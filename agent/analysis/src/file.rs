//! The recordings of a run as files: what each holds, and whether they are different ones.

use perfagent_recording::Recording;

use crate::clock::Clocks;
use crate::extent;
use crate::report::{FileFacts, Rank};

/// What one recording holds. `ranks` are its own.
pub(crate) fn facts(
    recording: &Recording,
    path: &str,
    (clocks, position): (&Clocks, usize),
    ranks: &[Rank],
) -> FileFacts {
    let span = extent::span(recording);
    // The processes of a recording stand in the order in which they began.
    let mut numbers: Vec<i64> = ranks.iter().filter_map(|rank| rank.rank).collect();
    numbers.sort_unstable();
    FileFacts {
        path: path.to_owned(),
        hosts: recording.hosts.iter().map(|host| host.name.clone()).collect(),
        ranks: numbers,
        job: recording.meta_value("job").map(ToOwned::to_owned),
        exit_code: recording.meta_value("exit_code").and_then(|code| code.parse().ok()),
        start_ns: span.map(|(first, _)| first),
        duration_ns: span.map_or(0, |(first, last)| last.saturating_sub(first)),
        clock: clocks.of_file(position).0 as i64,
    }
}

/// From the first to the last thing recorded. Times of different clocks are not subtracted from each other.
pub(crate) fn duration(recordings: &[&Recording], clocks: &Clocks) -> i64 {
    let mut spans: Vec<(usize, i64, i64)> = Vec::new();
    for (position, recording) in recordings.iter().enumerate() {
        let Some((first, last)) = extent::span(recording) else { continue };
        let (clock, shift) = clocks.of_file(position);
        let (first, last) = (first.saturating_add(shift), last.saturating_add(shift));
        match spans.iter_mut().find(|span| span.0 == clock) {
            Some(span) => (span.1, span.2) = (span.1.min(first), span.2.max(last)),
            None => spans.push((clock, first, last)),
        }
    }
    spans.iter().map(|(_, first, last)| last.saturating_sub(*first)).max().unwrap_or(0)
}

/// Two recordings, by position, that are one: the same processes at the same time.
#[must_use]
pub fn repeated(recordings: &[&Recording]) -> Option<(usize, usize)> {
    let same = |left: &Recording, right: &Recording| {
        !left.processes.is_empty()
            && left.processes == right.processes
            && left.meta == right.meta
            && left.hosts == right.hosts
            && extent::span(left) == extent::span(right)
    };
    recordings.iter().enumerate().find_map(|(second, recording)| {
        let first = recordings[..second].iter().position(|earlier| same(earlier, recording))?;
        Some((first, second))
    })
}
