//! Which runs are held against which, and the verdict on them.

use std::collections::BTreeMap;

use anyhow::bail;
use perfagent_history::{Measurement, Selection, Store, StoredRun};
use perfagent_regress::compare::{Better, Family};
use perfagent_regress::history::{self, Group, HistoryCheck, Metric, RunName, Settings};

use super::comparable::{comparable, differences};
use super::short;

/// Older runs that are looked through for metrics that the newest no longer have.
const REMEMBERED: usize = 8;

/// What is asked.
pub(crate) struct Question<'a> {
    /// The suite and machine, if not all; the commit and branch that are judged, if not the newest.
    pub(crate) wanted: Selection,
    /// The branch whose history counts, if another one.
    pub(crate) baseline_branch: Option<&'a str>,
    /// Judge so many runs of the branch, whatever their commits.
    pub(crate) newest: Option<usize>,
    /// Older runs that count at most.
    pub(crate) window: usize,
    /// Order runs by their times.
    pub(crate) by_time: bool,
    /// Compare runs of other environments too.
    pub(crate) force: bool,
}

/// Judges the newest runs; `name` is the store's, for messages. The store is closed before anything is
/// computed, so that no writer waits for that.
pub(crate) fn judged(
    store: Store,
    name: &str,
    question: &Question<'_>,
    settings: &Settings,
) -> anyhow::Result<HistoryCheck> {
    let Selection { commit, branch, suite, machine } = question.wanted.clone();
    let mut runs = store.runs(&Selection { suite, machine, ..Selection::default() })?;
    if question.by_time {
        runs.sort_by_key(|stored| stored.run.time);
    }
    let on_branch = |stored: &&StoredRun| {
        branch.as_ref().is_none_or(|branch| *branch == stored.run.branch)
            && commit.as_ref().is_none_or(|id| stored.run.commit.starts_with(id.as_str()))
    };
    let Some(last) = runs.iter().rev().find(on_branch) else {
        bail!("{name}: holds no such run; `perfagent history list` shows those that there are");
    };
    let (commit, branch) = (last.run.commit.clone(), last.run.branch.clone());
    let mut series: BTreeMap<(&str, &str), Vec<&StoredRun>> = BTreeMap::new();
    for stored in &runs {
        series.entry((&stored.run.suite, &stored.run.machine)).or_default().push(stored);
    }
    let mut groups = Vec::new();
    let mut warnings = Vec::new();
    for ((suite, machine), runs) in series {
        let place = format!("{suite} on {machine}");
        let (older, newest) = split(&runs, &commit, &branch, question);
        let Some(&reference) = newest.last() else {
            if let Some(seen) = runs.iter().rev().find(|stored| stored.run.branch == branch) {
                warnings.push(format!(
                    "{place} was not measured at this commit; last at {}.",
                    short(&seen.run.commit)
                ));
            }
            continue;
        };
        let (newest, older, set_aside) = if question.force {
            (newest, older, Vec::new())
        } else {
            let (newest, others) = comparable(newest, reference);
            if !others.is_empty() {
                let count: usize = others.iter().map(|other| other.runs).sum();
                warnings.push(format!(
                    "{place}: {count} of the newest runs were measured in another environment than the last one and are not judged."
                ));
            }
            let (older, set_aside) = comparable(older, reference);
            (newest, older, set_aside)
        };
        let older = &older[older.len().saturating_sub(question.window)..];
        if set_aside.is_empty() || !older.is_empty() {
            warnings.extend(remarks(&place, older, &newest, question.by_time));
        }
        groups.push(Group {
            suite: suite.to_owned(),
            machine: machine.to_owned(),
            newest: newest.iter().map(|stored| named(stored)).collect(),
            older: older.len(),
            set_aside,
            metrics: metrics(&store, older, &newest)?,
        });
    }
    drop(store);
    let mut check = history::check(groups, settings)?;
    check.warnings = warnings;
    Ok(check)
}

/// The older runs and the newest ones.
fn split<'a>(
    runs: &[&'a StoredRun],
    commit: &str,
    branch: &str,
    question: &Question<'_>,
) -> (Vec<&'a StoredRun>, Vec<&'a StoredRun>) {
    let places = |wanted: &dyn Fn(&StoredRun) -> bool| -> Vec<usize> {
        (0..runs.len()).filter(|&place| wanted(runs[place])).collect()
    };
    let mut newest = match question.newest {
        None => places(&|stored| stored.run.branch == branch && stored.run.commit == commit),
        Some(count) => {
            let all = places(&|stored| stored.run.branch == branch);
            all[all.len().saturating_sub(count)..].to_vec()
        }
    };
    let baseline = question.baseline_branch.unwrap_or(branch);
    // The other branch goes on while this one is measured.
    let before = if baseline == branch { newest.first() } else { newest.last() };
    let before = before.copied().unwrap_or(0);
    let is_newest = |place: usize| newest.binary_search(&place).is_ok();
    let mut older = places(&|stored| stored.run.branch == baseline);
    older.retain(|&place| place < before && !is_newest(place));
    let pick = |places: &mut Vec<usize>| places.drain(..).map(|place| runs[place]).collect();
    (pick(&mut older), pick(&mut newest))
}

fn named(stored: &StoredRun) -> RunName {
    RunName {
        id: stored.id,
        commit: stored.run.commit.clone(),
        branch: stored.run.branch.clone(),
        time: stored.run.time.rfc3339(),
    }
}

/// What a reader should know of these runs.
fn remarks(place: &str, older: &[&StoredRun], newest: &[&StoredRun], by_time: bool) -> Vec<String> {
    let mut remarks = Vec::new();
    let all: Vec<_> = older.iter().chain(newest).collect();
    let back: Vec<_> = all.windows(2).filter(|pair| pair[1].run.time < pair[0].run.time).collect();
    if let (Some(pair), false) = (back.first(), by_time) {
        remarks.push(format!(
            "{place}: run {} says that it was measured at {}, before run {} ({}), which was added earlier; {} such: a clock ran backwards, or runs were added late. They count in the order of adding; --by-time takes that of their times.",
            pair[1].id,
            pair[1].run.time.rfc3339(),
            pair[0].id,
            pair[0].run.time.rfc3339(),
            back.len()
        ));
    }
    match (older.last(), newest.last()) {
        (Some(older), Some(newest)) => {
            for found in differences(&older.run.environment, &newest.run.environment, false) {
                remarks.push(format!(
                    "{place}: {} was {}, and is {} now.",
                    found.fact,
                    found.base.join(" and "),
                    found.new.join(" and ")
                ));
            }
        }
        (None, Some(newest)) => remarks.push(format!(
            "{place}: there is no older run on the same branch to hold run {} against. When one commit is measured again and again, --newest 1 judges its last run.",
            newest.id
        )),
        _ => {}
    }
    remarks
}

type Key = (String, Option<String>, String, bool, bool);

fn key(metric: &Measurement) -> Key {
    let higher = metric.better == Better::Higher;
    let detail = metric.family == Family::Detail;
    (metric.name.clone(), metric.subject.clone(), metric.unit.clone(), higher, detail)
}

/// Every metric of the newest runs, and those that only the last of the older ones have.
fn metrics(
    store: &Store,
    older: &[&StoredRun],
    newest: &[&StoredRun],
) -> anyhow::Result<Vec<Metric>> {
    let mut metrics: Vec<Metric> = Vec::new();
    let mut places: BTreeMap<Key, usize> = BTreeMap::new();
    let mut of_older: BTreeMap<Key, (Vec<f64>, usize)> = BTreeMap::new();
    for (index, stored) in older.iter().enumerate() {
        for found in store.values(stored.id)? {
            let series = of_older.entry(key(&found.metric)).or_default();
            series.0.push(found.value);
            series.1 = index;
        }
    }
    let new_metric = |metric: Measurement| Metric {
        name: metric.name,
        subject: metric.subject,
        unit: metric.unit,
        better: metric.better,
        family: metric.family,
        older: Vec::new(),
        newest: Vec::new(),
    };
    for stored in newest {
        for found in store.values(stored.id)? {
            let key = key(&found.metric);
            let place = *places.entry(key.clone()).or_insert_with(|| {
                let known = of_older.remove(&key).unwrap_or_default().0;
                metrics.push(Metric { older: known, ..new_metric(found.metric) });
                metrics.len() - 1
            });
            metrics[place].newest.push(found.value);
        }
    }
    let remembered = older.len().saturating_sub(REMEMBERED);
    for ((name, subject, unit, higher, detail), (values, last)) in of_older {
        if last >= remembered {
            metrics.push(Metric {
                name,
                subject,
                unit,
                better: if higher { Better::Higher } else { Better::Lower },
                family: if detail { Family::Detail } else { Family::Headline },
                older: values,
                newest: Vec::new(),
            });
        }
    }
    Ok(metrics)
}
