//! How much of a collective's time was waiting for other ranks.
//!
//! A collective that was recorded on every rank of its group is split: `wait = last start − own start`, `transfer = last end −
//! last start`. The calls of one collective have the group, the operation and the number within the group in common, in
//! whichever recordings they are. Only times of one clock are compared: without one the calls are matched and not split.

use std::collections::{BTreeSet, HashMap};

use crate::clock::Clocks;
use crate::collective::add_match;
use crate::summary::Summary;

/// The split of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) wait_ns: i64,
    pub(crate) transfer_ns: i64,
}

/// What could not be split.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    /// Collectives whose ranks have no clock in common.
    apart: usize,
    /// The hosts of these.
    hosts: BTreeSet<String>,
}

impl Matches {
    /// Says what could not be split.
    pub(crate) fn doubt(&self) -> Option<String> {
        let hosts: Vec<&str> = self.hosts.iter().map(String::as_str).collect();
        (self.apart > 0).then(|| {
            format!(
                "{} collectives were found on every rank of their group, but their ranks have no clock in common ({}): how \
                 long they waited for each other is left out",
                self.apart,
                hosts.join(", ")
            )
        })
    }
}

/// One rank's part in a collective: the positions of the recording, of its rank and of the call, and its times on its clock.
#[derive(Clone, Copy)]
struct Part {
    file: u32,
    rank: u32,
    call: u32,
    clock: u32,
    size: i64,
    start: i64,
    end: i64,
}

/// Adds to the tables of collectives what was found on every rank of a group.
pub(crate) fn add_waits(summaries: &mut [Summary], clocks: &Clocks) -> Matches {
    let mut found = Matches::default();
    // A rank alone matches nobody, and there is nothing to find out about it.
    if summaries.iter().map(|summary| summary.ranks.len()).sum::<usize>() < 2 {
        return found;
    }
    let many_files = summaries.len() > 1;
    for parts in collectives(summaries, clocks).into_values() {
        if is_whole(&parts) {
            split(&parts, summaries, &mut found);
        } else if many_files {
            // Groups within a node may have one name on all nodes.
            let of_one_file = parts.chunk_by(|left, right| left.file == right.file);
            of_one_file.filter(|parts| is_whole(parts)).for_each(|parts| {
                split(parts, summaries, &mut found);
            });
        }
    }
    found
}

/// The parts of every collective, by the group, the operation and the number within the group.
fn collectives(summaries: &[Summary], clocks: &Clocks) -> HashMap<(u32, u32, i64), Vec<Part>> {
    let mut texts: HashMap<&str, u32> = HashMap::new();
    let mut number = |text| {
        let next = texts.len() as u32;
        *texts.entry(text).or_insert(next)
    };
    let mut collectives: HashMap<_, Vec<Part>> = HashMap::new();
    for (file, summary) in summaries.iter().enumerate() {
        for (position, rank) in summary.ranks.iter().enumerate() {
            let clock = rank.host.and_then(|host| clocks.of_host(file, host));
            let Some((clock, shift)) = clock else { continue };
            let rows = rank.rank.collectives.iter();
            let rows: Vec<_> = rows
                .map(|row| Some((number(row.group.as_deref()?), number(&row.op), row.group_size?)))
                .collect();
            for (call, told) in rank.calls.iter().enumerate() {
                let Some(&Some((group, op, size))) = rows.get(told.row) else { continue };
                collectives.entry((group, op, told.number)).or_default().push(Part {
                    file: file as u32,
                    rank: position as u32,
                    call: call as u32,
                    clock: clock as u32,
                    size,
                    start: told.start.saturating_add(shift),
                    end: told.end.saturating_add(shift),
                });
            }
        }
    }
    collectives
}

fn split(parts: &[Part], summaries: &mut [Summary], found: &mut Matches) {
    let have_one_clock = parts.windows(2).all(|pair| pair[0].clock == pair[1].clock);
    if !have_one_clock {
        found.apart += 1;
        found.hosts.extend(parts.iter().filter_map(|part| {
            let summary = summaries.get(part.file as usize)?;
            Some(summary.ranks.get(part.rank as usize)?.rank.host.clone())
        }));
    }
    let last_start = parts.iter().map(|part| part.start).max().unwrap_or_default();
    let last_end = parts.iter().map(|part| part.end).max().unwrap_or_default();
    for part in parts {
        let wait = Wait {
            wait_ns: last_start.saturating_sub(part.start),
            transfer_ns: last_end.saturating_sub(last_start),
        };
        let summary = summaries.get_mut(part.file as usize);
        let Some(rank) = summary.and_then(|summary| summary.ranks.get_mut(part.rank as usize))
        else {
            continue;
        };
        if let Some(call) = rank.calls.get(part.call as usize)
            && let Some(row) = rank.rank.collectives.get_mut(call.row)
        {
            add_match(row, call, have_one_clock.then_some(wait));
        }
    }
}

/// Whether these are all ranks of the group, once each. A number that one rank used twice belongs to two calls.
fn is_whole(parts: &[Part]) -> bool {
    let mut ranks: Vec<_> = parts.iter().map(|part| (part.file, part.rank)).collect();
    ranks.sort_unstable();
    ranks.dedup();
    ranks.len() == parts.len()
        && parts.len() >= 2
        && parts.iter().all(|part| part.size == parts.len() as i64)
}
