//! What one recording contributes to a comparison.

use std::collections::BTreeMap;

use perfagent_analysis::report::{Basis, Rank};
use perfagent_analysis::{StepProfile, report_and_steps};
use perfagent_recording::Recording;
use perfagent_regress::compare::{Better, Environment, Family, Unit};

use super::environment;
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

/// One recorded run.
pub(crate) struct Run {
    /// The recording, as the user gave it.
    pub(super) path: String,
    /// Where it ran.
    pub(super) environment: Environment,
    /// What was measured.
    pub(super) samples: BTreeMap<Key, Samples>,
    /// Steps of its longest rank.
    pub(super) steps: i64,
    /// What its ranks do in a step.
    pub(super) profile: StepProfile,
    /// What a reader of its figures should know.
    pub(super) warnings: Vec<String>,
}

impl Run {
    /// Takes the figures out of a recording, which is not needed afterwards.
    pub(crate) fn of(path: String, recording: &Recording) -> Self {
        let (report, profile) = report_and_steps(recording, &path);
        let workload = Workload::of(recording);
        let mut run = Self {
            environment: environment::environment(recording, &report, &workload),
            samples: BTreeMap::new(),
            steps: report.ranks.iter().map(|rank| rank.step.count).max().unwrap_or(0),
            profile,
            warnings: report.warnings,
            path,
        };
        run.add_steps(&report.ranks, &workload);
        if run.steps == 0 {
            run.add_run_time(recording);
        }
        run.add_memory(&report.ranks);
        run.add_kernels(&report.ranks);
        run.add_collectives(&report.ranks);
        run
    }

    /// The samples of a metric, if the run has it.
    pub(crate) fn values(&self, name: &str, subject: Option<&str>) -> Option<&[f64]> {
        let is_meant = |(key, _): &(&Key, &Samples)| key.0 == name && key.1.as_deref() == subject;
        self.samples.iter().find(is_meant).map(|(_, samples)| samples.values.as_slice())
    }

    fn headline(&mut self, name: &'static str, unit: Unit, better: Better, values: Vec<f64>) {
        self.add((name, None), Samples { unit, better, family: Family::Headline, values });
    }

    fn add(&mut self, key: Key, samples: Samples) {
        if !samples.values.is_empty() {
            self.samples.insert(key, samples);
        }
    }

    /// Step time, throughput and exposed communication, a sample a step. A step of the job is as long as
    /// that of its slowest rank. The first step warms up and does not count where there are others.
    fn add_steps(&mut self, ranks: &[Rank], workload: &Workload) {
        let mut steps: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
        for step in ranks.iter().flat_map(|rank| &rank.steps) {
            let (longest, exposed) = steps.entry(step.index).or_default();
            *longest = (*longest).max(step.duration_ns);
            *exposed = (*exposed).max(step.breakdown.exposed_comm_ns);
        }
        let warm_up = usize::from(steps.len() > 2);
        let steady: Vec<(i64, i64)> = steps.into_values().skip(warm_up).collect();
        let times: Vec<f64> = steady.iter().map(|step| step.0 as f64).collect();
        if let Some(tokens) = workload.tokens_per_step {
            let rates = times.iter().filter(|&&time| time > 0.0).map(|time| tokens * 1e9 / time);
            self.headline("throughput", Unit::TokensPerSecond, Better::Higher, rates.collect());
        }
        self.headline("step_time", Unit::Nanoseconds, Better::Lower, times);
        if ranks.iter().any(|rank| rank.comm_ns > 0) {
            let exposed = steady.iter().map(|step| step.1 as f64).collect();
            self.headline("exposed_communication", Unit::Nanoseconds, Better::Lower, exposed);
        }
    }

    /// From the start of the command to the end of the last of its processes: what a run without marked steps is judged by.
    fn add_run_time(&mut self, recording: &Recording) {
        let processes = || recording.processes.iter();
        let start = processes().map(|process| process.start_ns).min();
        // Of one whose end was not seen nothing can be said.
        let end = processes().map(|process| process.end_ns).min().flatten();
        let end = end.and_then(|_| processes().filter_map(|process| process.end_ns).max());
        let time = start.zip(end).map(|(start, end)| (end - start).nanos() as f64);
        let time = time.filter(|&time| time > 0.0);
        self.headline("run_time", Unit::Nanoseconds, Better::Lower, time.into_iter().collect());
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
        let steps: i64 = ranks.iter().map(|rank| rank.step.count).sum();
        let shared_by = if steps > 0 { steps } else { ranks.len() as i64 } as f64;
        for ((kind, kernel), (time, count)) in totals {
            let (time_name, count_name) = kind.names();
            for (name, unit, total) in
                [(time_name, Unit::Nanoseconds, time), (count_name, Unit::Count, count)]
            {
                let values = vec![total as f64 / shared_by];
                let samples =
                    Samples { unit, better: Better::Lower, family: Family::Detail, values };
                self.add((name, Some(kernel.to_owned())), samples);
            }
        }
    }

    /// Bus bandwidth of each kind of collective, the mean over its ranks.
    fn add_collectives(&mut self, ranks: &[Rank]) {
        let mut rates: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for row in ranks.iter().flat_map(|rank| &rank.collectives) {
            // A barrier moves nothing.
            let Some(rate) = row.busbw_gbps.filter(|&rate| rate > 0.0) else { continue };
            let parts = [Some(row.op.clone()), row.dtype.clone(), row.group.clone()];
            let mut kind = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
            if let Some(size) = row.group_size {
                kind = format!("{kind} of {size}");
            }
            rates.entry(kind).or_default().push(rate);
        }
        for (kind, rates) in rates {
            let values = vec![rates.iter().sum::<f64>() / rates.len() as f64];
            let samples = Samples {
                unit: Unit::GigabytesPerSecond,
                better: Better::Higher,
                family: Family::Detail,
                values,
            };
            self.add(("bus_bandwidth", Some(kind)), samples);
        }
    }
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
