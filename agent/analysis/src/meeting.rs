//! Who waited for whom: the waits of every rank in collectives, by the rank that came last.
//!
//! In a collective that was recorded on every rank of its group, each rank waits from its own start until the last one's
//! (see [`crate::wait`]): the wait is put down to that last rank. Only times of one clock are compared, or of clocks that their
//! collectives put on one another.

use std::collections::BTreeMap;

use perfagent_recording::Recording;

use crate::clock::Clocks;
use crate::collective;
use crate::process;
use crate::report::{HostFacts, Rank};
use crate::summary::{RankSummary, Summary};
use crate::wait::{Matches, Part, collectives, whole};

/// The waits of all ranks for each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skew {
    /// In order of rank.
    pub ranks: Vec<SkewRank>,
    /// Pairs of which the one waited for the other, by their positions in `ranks`, in order.
    pub cells: Vec<SkewCell>,
    /// Collectives that the waits are of.
    pub collectives: i64,
    /// Collectives that were found on every rank, but without a clock in common.
    pub apart: i64,
}

/// One rank.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SkewRank {
    /// Its number; `None` when the program did not say.
    pub rank: Option<i64>,
    /// Its process's number.
    pub pid: i64,
    /// Its machine.
    pub host: String,
    /// In how many collectives it took part.
    pub met: i64,
    /// In how many of these it came last.
    pub last: i64,
    /// How long it waited for others, ns.
    pub waited_ns: i64,
    /// How long others waited for it, all of them together, ns.
    pub held_up_ns: i64,
}

/// What one rank waited for another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SkewCell {
    /// The one that waited, by its position.
    pub waiter: usize,
    /// The one that came last.
    pub last: usize,
    /// In how many collectives.
    pub count: i64,
    /// For how long, ns.
    pub wait_ns: i64,
    /// The longest of these waits, ns.
    pub longest_ns: i64,
    /// When it began, ns since the Unix epoch by the waiter's clock.
    pub longest_start_ns: i64,
    /// The operation in which it was.
    pub longest_op: String,
}

/// The waits in the collectives of one run, whose recordings these are.
#[must_use]
pub fn skew(recordings: &[&Recording]) -> Skew {
    let summaries: Vec<Summary> =
        recordings.iter().map(|recording| of_collectives(recording)).collect();
    let clocks = Clocks::of(&summaries);
    let all = collectives(&summaries, &clocks);
    let met: Vec<&[Part]> = all.values().flat_map(|parts| whole(parts)).collect();
    let mut matches = Matches::default();
    matches.align(&all, &met);
    let mut found = Found::of(&summaries);
    for parts in met {
        match matches.on_one_clock(parts) {
            Some(parts) => found.add(&summaries, &parts),
            None => found.skew.apart += 1,
        }
    }
    found.finish()
}

/// What of a recording tells its collectives; everything else is left out, as it takes long.
fn of_collectives(recording: &Recording) -> Summary {
    let offset = recording.meta_value("clock_offset_ns").and_then(|text| text.parse().ok());
    let host_name = |host: &perfagent_recording::table::Host| HostFacts {
        name: host.name.clone(),
        ..HostFacts::default()
    };
    let ranks = process::ranks(recording).into_iter().map(|rows| {
        let process = recording.process(rows.process);
        let found = collective::collectives(recording, &rows);
        let host = process.and_then(|process| usize::try_from(process.host_id.0 - 1).ok());
        let host_of = host.and_then(|host| recording.hosts.get(host));
        RankSummary {
            rank: Rank {
                rank: process.and_then(|process| process.rank),
                pid: process.map_or(0, |process| process.pid),
                host: host_of.map_or_else(String::new, |host| host.name.clone()),
                collectives: found.rows,
                ..Rank::default()
            },
            host,
            calls: found.calls,
            ..RankSummary::default()
        }
    });
    let mut summary = Summary::default();
    summary.boot = recording.meta_value("boot_id").map(ToOwned::to_owned).zip(offset);
    summary.hosts = recording.hosts.iter().map(host_name).collect();
    summary.ranks = ranks.collect();
    summary
}

struct Found {
    skew: Skew,
    /// For each recording, where its ranks stand in the order of ranks.
    places: Vec<Vec<usize>>,
    cells: BTreeMap<(usize, usize), SkewCell>,
}

impl Found {
    fn of(summaries: &[Summary]) -> Self {
        let mut ranks: Vec<(usize, usize, &Rank)> = Vec::new();
        for (file, summary) in summaries.iter().enumerate() {
            ranks.extend(summary.ranks.iter().enumerate().map(|(at, rank)| (file, at, &rank.rank)));
        }
        ranks.sort_by_key(|(file, at, rank)| (rank.rank.is_none(), rank.rank, *file, *at));
        let mut places: Vec<Vec<usize>> =
            summaries.iter().map(|summary| vec![0; summary.ranks.len()]).collect();
        for (place, (file, at, _)) in ranks.iter().enumerate() {
            places[*file][*at] = place;
        }
        let ranks = ranks
            .into_iter()
            .map(|(_, _, rank)| SkewRank {
                rank: rank.rank,
                pid: rank.pid,
                host: rank.host.clone(),
                ..SkewRank::default()
            })
            .collect();
        Self { skew: Skew { ranks, ..Skew::default() }, places, cells: BTreeMap::new() }
    }

    fn place(&self, part: &Part) -> usize {
        let of_file = self.places.get(part.file as usize);
        of_file.and_then(|places| places.get(part.rank as usize)).copied().unwrap_or(0)
    }

    /// Adds a collective; times of its parts are on one clock.
    fn add(&mut self, summaries: &[Summary], parts: &[Part]) {
        let Some(last) = parts.iter().max_by_key(|part| part.start) else { return };
        let last_place = self.place(last);
        self.skew.collectives += 1;
        for part in parts {
            let place = self.place(part);
            let wait_ns = last.start.saturating_sub(part.start);
            let Some(summary) = summaries.get(part.file as usize) else { continue };
            let Some(rank) = summary.ranks.get(part.rank as usize) else { continue };
            let Some(call) = rank.calls.get(part.call as usize) else { continue };
            self.skew.ranks[place].met += 1;
            self.skew.ranks[place].last += i64::from(place == last_place);
            // Calls that share a kernel waited once.
            if place == last_place || wait_ns <= 0 || !call.is_first {
                continue;
            }
            let (waited, held_up) =
                (self.skew.ranks[place].waited_ns, self.skew.ranks[last_place].held_up_ns);
            self.skew.ranks[place].waited_ns = waited.saturating_add(wait_ns);
            self.skew.ranks[last_place].held_up_ns = held_up.saturating_add(wait_ns);
            let pair = self.cells.entry((place, last_place)).or_insert_with(|| SkewCell {
                waiter: place,
                last: last_place,
                ..SkewCell::default()
            });
            pair.count += 1;
            pair.wait_ns = pair.wait_ns.saturating_add(wait_ns);
            if wait_ns > pair.longest_ns {
                (pair.longest_ns, pair.longest_start_ns) = (wait_ns, call.start);
                let row = rank.rank.collectives.get(call.row);
                pair.longest_op = row.map_or_else(String::new, |row| row.op.clone());
            }
        }
    }

    fn finish(mut self) -> Skew {
        self.skew.cells = self.cells.into_values().collect();
        self.skew
    }
}
