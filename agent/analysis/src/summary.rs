//! What the report of a run needs of one of its recordings.

use std::collections::BTreeMap;

use perfagent_recording::table::Severity;
use perfagent_recording::{ProcessId, Recording};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use serde::{Deserialize, Serialize};

use crate::category::Categories;
use crate::collective::Call;
use crate::collective_test::collective_tests;
use crate::critical::CallOnPath;
use crate::rank::RankAnalysis;
use crate::report::{Basis, CollectiveTestRow, FileFacts, HostFacts, HostUsage, LossRow, Rank};
use crate::rules::Rules;
use crate::{extent, identity, loss, rank, usage};

/// The name and version of the format of a stored summary.
const SCHEMA: &str = "perfagent.summary/1";

/// A year: no run was recorded before 1971.
const YEAR_NS: i64 = 365 * 86_400 * 1_000_000_000;

/// The figures of one recording, with what is needed to match its collectives with those of others. It is small: the size of its
/// tables, and some forty bytes for each collective of a numbered group. A run of a thousand ranks is summarised recording by
/// recording, on as many machines as one likes, and [`merge`](crate::merge)d afterwards.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    schema: String,
    /// What tells it from other recordings.
    pub(crate) identity: u64,
    pub(crate) has_processes: bool,
    /// How the report names the source of its figures.
    pub(crate) source: String,
    /// What it holds; its clock's number is given when it is merged.
    pub(crate) facts: FileFacts,
    /// The boot of its machine, and what its recorder added to the monotonic clock of that boot.
    pub(crate) boot: Option<(String, i64)>,
    pub(crate) hosts: Vec<HostFacts>,
    pub(crate) losses: Vec<LossRow>,
    pub(crate) warnings: Vec<String>,
    pub(crate) ranks: Vec<RankSummary>,
    /// Its benchmarks are numbered from 1 on.
    pub(crate) collective_tests: Vec<CollectiveTestRow>,
    /// The command that was recorded.
    pub command: Option<String>,
    /// When its first process was started, ns since the Unix epoch, where that is known.
    pub started_ns: Option<i64>,
}

/// The figures of one rank, before its collectives are matched with those of others.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RankSummary {
    pub(crate) rank: Rank,
    /// The position of its machine among the hosts of its recording.
    pub(crate) host: Option<usize>,
    pub(crate) calls: Vec<Call>,
    /// Those of them that are on the critical path, in order; empty in summaries of versions that did not tell.
    #[serde(default)]
    pub(crate) on_path: Vec<CallOnPath>,
}

impl Summary {
    /// Summarises a recording. `path` is shown as where it was found.
    #[must_use]
    pub fn of(recording: &Recording, path: &str) -> Self {
        Self::by(recording, path, Rules::built_in())
    }

    /// [`Summary::of`] with other rules.
    #[must_use]
    pub fn by(recording: &Recording, path: &str, rules: &Rules) -> Self {
        let categories = Categories::new(recording, rules);
        let common = Common::of(recording, path, &categories);
        let ranks = rank::of_each(recording, &categories, |rank| common.figures(rank));
        Self::from_figures(recording, path, ranks)
    }

    /// The summary of a recording that was analysed by these rules.
    pub(crate) fn from_analyses(
        recording: &Recording,
        path: &str,
        analyses: &[RankAnalysis],
        rules: &Rules,
    ) -> Self {
        let categories = match analyses.first() {
            Some(first) => Categories::resume(recording, rules, first.labels()),
            None => Categories::new(recording, rules),
        };
        let common = Common::of(recording, path, &categories);
        let ranks = analyses.par_iter().map(|rank| common.figures(rank)).collect();
        Self::from_figures(recording, path, ranks)
    }

    fn from_figures(recording: &Recording, path: &str, figures: Vec<Figures>) -> Self {
        let mut warnings: Vec<String> = notes(recording).collect();
        let holds_others =
            !recording.collective_tests.is_empty() || !recording.counter_samples.is_empty();
        if figures.is_empty() && !holds_others {
            warnings.push(format!(
                "{path} holds no GPU operations, operators, ranges or collectives: there is nothing to report"
            ));
        }
        let source = source(recording, &figures);
        let mut ranks = Vec::with_capacity(figures.len());
        for mut figures in figures {
            warnings.append(&mut figures.warnings);
            ranks.push(figures.summary);
        }
        let first = recording.processes.iter().min_by_key(|process| process.start_ns);
        let told = recording.meta_value("command").map(ToOwned::to_owned);
        let command = told.or_else(|| first.map(|process| process.command.clone()));
        let span = extent::span(recording);
        // The processes of a recording stand in the order in which they began.
        let mut numbers: Vec<i64> = ranks.iter().filter_map(|rank| rank.rank.rank).collect();
        numbers.sort_unstable();
        let offset = recording.meta_value("clock_offset_ns").and_then(|text| text.parse().ok());
        Self {
            schema: SCHEMA.to_owned(),
            identity: identity::of(recording, span),
            has_processes: !recording.processes.is_empty(),
            source,
            facts: FileFacts {
                path: path.to_owned(),
                hosts: recording.hosts.iter().map(|host| host.name.clone()).collect(),
                ranks: numbers,
                job: recording.meta_value("job").map(ToOwned::to_owned),
                exit_code: recording.meta_value("exit_code").and_then(|code| code.parse().ok()),
                start_ns: span.map(|(first, _)| first),
                duration_ns: span.map_or(0, |(first, last)| last.saturating_sub(first)),
                clock: 0,
            },
            boot: recording.meta_value("boot_id").map(ToOwned::to_owned).zip(offset),
            hosts: hosts(recording).collect(),
            losses: loss::losses(recording),
            warnings,
            ranks,
            collective_tests: collective_tests(recording),
            command: command.filter(|command| !command.is_empty()),
            // Formats that do not know when a process began leave 0, or count from when it did.
            started_ns: (recording.processes.iter())
                .map(|process| process.start_ns.unix_nanos())
                .filter(|&start| start >= YEAR_NS)
                .min(),
        }
    }

    /// Whether a stored document is a summary of this version.
    #[must_use]
    pub fn is_of_this_version(&self) -> bool {
        self.schema == SCHEMA
    }

    /// Where the recording was found.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.facts.path
    }

    /// How its command ended.
    #[must_use]
    pub const fn exit_code(&self) -> Option<i64> {
        self.facts.exit_code
    }
}

/// What all ranks of a recording are told, worked out once.
struct Common<'a> {
    recording: &'a Recording,
    path: &'a str,
    categories: &'a Categories<'a>,
    usage: BTreeMap<ProcessId, HostUsage>,
    losses: Vec<LossRow>,
}

/// What there is to say of a rank.
struct Figures {
    summary: RankSummary,
    warnings: Vec<String>,
}

impl<'a> Common<'a> {
    fn of(recording: &'a Recording, path: &'a str, categories: &'a Categories<'a>) -> Self {
        let (usage, losses) = (usage::usage(recording), loss::losses(recording));
        Self { recording, path, categories, usage, losses }
    }

    fn figures(&self, analysis: &RankAnalysis) -> Figures {
        let recording = self.recording;
        let (mut rank, calls, on_path) = analysis.figures(recording, self.categories);
        self.path.clone_into(&mut rank.recording_path);
        rank.host_usage = self.usage.get(&analysis.process()).copied().unwrap_or_default();
        let rows = recording.losses.iter().zip(&self.losses);
        rank.losses = rows
            .filter(|(row, _)| row.process_id == Some(analysis.process()))
            .map(|(_, loss)| loss.clone())
            .collect();
        let mut warnings = Vec::new();
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
        let host = recording.process(analysis.process()).map(|process| process.host_id.0);
        let host = host.and_then(|host| usize::try_from(host.checked_sub(1)?).ok());
        Figures { summary: RankSummary { rank, host, calls, on_path }, warnings }
    }
}

/// How a sentence names a rank.
fn name(rank: &Rank) -> String {
    rank.rank.map_or_else(|| format!("process {}", rank.pid), |number| format!("rank {number}"))
}

fn source(recording: &Recording, figures: &[Figures]) -> String {
    let source = recording.meta_value("source").unwrap_or("record");
    let stands_in = |basis| figures.iter().any(|figures| figures.summary.rank.basis == basis);
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
