//! How much of a collective's time was waiting for other ranks.
//!
//! A collective that was recorded on every rank of its group is split: `wait = last start − own start`, `transfer = last end −
//! last start`. The calls of one collective have the group, the operation and the number within the group in common, in
//! whichever recordings they are. Only times of one clock are compared, or of clocks that their collectives put on one another
//! (see [`crate::alignment`]): without that the calls are matched and not split. Where a call is on its rank's critical path, the
//! path is told how much of it that was.

use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

use crate::alignment::{Alignment, Reading, align};
use crate::clock::Clocks;
use crate::collective::add_match;
use crate::critical::add_waiting;
use crate::summary::Summary;

/// The split of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) wait_ns: i64,
    pub(crate) transfer_ns: i64,
}

/// The operations in which every rank needs something of every other one, so that none can end before all have begun.
const TOGETHER: [&str; 5] = ["all_reduce", "all_gather", "reduce_scatter", "all_to_all", "barrier"];

/// An alignment is used when its uncertainty is no more than this part of the waits that are told with it.
const PART_OF_WAITS: i64 = 5;

/// What could not be split, and what could because clocks were aligned.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    /// Collectives whose ranks have no clock in common.
    apart: usize,
    /// The hosts of these.
    hosts: BTreeSet<String>,
    /// The clocks that met others, by number.
    alignments: BTreeMap<usize, Alignment>,
    /// The hosts of each clock.
    hosts_of: BTreeMap<usize, BTreeSet<String>>,
}

impl Matches {
    /// How clocks were put on others.
    pub(crate) fn alignments(&self) -> Vec<Alignment> {
        self.alignments.values().copied().collect()
    }

    /// Says what could not be split, and what is uncertain.
    pub(crate) fn doubts(&self) -> Vec<String> {
        let hosts: Vec<&str> = self.hosts.iter().map(String::as_str).collect();
        let apart = (self.apart > 0).then(|| {
            format!(
                "{} collectives were found on every rank of their group, but their ranks have no clock in common ({}): how \
                 long they waited for each other is left out",
                self.apart,
                hosts.join(", ")
            )
        });
        let aligned = self.alignments.values().filter(|alignment| alignment.used);
        let aligned = aligned.map(|alignment| {
            format!(
                "the clock of {} was put on that of {} by {} collectives, of which 9 in 10 then end within {:.1} µs of each \
                 other: waits between them are uncertain by as much",
                self.names(alignment.clock),
                self.names(alignment.reference),
                alignment.matches,
                alignment.residual_p90_ns as f64 / 1e3
            )
        });
        apart.into_iter().chain(aligned).collect()
    }

    fn names(&self, clock: i64) -> String {
        let hosts = usize::try_from(clock).ok().and_then(|clock| self.hosts_of.get(&clock));
        let hosts: Vec<&str> = hosts.into_iter().flatten().map(String::as_str).collect();
        hosts.join(", ")
    }

    /// The parts with times that can be compared; `None` where their clocks have nothing in common.
    pub(crate) fn on_one_clock(&self, parts: &[Part]) -> Option<Vec<Part>> {
        if parts.windows(2).all(|pair| pair[0].clock == pair[1].clock) {
            return Some(parts.to_vec());
        }
        let mut reference = None;
        let mut on_reference = |part: &Part| {
            let alignment = self.alignments.get(&(part.clock as usize));
            let alignment = alignment.filter(|alignment| alignment.used);
            let own = alignment.map_or(i64::from(part.clock), |alignment| alignment.reference);
            let on = |time| alignment.map_or(time, |alignment| alignment.to_reference(time));
            let part = Part { start: on(part.start), end: on(part.end), ..*part };
            (*reference.get_or_insert(own) == own).then_some(part)
        };
        parts.iter().map(&mut on_reference).collect()
    }
}

/// One rank's part in a collective: the positions of the recording, of its rank and of the call, and its times on its clock.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    pub(crate) file: u32,
    pub(crate) rank: u32,
    pub(crate) call: u32,
    clock: u32,
    size: i64,
    pub(crate) start: i64,
    end: i64,
    /// Its operation is one of [`TOGETHER`].
    is_together: bool,
}

/// Adds to the tables of collectives what was found on every rank of a group.
pub(crate) fn add_waits(summaries: &mut [Summary], clocks: &Clocks) -> Matches {
    let mut found = Matches::default();
    // A rank alone matches nobody, and there is nothing to find out about it.
    if summaries.iter().map(|summary| summary.ranks.len()).sum::<usize>() < 2 {
        return found;
    }
    let collectives = collectives(summaries, clocks);
    let whole: Vec<&[Part]> = collectives.values().flat_map(|parts| whole(parts)).collect();
    found.align(&collectives, &whole);
    for parts in whole {
        split(parts, summaries, &mut found);
    }
    if !found.alignments.is_empty() || found.apart > 0 {
        found.hosts_of = hosts_of(summaries, clocks);
    }
    found
}

/// Those of these parts of one name that are all ranks of a group.
pub(crate) fn whole(parts: &[Part]) -> Vec<&[Part]> {
    if is_whole(parts) {
        return vec![parts];
    }
    // Groups within a node may have one name on all nodes.
    let of_one_file = parts.chunk_by(|left, right| left.file == right.file);
    of_one_file.filter(|parts| is_whole(parts)).collect()
}

impl Matches {
    /// Aligns clocks by the collectives in which they met, which need not be whole.
    pub(crate) fn align(
        &mut self,
        collectives: &FxHashMap<(u32, u32, i64), Vec<Part>>,
        whole: &[&[Part]],
    ) {
        let meetings: Vec<Vec<Reading>> =
            collectives.values().filter_map(|parts| meeting(parts)).collect();
        self.alignments = align(&meetings);
        let crossing = || {
            let crosses = |parts: &&&[Part]| parts.iter().any(|part| part.clock != parts[0].clock);
            whole.iter().filter(crosses)
        };
        // The waits are those by all alignments that may be used; what is then too uncertain is not.
        let waits: Vec<(&[Part], i64)> = crossing()
            .filter_map(|parts| {
                let starts = self.on_one_clock(parts)?;
                let starts = || starts.iter().map(|part| part.start);
                Some((*parts, starts().max()?.saturating_sub(starts().min()?)))
            })
            .collect();
        for (&clock, alignment) in &mut self.alignments {
            let of_clock = |(parts, _): &&(&[Part], i64)| {
                parts.iter().any(|part| part.clock as usize == clock)
            };
            let waits: Vec<i64> = waits.iter().filter(of_clock).map(|(_, wait)| *wait).collect();
            let sum: i128 = waits.iter().map(|&wait| i128::from(wait)).sum();
            let doubt = i128::from(alignment.residual_p90_ns) * waits.len() as i128;
            alignment.used &= doubt * i128::from(PART_OF_WAITS) <= sum;
        }
    }
}

/// What each clock saw of a collective; `None` when only one did, or when it is none that ends everywhere at once.
fn meeting(parts: &[Part]) -> Option<Vec<Reading>> {
    let first = parts.first()?;
    let meets = first.is_together
        && parts.iter().any(|part| part.clock != first.clock)
        && parts.iter().all(|part| part.size == first.size)
        && parts.len() as i64 <= first.size
        && are_different_ranks(parts);
    if !meets {
        return None;
    }
    let mut ends: BTreeMap<u32, i64> = BTreeMap::new();
    for part in parts {
        let latest = ends.entry(part.clock).or_insert(part.end);
        *latest = part.end.max(*latest);
    }
    let reading = |(clock, end)| Reading { clock: clock as usize, end };
    Some(ends.into_iter().map(reading).collect())
}

fn hosts_of(summaries: &[Summary], clocks: &Clocks) -> BTreeMap<usize, BTreeSet<String>> {
    let mut hosts: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for (file, summary) in summaries.iter().enumerate() {
        for rank in &summary.ranks {
            let clock = rank.host.and_then(|host| clocks.of_host(file, host));
            if let Some((clock, _)) = clock {
                hosts.entry(clock).or_default().insert(rank.rank.host.clone());
            }
        }
    }
    hosts
}

/// The parts of every collective, by the group, the operation and the number within the group.
pub(crate) fn collectives(
    summaries: &[Summary],
    clocks: &Clocks,
) -> FxHashMap<(u32, u32, i64), Vec<Part>> {
    let mut texts: FxHashMap<&str, u32> = FxHashMap::default();
    let mut number = |text| {
        let next = texts.len() as u32;
        *texts.entry(text).or_insert(next)
    };
    let mut collectives: FxHashMap<_, Vec<Part>> = FxHashMap::default();
    for (file, summary) in summaries.iter().enumerate() {
        for (position, rank) in summary.ranks.iter().enumerate() {
            let clock = rank.host.and_then(|host| clocks.of_host(file, host));
            let Some((clock, shift)) = clock else { continue };
            let rows = rank.rank.collectives.iter();
            let rows: Vec<_> = rows
                .map(|row| {
                    let is_together = TOGETHER.contains(&row.op.as_str());
                    let (group, op) = (number(row.group.as_deref()?), number(&row.op));
                    Some((group, op, row.group_size?, is_together))
                })
                .collect();
            for (call, told) in rank.calls.iter().enumerate() {
                let Some(&Some((group, op, size, is_together))) = rows.get(told.row) else {
                    continue;
                };
                collectives.entry((group, op, told.number)).or_default().push(Part {
                    file: file as u32,
                    rank: position as u32,
                    call: call as u32,
                    clock: clock as u32,
                    size,
                    start: told.start.saturating_add(shift),
                    end: told.end.saturating_add(shift),
                    is_together,
                });
            }
        }
    }
    collectives
}

fn split(parts: &[Part], summaries: &mut [Summary], found: &mut Matches) {
    let on_one_clock = found.on_one_clock(parts);
    if on_one_clock.is_none() {
        found.apart += 1;
        found.hosts.extend(parts.iter().filter_map(|part| {
            let summary = summaries.get(part.file as usize)?;
            Some(summary.ranks.get(part.rank as usize)?.rank.host.clone())
        }));
    }
    let have_one_clock = on_one_clock.is_some();
    let parts = on_one_clock.as_deref().unwrap_or(parts);
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
            if let Some(path) = &mut rank.rank.critical_path
                && have_one_clock
            {
                let position = part.call as usize;
                add_waiting(path, &rank.on_path, (position, call), wait.wait_ns);
            }
        }
    }
}

/// Whether these are all ranks of the group, once each.
fn is_whole(parts: &[Part]) -> bool {
    are_different_ranks(parts)
        && parts.len() >= 2
        && parts.iter().all(|part| part.size == parts.len() as i64)
}

/// A number that one rank used twice belongs to two calls.
fn are_different_ranks(parts: &[Part]) -> bool {
    let mut ranks: Vec<_> = parts.iter().map(|part| (part.file, part.rank)).collect();
    ranks.sort_unstable();
    ranks.dedup();
    ranks.len() == parts.len()
}
