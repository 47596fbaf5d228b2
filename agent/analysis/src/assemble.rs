//! From recordings to the report document.

use perfagent_recording::Recording;
use perfagent_recording::table::Severity;

use crate::category::Categories;
use crate::clock::Clocks;
use crate::collective_test::collective_tests;
use crate::rank::{RankAnalysis, analyse};
use crate::report::{
    Basis, CollectiveTestRow, HostFacts, Lost, Rank, RecordingFacts, Report, SCHEMA,
};
use crate::rules::Rules;
use crate::wait::Waits;
use crate::{doubt, file, loss, usage, wait};

/// The report of one recording. `path` is shown as where it was found.
#[must_use]
pub fn report(recording: &Recording, path: &str) -> Report {
    report_many(&[(recording, path)])
}

/// The report of the recordings of one run, for example one a node, with all their ranks.
#[must_use]
pub fn report_many(recordings: &[(&Recording, &str)]) -> Report {
    let analysed: Vec<Vec<RankAnalysis>> =
        recordings.iter().map(|(recording, _)| analyse(recording, Rules::built_in())).collect();
    let parts: Vec<_> = recordings
        .iter()
        .zip(&analysed)
        .map(|(&(recording, path), ranks)| (recording, path, ranks.as_slice()))
        .collect();
    report_of(&parts, Rules::built_in())
}

/// The report of recordings that were analysed before, each with its path and its ranks.
#[must_use]
pub fn report_of(parts: &[(&Recording, &str, &[RankAnalysis])], rules: &Rules) -> Report {
    let recordings: Vec<&Recording> = parts.iter().map(|part| part.0).collect();
    let clocks = Clocks::of(recordings.iter().copied());
    let matches = wait::matches(&recordings, &clocks);
    let mut facts = RecordingFacts {
        path: parts.iter().map(|part| part.1).collect::<Vec<_>>().join(", "),
        source: String::new(),
        duration_ns: file::duration(&recordings, &clocks),
        hosts: Vec::new(),
        lost: Lost::default(),
        losses: Vec::new(),
        files: Vec::new(),
    };
    let (mut ranks, mut warnings, mut sources) = (Vec::new(), Vec::new(), Vec::new());
    let mut tests: Vec<CollectiveTestRow> = Vec::new();
    for (position, (&(recording, path, analyses), waits)) in
        parts.iter().zip(&matches.files).enumerate()
    {
        let source = source(recording, analyses);
        if !sources.contains(&source) {
            sources.push(source);
        }
        for host in hosts(recording) {
            if !facts.hosts.contains(&host) {
                facts.hosts.push(host);
            }
        }
        facts.losses.extend(loss::losses(recording));
        warnings.extend(notes(recording));
        tests.extend(collective_tests(recording, tests.last().map_or(0, |test| test.run)));
        let holds_others =
            !recording.collective_tests.is_empty() || !recording.counter_samples.is_empty();
        if analyses.is_empty() && !holds_others {
            warnings.push(format!(
                "{path} holds no GPU operations, operators, ranges or collectives: there is nothing to report"
            ));
        }
        let own = ranks_of(recording, path, (analyses, waits), rules, &mut warnings);
        facts.files.push(file::facts(recording, path, (&clocks, position), &own));
        ranks.extend(own);
    }
    facts.source = sources.join(", ");
    facts.lost = loss::lost(&facts.losses);
    ranks.sort_by(|a, b| order(a).cmp(&order(b)));
    warnings.extend(loss::sentences(&facts.losses));
    warnings.extend(doubt::doubts(&ranks, &facts.files));
    warnings.extend(matches.doubt());
    Report { schema: SCHEMA.to_owned(), recording: facts, ranks, warnings, collective_tests: tests }
}

fn order(rank: &Rank) -> (bool, Option<i64>, &str, i64) {
    (rank.rank.is_none(), rank.rank, &rank.host, rank.pid)
}

fn ranks_of(
    recording: &Recording,
    path: &str,
    (analyses, waits): (&[RankAnalysis], &Waits),
    rules: &Rules,
    warnings: &mut Vec<String>,
) -> Vec<Rank> {
    let Some(first) = analyses.first() else { return Vec::new() };
    let mut categories = Categories::resume(recording, rules, first.labels());
    let usage = usage::usage(recording);
    let losses = loss::losses(recording);
    analyses
        .iter()
        .map(|analysis| {
            let mut rank = analysis.figures(recording, waits, &mut categories);
            path.clone_into(&mut rank.recording_path);
            rank.host_usage = usage.get(&analysis.process()).copied().unwrap_or_default();
            let of_this = |position: usize| {
                recording.losses.get(position).is_some_and(|loss| loss.process_id == Some(analysis.process()))
            };
            rank.losses = losses
                .iter()
                .enumerate()
                .filter(|&(position, _)| of_this(position))
                .map(|(_, loss)| loss.clone())
                .collect();
            let unfinished = analysis.unfinished_collectives(recording);
            if unfinished > 0 {
                warnings.push(format!(
                    "{unfinished} collectives of {} did not end within the recording; they are not in the table",
                    name(&rank)
                ));
            }
            let untimed: i64 = rank.collectives.iter().map(|row| row.untimed).sum();
            if untimed > 0 {
                warnings.push(format!(
                    "of {untimed} collectives of {} only the handing over to the GPU is known: they are counted, but not in \
                     the times and bandwidths",
                    name(&rank)
                ));
            }
            rank
        })
        .collect()
}

/// How a sentence names a rank.
fn name(rank: &Rank) -> String {
    rank.rank.map_or_else(|| format!("process {}", rank.pid), |number| format!("rank {number}"))
}

fn source(recording: &Recording, analyses: &[RankAnalysis]) -> String {
    let source = recording.meta_value("source").unwrap_or("record");
    let stands_in = |basis| analyses.iter().any(|analysis| analysis.basis() == basis);
    // Of collectives alone nothing takes the place of kernels.
    let has_ranges = !recording.ranges.is_empty();
    match (stands_in(Basis::Operators), stands_in(Basis::Ranges) && has_ranges) {
        (true, true) => format!("{source} (CPU: operators and ranges take the place of kernels)"),
        (true, false) => format!("{source} (CPU: operators take the place of kernels)"),
        (false, true) => format!("{source} (CPU: ranges take the place of kernels)"),
        (false, false) => source.to_owned(),
    }
}

fn hosts(recording: &Recording) -> impl Iterator<Item = HostFacts> {
    recording.hosts.iter().map(|host| HostFacts {
        name: host.name.clone(),
        cpu_model: host.cpu_model.clone(),
        logical_cores: host.logical_cores,
        memory_bytes: host.memory_bytes,
        system: host.system.clone(),
        driver_version: host.driver_version.clone(),
    })
}

fn notes(recording: &Recording) -> impl Iterator<Item = String> {
    recording.notes.iter().filter(|note| note.severity == Severity::Warning).map(|note| {
        let process = note.process_id.and_then(|id| recording.process(id));
        let name = process.map(|process| format!("process {}", process.pid));
        match name {
            // Some texts name it already.
            Some(name) if !note.text.starts_with(&name) => format!("{name}: {}", note.text),
            _ => note.text.clone(),
        }
    })
}
