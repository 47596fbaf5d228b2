//! A first look at the events: which processes have any, and from when to when. The second look can then write each row at
//! once, in the order of the file.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::database::Database;
use super::global_id::GlobalId;
use super::names::Names;
use super::problem::Problems;
use super::row::row;
use super::vocabulary::{Nvtx, Vocabulary};
use super::{EVENTS, NVTX};
use crate::decimal::is_time;

/// From the first to the last sign of life, relative to the session's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// By process; `None` for events that do not tell theirs.
    pub(crate) processes: BTreeMap<Option<GlobalId>, Extent>,
    /// Names of NVTX domains, by process and number.
    domains: FxHashMap<(Option<GlobalId>, i64), String>,
    /// Names of NVTX categories, by process, domain and number.
    categories: FxHashMap<(Option<GlobalId>, i64, i64), String>,
    /// Names that the program gave its threads.
    pub(crate) threads: FxHashMap<GlobalId, String>,
    /// Whether of each thread the range that starts first stands first, and of those that start together the longest.
    pub(crate) is_nested: bool,
}

row! {
    /// Of any table of events.
    Event { process: i64 = "globalPid", thread: i64 = "globalTid", start: i64 = "start", end: i64 = "end", }
}

row! {
    /// Of `NVTX_EVENTS`.
    NvtxEvent {
        process: i64 = "globalPid",
        thread: i64 = "globalTid",
        start: i64 = "start",
        end: i64 = "end",
        kind: i64 = "eventType",
        domain: i64 = "domainId",
        category: i64 = "category",
    }
}

row! {
    /// The text of an event.
    Label { kind: i64 = "eventType", text: String = "text", text_id: i64 = "textId", }
}

impl Survey {
    /// Looks at all events. What is wrong with them is counted when they are read.
    pub(crate) fn of(database: &Database, vocabulary: &Vocabulary, names: &Names) -> Self {
        let mut survey = Self { is_nested: true, ..Self::default() };
        survey.look(database, vocabulary, names);
        survey
    }

    fn look(&mut self, database: &Database, vocabulary: &Vocabulary, names: &Names) {
        let mut unheard = Problems::default();
        for table in EVENTS {
            database.look(table, &mut unheard, |_, _, row: Event| {
                self.see(row.process.or(row.thread), row.start, row.end);
            });
        }
        // The last range of each thread.
        let mut last: FxHashMap<Option<i64>, (i64, Reverse<i64>)> = FxHashMap::default();
        let mut labels = Vec::new();
        database.look(NVTX, &mut unheard, |_, number, row: NvtxEvent| {
            match vocabulary.nvtx_event(row.kind) {
                Some(Nvtx::Pushed) => {
                    let start = row.start.unwrap_or(i64::MIN);
                    // One without a usable end lasts until its process does.
                    let end = row.end.filter(|&end| is_time(end)).unwrap_or(i64::MAX);
                    let place = (start, Reverse(end));
                    let before = last.insert(row.thread, place);
                    self.is_nested &= before.is_none_or(|before| before <= place);
                    self.see(row.process.or(row.thread), row.start, row.end);
                }
                Some(Nvtx::Started | Nvtx::Mark) => {
                    self.see(row.process.or(row.thread), row.start, row.end);
                }
                Some(_) => labels.push((number, row)),
                None => {}
            }
        });
        // Few, and only of them the text is wanted.
        if labels.is_empty() {
            return;
        }
        let mut labels = labels.into_iter().peekable();
        database.look(NVTX, &mut unheard, |_, number, label: Label| {
            let Some((_, row)) = labels.next_if(|(labelled, _)| *labelled == number) else {
                return;
            };
            let text = label.text.as_deref().or_else(|| names.text(label.text_id));
            if let Some(text) = text {
                self.name(vocabulary.nvtx_event(label.kind), &row, text);
            }
        });
    }

    /// Takes in a name.
    fn name(&mut self, kind: Option<Nvtx>, row: &NvtxEvent, text: &str) {
        let process = row.process.or(row.thread).map(|id| GlobalId(id).process());
        let domain = row.domain.unwrap_or(0);
        match (kind, row.thread, row.category) {
            (Some(Nvtx::Domain), ..) => drop(self.domains.insert((process, domain), text.into())),
            (Some(Nvtx::Category), _, Some(category)) => {
                self.categories.insert((process, domain, category), text.into());
            }
            (Some(Nvtx::Thread), Some(thread), _) => {
                self.threads.insert(GlobalId(thread), text.into());
            }
            _ => {}
        }
    }

    fn see(&mut self, id: Option<i64>, start: Option<i64>, end: Option<i64>) {
        let Some(start) = start.filter(|&start| is_time(start)) else { return };
        let end = end.filter(|&end| is_time(end)).map_or(start, |end| end.max(start));
        let process = id.map(|id| GlobalId(id).process());
        let extent = self.processes.entry(process).or_insert(Extent { start, end });
        extent.start = extent.start.min(start);
        extent.end = extent.end.max(end);
    }

    /// The name of an NVTX domain.
    pub(crate) fn domain(&self, owner: Option<GlobalId>, number: i64) -> Option<&String> {
        let of = |owner| self.domains.get(&(owner, number));
        of(owner).or_else(|| of(None))
    }

    /// The name of an NVTX category.
    pub(crate) fn category(
        &self,
        owner: Option<GlobalId>,
        domain: i64,
        number: i64,
    ) -> Option<&String> {
        let of = |owner| self.categories.get(&(owner, domain, number));
        of(owner).or_else(|| of(None))
    }

    /// Gives events that do not tell their process to the only one that there is.
    pub(crate) fn settle(&mut self) {
        if self.processes.len() != 2 {
            return;
        }
        if let (Some(unknown), Some(mut only)) =
            (self.processes.remove(&None), self.processes.first_entry())
        {
            let only = only.get_mut();
            only.start = only.start.min(unknown.start);
            only.end = only.end.max(unknown.end);
        }
    }
}
