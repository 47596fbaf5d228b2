//! Where in the recordings a figure can be looked at: the greatest instance of each part of the time.
//!
//! Instants are sets of intervals, defined as in the report; looking for them is the work of a second on
//! ten million events, so a worker does it.

use std::collections::{BTreeMap, HashMap, HashSet};

use perfagent_analysis::report::{Basis, KernelRow, Rank};
use perfagent_analysis::{COMMUNICATION, Intervals, RankAnalysis, Rules, analyse};
use perfagent_recording::Timestamp;

use super::division::PartKind;
use crate::model::document::{Document, EventRef};
use crate::model::names::NameId;
use crate::model::track::TrackKind;
use crate::model::whose::{Process, label, members, process_of_group};

/// A stretch of one rank's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The rank's name.
    pub who: String,
    /// Start, ns.
    pub start_ns: i64,
    /// End, ns.
    pub end_ns: i64,
}

impl Stretch {
    /// Its length, ns.
    #[must_use]
    pub const fn length_ns(&self) -> i64 {
        self.end_ns.saturating_sub(self.start_ns)
    }
}

/// The longest run of a kernel (an operator or range on a run without a GPU).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The rank's name.
    pub who: String,
    /// Its full name.
    pub name: String,
    /// How long it took, without what is nested in it, ns.
    pub length_ns: i64,
    /// Where it is drawn; `None` where it nests too deeply for that.
    pub event: Option<EventRef>,
}

/// The name with most time of all.
#[derive(Clone, Debug, PartialEq)]
pub struct Dominant {
    /// Its full name.
    pub name: String,
    /// Its time, summed over ranks, ns.
    pub total_ns: i64,
    /// How many runs.
    pub count: i64,
    /// Its share of the time of all kernels, 0 to 1.
    pub share: f64,
}

/// Where to look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Places {
    /// What the names are of: kernels, operators or ranges.
    pub kind: Option<TrackKind>,
    /// The longest run of each category of computation.
    pub slowest: BTreeMap<String, Instance>,
    /// The name with most time, communication left out.
    pub dominant: Option<Dominant>,
    /// The longest stretches of the parts that are no computation.
    pub stretches: BTreeMap<PartKind, Stretch>,
}

impl Places {
    /// The longest run of all categories.
    #[must_use]
    pub fn slowest_of_all(&self) -> Option<&Instance> {
        self.slowest.values().max_by_key(|instance| instance.length_ns)
    }

    /// The longest stretch in which nothing ran, whatever the cause.
    #[must_use]
    pub fn longest_idle(&self) -> Option<&Stretch> {
        self.stretches.get(&PartKind::Idle(None))
    }
}

/// Looks for the greatest instances in all ranks, or in the chosen one.
#[must_use]
pub fn places(document: &Document, chosen: Option<Process>) -> Places {
    let mut found = Places { kind: kind(document), ..Places::default() };
    instances(document, chosen, &mut found);
    found.dominant = dominant(document, chosen);
    for (index, source) in document.sources.iter().enumerate() {
        let ranks = &source.report.ranks;
        let wanted = |rank: &Rank| chosen.is_none_or(|process| process == (index, rank.process_id));
        if !ranks.iter().any(wanted) {
            continue;
        }
        for analysis in analyse(&source.recording, Rules::built_in()) {
            let rank = ranks.iter().find(|rank| rank.process_id == analysis.process().0);
            if let Some(rank) = rank.filter(|rank| wanted(rank)) {
                stretches(&analysis, rank, &mut found.stretches);
            }
        }
    }
    found
}

fn kind(document: &Document) -> Option<TrackKind> {
    let bases = document.sources.iter().flat_map(|source| &source.report.ranks);
    bases.map(|rank| kind_of(rank.basis)).min_by_key(|kind| *kind != TrackKind::Kernels)
}

const fn kind_of(basis: Basis) -> TrackKind {
    match basis {
        Basis::Gpu => TrackKind::Kernels,
        Basis::Operators => TrackKind::Operators,
        Basis::Ranges => TrackKind::Ranges,
    }
}

/// Computation: all rows but communication.
fn computing(rank: &Rank) -> impl Iterator<Item = &KernelRow> {
    rank.kernels.iter().filter(|row| row.category != COMMUNICATION)
}

/// The row of each category with the longest run, and the event that this run is.
fn instances(document: &Document, chosen: Option<Process>, found: &mut Places) {
    let members = members(document, chosen);
    let mut longest: BTreeMap<&str, (Process, &Rank, &KernelRow)> = BTreeMap::new();
    for member in &members {
        for row in computing(member.rank) {
            let best = longest.get(row.category.as_str());
            if best.is_none_or(|(.., best)| row.max_ns > best.max_ns) {
                longest.insert(&row.category, (member.process(), member.rank, row));
            }
        }
    }
    let wanted: HashSet<Wanted> = longest
        .values()
        .filter_map(|(process, rank, row)| {
            Some((*process, kind_of(rank.basis), document.names.find(&row.name)?))
        })
        .collect();
    let events = longest_events(document, &wanted);
    for (category, (process, rank, row)) in longest {
        let key = document.names.find(&row.name).map(|name| (process, kind_of(rank.basis), name));
        found.slowest.insert(
            category.to_owned(),
            Instance {
                who: label(rank),
                name: row.name.clone(),
                length_ns: row.max_ns,
                event: key.and_then(|key| events.get(&key)).map(|&(_, event)| event),
            },
        );
    }
}

/// A name of a kind on a rank.
type Wanted = (Process, TrackKind, NameId);

type Longest = HashMap<Wanted, (i64, EventRef)>;

/// The longest event of each name on its rank.
fn longest_events(document: &Document, wanted: &HashSet<Wanted>) -> Longest {
    let mut found = Longest::new();
    for group in 0..document.groups.len() {
        let Some(process) = process_of_group(document, group) else { continue };
        let names: HashMap<NameId, TrackKind> = wanted
            .iter()
            .filter(|(of, ..)| *of == process)
            .map(|&(_, kind, name)| (name, kind))
            .collect();
        let tracks = document.groups.get(group).map_or(0..0, |group| group.tracks.clone());
        for track in document.tracks.get(tracks).into_iter().flatten() {
            if !names.values().any(|&kind| kind == track.kind) {
                continue;
            }
            for lane in track.lanes.clone() {
                let Some(events) = document.lanes.get(lane) else { continue };
                let is_wanted = |name: NameId| names.get(&name) == Some(&track.kind);
                for index in events.with_names(is_wanted) {
                    let index = index as usize;
                    let this = (events.end(index) - events.start(index), EventRef { lane, index });
                    let of = (process, track.kind, events.name(index));
                    let best = found.entry(of).or_insert(this);
                    if this.0 > best.0 {
                        *best = this;
                    }
                }
            }
        }
    }
    found
}

fn dominant(document: &Document, chosen: Option<Process>) -> Option<Dominant> {
    let mut sums: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    let mut all: i64 = 0;
    let members = members(document, chosen);
    for row in members.iter().flat_map(|member| &member.rank.kernels) {
        all = all.saturating_add(row.total_ns);
        if row.category != COMMUNICATION {
            let sum = sums.entry(&row.name).or_default();
            *sum = (sum.0.saturating_add(row.total_ns), sum.1 + row.count);
        }
    }
    let (name, (total_ns, count)) = sums.into_iter().max_by_key(|(_, (total, _))| *total)?;
    let share = if all > 0 { total_ns as f64 / all as f64 } else { 0.0 };
    Some(Dominant { name: name.to_owned(), total_ns, count, share })
}

/// Keeps the longest stretches of a rank where they are longer than what is known; those of the steps
/// alone where the rank has steps.
fn stretches(analysis: &RankAnalysis, rank: &Rank, found: &mut BTreeMap<PartKind, Stretch>) {
    let Some((first, last)) = window(analysis) else { return };
    let (compute, communication) = (analysis.compute(), analysis.communication());
    let busy = compute.union(communication);
    let all = busy.union(analysis.copies());
    let data = analysis.data();
    let whole = Intervals::union_of(vec![(first.unix_nanos(), last.unix_nanos())]);
    for (kind, set) in [
        (PartKind::ExposedCommunication, communication.difference(compute)),
        (PartKind::ExposedCopy, analysis.copies().difference(&busy)),
        (PartKind::Data, data.difference(&all)),
        (PartKind::Idle(None), whole.difference(&all.union(data))),
    ] {
        let clipped = set.clipped(first.unix_nanos(), last.unix_nanos());
        let longest = clipped.spans().iter().max_by_key(|(start, end)| end.saturating_sub(*start));
        let Some(&(start_ns, end_ns)) = longest else { continue };
        let this = Stretch { who: label(rank), start_ns, end_ns };
        let known = found.get(&kind).map(Stretch::length_ns);
        if known.is_none_or(|known| this.length_ns() > known) {
            found.insert(kind, this);
        }
    }
}

/// From the start of the first step to the end of the last, else all of it.
fn window(analysis: &RankAnalysis) -> Option<(Timestamp, Timestamp)> {
    let steps = analysis.steps();
    let first = steps.iter().map(|step| step.start_ns).min();
    let last = steps.iter().map(|step| step.start_ns.saturating_add(step.duration_ns)).max();
    match (first, last) {
        (Some(first), Some(last)) if first < last => {
            Some((Timestamp::from_unix_nanos(first), Timestamp::from_unix_nanos(last)))
        }
        _ => analysis.extent(),
    }
}
