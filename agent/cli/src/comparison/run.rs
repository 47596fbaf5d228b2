//! What one run contributes to a comparison.

use std::collections::BTreeMap;

use perfagent_analysis::report::{Basis, Rank, Report};
use perfagent_analysis::{StepProfile, StepSums, StepTimes, merge};
use perfagent_recording::Recording;
use perfagent_regress::compare::{Better, Environment, Family, Unit};

use super::environment::{Described, greatest_clock};
use super::part::{Part, losses};
use super::workload::Workload;

/// A metric's name and what it is of.
pub(super) type Key = (&'static str, Option<String>);

/// Samples of one metric in one run.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    pub(super) unit: Unit,
    pub(super) better: Better,
    pub(super) family: Family,
    pub(super) values: Vec<f64>,
}

/// One run: a recording, several of its nodes, or a result of a benchmark.
#[derive(Default)]
pub(crate) struct Run {
    /// Where it was found, as the user gave it.
    pub(super) path: String,
    /// The case of a suite that it is of.
    pub(super) case: Option<String>,
    /// Where it ran.
    pub(super) environment: Environment,
    /// The greatest clock that a GPU was seen at, MHz.
    pub(super) clock_mhz: Option<f64>,
    /// What was measured.
    pub(super) samples: BTreeMap<Key, Samples>,
    /// Steps of its longest rank.
    pub(super) steps: i64,
    /// What its ranks do in a step.
    pub(super) profile: StepProfile,
    /// What its steps went to.
    pub(super) sums: StepSums,
    /// The loss of each step that told one.
    pub(super) losses: BTreeMap<i64, f64>,
    /// What a reader of its figures should know.
    pub(super) warnings: Vec<String>,
}

impl Run {
    /// Takes the figures out of a recording, which is not needed afterwards.
    pub(crate) fn of(path: String, recording: &Recording) -> Self {
        let part = Part::of(&path, recording);
        Self::of_parts(path, vec![part]).0
    }

    /// What the answer calls it.
    pub(super) fn name(&self) -> String {
        match &self.case {
            Some(case) if !self.path.contains(case.as_str()) => format!("{} ({case})", self.path),
            _ => self.path.clone(),
        }
    }

    /// One run of all these recordings, such as one a node, and its report.
    pub(super) fn of_parts(path: String, parts: Vec<Part>) -> (Self, Report) {
        let mut run = Self { path, ..Self::default() };
        let (mut summaries, mut told) = (Vec::new(), BTreeMap::new());
        let (mut times, mut workload) = (StepTimes::default(), Workload::default());
        let (mut version, mut longest) = (None, None::<f64>);
        for mut part in parts {
            told.append(&mut part.take_losses());
            run.profile.add(part.figures.profile);
            times.add(part.figures.times);
            summaries.push(part.figures.summary);
            if workload.description.is_none() {
                workload = part.workload;
            }
            version = version.or(part.version);
            longest = longest.into_iter().chain(part.run_time).reduce(f64::max);
        }
        let report = merge(summaries);
        let mut described = Described::of_report(&report);
        if workload.torch.is_some() {
            described.torch.clone_from(&workload.torch);
        }
        described.workload.clone_from(&workload.description);
        described.perfagent = version;
        run.environment = described.facts();
        run.clock_mhz = greatest_clock(&report);
        run.losses = losses(&report.ranks, &told);
        run.steps = report.ranks.iter().map(|rank| rank.step.count).max().unwrap_or(0);
        run.warnings.clone_from(&report.warnings);
        times.leave_out_warm_up();
        run.add_steps(&report.ranks, &times, &workload);
        if run.steps == 0 {
            run.headline(
                "run_time",
                Unit::Nanoseconds,
                Better::Lower,
                longest.into_iter().collect(),
            );
        }
        run.sums = times.sums();
        run.add_memory(&report.ranks);
        run.add_kernels(&report.ranks);
        run.add_launches(&report.ranks);
        run.add_data(&report.ranks, &times);
        run.add_collectives(&report.ranks);
        (run, report)
    }

    /// The samples of a metric, if the run has it.
    pub(super) fn values(&self, name: &str, subject: Option<&str>) -> Option<&[f64]> {
        let mut all = self.samples.iter();
        let found = all.find(|(key, _)| key.0 == name && key.1.as_deref() == subject);
        found.map(|(_, samples)| samples.values.as_slice())
    }

    pub(super) fn headline(
        &mut self,
        name: &'static str,
        unit: Unit,
        better: Better,
        values: Vec<f64>,
    ) {
        self.add((name, None), Samples { unit, better, family: Family::Headline, values });
    }

    /// Something to look at when a headline figure changed; less is better.
    pub(super) fn detail(&mut self, name: &'static str, unit: Unit, values: Vec<f64>) {
        let (better, family) = (Better::Lower, Family::Detail);
        self.add((name, None), Samples { unit, better, family, values });
    }

    pub(super) fn add(&mut self, key: Key, samples: Samples) {
        if !samples.values.is_empty() {
            self.samples.insert(key, samples);
        }
    }

    /// Lengths of the steps, and the rate of what a step holds: tokens, or samples where there are none.
    pub(super) fn add_times(
        &mut self,
        times: Vec<f64>,
        (tokens, samples): (Option<f64>, Option<f64>),
    ) {
        let rate = tokens.map(|tokens| (tokens, Unit::TokensPerSecond));
        let rate = rate.or(samples.map(|samples| (samples, Unit::SamplesPerSecond)));
        if let Some((pieces, unit)) = rate {
            let rates = times.iter().filter(|&&time| time > 0.0).map(|time| pieces * 1e9 / time);
            self.headline("throughput", unit, Better::Higher, rates.collect());
        }
        self.headline("step_time", Unit::Nanoseconds, Better::Lower, times);
    }

    /// Step time, throughput and exposed communication, a sample a step. A step of the job is as long as
    /// that of its slowest rank.
    fn add_steps(&mut self, ranks: &[Rank], times: &StepTimes, workload: &Workload) {
        let lengths = times.durations().map(|(_, duration)| duration as f64).collect();
        self.add_times(lengths, (workload.tokens_per_step, workload.samples_per_step));
        if ranks.iter().any(|rank| rank.comm_ns > 0) {
            let exposed = of_steps(ranks, times, |step| step.breakdown.exposed_comm_ns);
            self.headline("exposed_communication", Unit::Nanoseconds, Better::Lower, exposed);
        }
    }

    /// Peaks of memory, of the rank that needs most.
    fn add_memory(&mut self, ranks: &[Rank]) {
        type Peak = fn(&Rank) -> Option<i64>;
        let peaks: [(&str, Peak); 4] = [
            ("peak_allocated_memory", |rank| rank.memory.peak_allocated_bytes),
            ("peak_reserved_memory", |rank| rank.memory.peak_reserved_bytes),
            ("peak_device_memory", |rank| rank.memory.peak_device_bytes),
            ("peak_host_memory", |rank| rank.host_usage.rss_peak_bytes),
        ];
        for (name, peak) in peaks {
            let greatest = ranks.iter().filter_map(peak).max().map(|bytes| bytes as f64);
            self.headline(name, Unit::Bytes, Better::Lower, greatest.into_iter().collect());
        }
    }

    /// Time and count of each kernel, or of what takes its place, a step and rank; of the whole run where
    /// no steps are marked.
    fn add_kernels(&mut self, ranks: &[Rank]) {
        let mut totals: BTreeMap<(RowKind, &str), (i64, i64)> = BTreeMap::new();
        for rank in ranks {
            for kernel in &rank.kernels {
                let kind = RowKind::of(rank.basis);
                let total = totals.entry((kind, kernel.name.as_str())).or_default();
                total.0 += kernel.total_ns;
                total.1 += kernel.count;
            }
        }
        for ((kind, kernel), total) in totals {
            self.add_total(kind.names(), kernel, (total, shares(ranks)));
        }
    }

    /// Time and count of something, divided by the steps.
    fn add_total(
        &mut self,
        (time_name, count_name): (&'static str, &'static str),
        subject: &str,
        ((time, count), shared_by): ((i64, i64), f64),
    ) {
        for (name, unit, total) in
            [(time_name, Unit::Nanoseconds, time), (count_name, Unit::Count, count)]
        {
            let values = vec![total as f64 / shared_by];
            let (better, family) = (Better::Lower, Family::Detail);
            self.add((name, Some(subject.to_owned())), Samples { unit, better, family, values });
        }
    }

    /// What launching costs: the mean length of a launching call, and the part of a step in which nothing held a launched
    /// operation up any more and it had not begun. The delay of all launches would be longest where the GPU is busiest.
    fn add_launches(&mut self, ranks: &[Rank]) {
        let (mut launches, mut calls) = (0, 0);
        let (mut delay, mut paths) = (0.0, 0);
        for rank in ranks {
            launches += rank.launch_statistics.launches;
            calls += rank.launch_statistics.call_ns;
            let path = rank.critical_path.as_ref().filter(|path| path.window_ns > 0);
            let (Some(path), Some(step)) = (path, rank.step.mean_ns) else { continue };
            if rank.launch.count > 0 {
                let on_path = path.by_kind.iter().find(|row| row.kind == "launch_delay");
                let time = on_path.map_or(0, |row| row.total_ns) as f64;
                (delay, paths) = (delay + time / path.window_ns as f64 * step, paths + 1);
            }
        }
        if launches > 0 {
            let mean = calls as f64 / launches as f64;
            self.detail("launch_call", Unit::Nanoseconds, vec![mean]);
        }
        if paths > 0 {
            self.detail("launch_delay", Unit::Nanoseconds, vec![delay / f64::from(paths)]);
        }
    }

    /// Loading of data, a sample a step; and how often and how long a step waited for a loader that says so.
    fn add_data(&mut self, ranks: &[Rank], times: &StepTimes) {
        let loads = ranks.iter().any(|rank| rank.data_range_count > 0);
        if !loads || self.steps == 0 {
            return;
        }
        let loading = of_steps(ranks, times, |step| step.breakdown.data_ns);
        self.detail("data_time", Unit::Nanoseconds, loading);
        let waits = ranks.iter().flat_map(|rank| &rank.ranges);
        let waits = waits.filter(|row| row.name == "data_wait" && row.domain == "perfagent");
        let (time, count) =
            waits.fold((0, 0), |sum, row| (sum.0 + row.total_ns, sum.1 + row.count));
        self.add_stalls((time, count), shares(ranks));
    }

    /// Time and number of waits for data, divided by the steps.
    pub(super) fn add_stalls(&mut self, (time, count): (i64, i64), shared_by: f64) {
        self.detail("data_stall_time", Unit::Nanoseconds, vec![time as f64 / shared_by]);
        self.detail("data_stall_count", Unit::Count, vec![count as f64 / shared_by]);
    }

    /// Bus bandwidth of each kind of collective, the mean over its ranks, and its time and count a step and rank.
    fn add_collectives(&mut self, ranks: &[Rank]) {
        let mut kinds: BTreeMap<String, (Vec<f64>, i64, i64)> = BTreeMap::new();
        for row in ranks.iter().flat_map(|rank| &rank.collectives) {
            let parts = [Some(row.op.clone()), row.dtype.clone(), row.group.clone()];
            let mut kind = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
            if let Some(size) = row.group_size {
                kind = format!("{kind} of {size}");
            }
            let (rates, time, count) = kinds.entry(kind).or_default();
            // A barrier moves nothing.
            rates.extend(row.busbw_gbps.filter(|&rate| rate > 0.0));
            (*time, *count) = (*time + row.total_ns, *count + row.count);
        }
        for (kind, (rates, time, count)) in kinds {
            let names = ("collective_time", "collective_count");
            self.add_total(names, &kind, ((time, count), shares(ranks)));
            let rate = (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64);
            let samples = Samples {
                unit: Unit::GigabytesPerSecond,
                better: Better::Higher,
                family: Family::Detail,
                values: rate.into_iter().collect(),
            };
            self.add(("bus_bandwidth", Some(kind)), samples);
        }
    }
}

/// What totals of all ranks are divided by: their steps, or the ranks where no steps are marked.
fn shares(ranks: &[Rank]) -> f64 {
    let steps: i64 = ranks.iter().map(|rank| rank.step.count).sum();
    if steps > 0 { steps as f64 } else { (ranks.len() as f64).max(1.0) }
}

/// A figure of each step that counts, of the rank with the greatest.
fn of_steps(
    ranks: &[Rank],
    times: &StepTimes,
    figure: fn(&perfagent_analysis::report::Step) -> i64,
) -> Vec<f64> {
    let mut greatest: BTreeMap<i64, i64> = BTreeMap::new();
    for step in ranks.iter().flat_map(|rank| &rank.steps) {
        let known = greatest.entry(step.index).or_default();
        *known = (*known).max(figure(step));
    }
    times.durations().filter_map(|(index, _)| Some(*greatest.get(&index)? as f64)).collect()
}

/// What a row of the kernel table is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum RowKind {
    Kernel,
    Operator,
    Range,
}

impl RowKind {
    fn of(basis: Basis) -> Self {
        match basis {
            Basis::Gpu => Self::Kernel,
            Basis::Operators => Self::Operator,
            Basis::Ranges => Self::Range,
        }
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Kernel => ("kernel_time", "kernel_count"),
            Self::Operator => ("operator_time", "operator_count"),
            Self::Range => ("range_time", "range_count"),
        }
    }
}
