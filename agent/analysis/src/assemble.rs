//! From recordings to the report document.

use perfagent_recording::Recording;

use crate::clock::Clocks;
use crate::report::{CollectiveTestRow, Lost, Rank, RecordingFacts, Report, SCHEMA};
use crate::{Rules, StepProfile, StepTimes, Summary, analyse, doubt, file, loss, wait};

/// The report of one recording. `path` is shown as where it was found.
#[must_use]
pub fn report(recording: &Recording, path: &str) -> Report {
    merge(vec![Summary::of(recording, path)])
}

/// What a comparison needs of one of the recordings of a run, from one analysis.
#[derive(Clone, Debug)]
pub struct RunFigures {
    /// Its figures.
    pub summary: Summary,
    /// What its ranks do in a step.
    pub profile: StepProfile,
    /// Its steps, each with what it went to.
    pub times: StepTimes,
}

/// Summary, kernels and operators of a step, and the steps' parts. `path` is shown as where the recording was found.
#[must_use]
pub fn run_figures(recording: &Recording, path: &str) -> RunFigures {
    let rules = Rules::built_in();
    let analyses = analyse(recording, rules);
    let (mut profile, mut times) = (StepProfile::default(), StepTimes::default());
    for rank in &analyses {
        profile.add(StepProfile::of(recording, rank));
        times.add(StepTimes::of(recording, rank));
    }
    let summary = Summary::from_analyses(recording, path, &analyses, rules);
    RunFigures { summary, profile, times }
}

/// The report of the recordings of one run, for example one a node, with all their ranks.
#[must_use]
pub fn report_many(recordings: &[(&Recording, &str)]) -> Report {
    merge(recordings.iter().map(|(recording, path)| Summary::of(recording, path)).collect())
}

/// The report of a run from the summaries of its recordings: collectives are matched across them.
#[must_use]
pub fn merge(mut summaries: Vec<Summary>) -> Report {
    let clocks = Clocks::of(&summaries);
    let matches = wait::add_waits(&mut summaries, &clocks);
    let paths: Vec<&str> = summaries.iter().map(|summary| summary.facts.path.as_str()).collect();
    let mut facts = RecordingFacts {
        path: paths.join(", "),
        source: String::new(),
        duration_ns: file::duration(&summaries, &clocks),
        hosts: Vec::new(),
        lost: Lost::default(),
        losses: Vec::new(),
        files: Vec::new(),
        alignment: matches.alignments(),
    };
    let (mut ranks, mut warnings, mut sources) = (Vec::new(), Vec::new(), Vec::new());
    let mut tests = Vec::new();
    for (position, mut summary) in summaries.into_iter().enumerate() {
        if !sources.contains(&summary.source) {
            sources.push(summary.source);
        }
        for host in summary.hosts {
            if !facts.hosts.contains(&host) {
                facts.hosts.push(host);
            }
        }
        facts.losses.append(&mut summary.losses);
        warnings.append(&mut summary.warnings);
        let earlier = tests.last().map_or(0, |test: &CollectiveTestRow| test.run);
        tests.extend(summary.collective_tests.into_iter().map(|mut test| {
            test.run += earlier;
            test
        }));
        summary.facts.clock = clocks.of_file(position).0 as i64;
        facts.files.push(summary.facts);
        ranks.extend(summary.ranks.into_iter().map(|summary| summary.rank));
    }
    facts.source = sources.join(", ");
    facts.lost = loss::lost(&facts.losses);
    ranks.sort_by(|a, b| order(a).cmp(&order(b)));
    warnings.extend(loss::sentences(&facts.losses));
    warnings.extend(doubt::doubts(&ranks, &facts.files));
    warnings.extend(matches.doubts());
    Report { schema: SCHEMA.to_owned(), recording: facts, ranks, warnings, collective_tests: tests }
}

fn order(rank: &Rank) -> (bool, Option<i64>, &str, i64) {
    (rank.rank.is_none(), rank.rank, &rank.host, rank.pid)
}
