//! The few figures of a run that are worth a curve.

use perfagent_analysis::report::Rank;
use perfagent_analysis::{Report, total};
use perfagent_recording::Recording;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Lengths of steps, seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepTimes {
    /// Steps of the rank that has most.
    pub count: i64,
    /// Mean of the slowest rank.
    pub mean_s: f64,
    /// Median of the slowest rank.
    pub p50_s: Option<f64>,
    /// 99th percentile of the slowest rank.
    pub p99_s: Option<f64>,
}

/// What a collective achieved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BusBandwidth {
    /// `all_reduce`, …
    pub op: String,
    /// Ranks in the group.
    pub group_size: Option<i64>,
    /// Bytes a second, as nccl-tests define it: over all calls of all ranks.
    pub bytes_per_second: f64,
    /// Calls.
    pub count: i64,
}

/// A run in figures. Shares are of the span of GPU operations (without a GPU, of operators or ranges), mean over the ranks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFigures {
    /// The recording's file name.
    pub name: String,
    /// When the run ended, seconds since the Unix epoch.
    pub end_unix_s: f64,
    /// From the first to the last thing recorded, seconds.
    pub duration_s: f64,
    /// Ranks in it.
    pub ranks: usize,
    /// GPUs in it.
    pub gpus: usize,
    /// `None` where no step was seen.
    pub steps: Option<StepTimes>,
    /// Length of each step of the slowest rank: its number, seconds since the epoch of its end, seconds.
    pub each_step: Vec<(i64, f64, f64)>,
    /// Where the program says what a step holds (the mark `run {…}`).
    pub tokens_per_second: Option<f64>,
    /// The same of sequences or images.
    pub samples_per_second: Option<f64>,
    /// Model operations over the peak of all ranks, where the program says both.
    pub mfu: Option<f64>,
    /// Share of the time in which something ran.
    pub busy: Option<f64>,
    /// Share of the time in which ranks only communicated.
    pub exposed_communication: Option<f64>,
    /// By operation.
    pub bus_bandwidth: Vec<BusBandwidth>,
    /// Most device memory of a rank, bytes.
    pub peak_memory_bytes: Option<i64>,
    /// Events that could not be kept.
    pub lost: i64,
    /// What the program says of its job: names and values as text.
    pub job: Vec<(String, String)>,
}

impl RunFigures {
    /// The figures of a report and of the recording that it is of.
    #[must_use]
    pub fn of(name: &str, report: &Report, recording: &Recording) -> Self {
        let ranks = &report.ranks;
        let facts = &report.recording;
        let mean = |part: fn(&Rank) -> i64| {
            let shares = ranks.iter().filter(|rank| rank.span_ns > 0);
            let shares: Vec<_> =
                shares.map(|rank| part(rank) as f64 / rank.span_ns as f64).collect();
            (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
        };
        let start_ns =
            facts.files.iter().filter_map(|file| file.start_ns).min().unwrap_or_default();
        let slowest = ranks.iter().filter(|rank| rank.step.mean_ns.is_some()).max_by(|a, b| {
            a.step.mean_ns.unwrap_or_default().total_cmp(&b.step.mean_ns.unwrap_or_default())
        });
        let steps = slowest.and_then(|rank| step_times(ranks, rank));
        let job = job(recording);
        let number = |key| job.get(key).and_then(Value::as_f64).filter(|number| *number > 0.0);
        let a_second = |key| Some(number(key)? / steps?.mean_s);
        let world = ranks.iter().filter_map(|rank| rank.world_size).max();
        let world = world.unwrap_or_else(|| i64::try_from(ranks.len()).unwrap_or(i64::MAX));
        let mfu = a_second("flops_per_step")
            .zip(number("peak_flops"))
            .map(|(achieved, peak)| achieved / (peak * world as f64));
        let devices = ranks.iter().flat_map(|rank| rank.devices.iter().map(|device| &device.uuid));
        Self {
            name: name.to_owned(),
            end_unix_s: (start_ns + facts.duration_ns) as f64 / 1e9,
            duration_s: facts.duration_ns as f64 / 1e9,
            ranks: ranks.len(),
            gpus: devices.collect::<std::collections::BTreeSet<_>>().len(),
            steps,
            each_step: slowest.map(each_step).unwrap_or_default(),
            tokens_per_second: a_second("tokens_per_step"),
            samples_per_second: a_second("samples_per_step"),
            mfu,
            busy: mean(|rank| rank.busy_ns),
            exposed_communication: mean(|rank| rank.exposed_comm_ns),
            bus_bandwidth: bus_bandwidths(ranks),
            peak_memory_bytes: ranks.iter().filter_map(peak_memory).max(),
            lost: facts.lost.cupti_dropped + facts.lost.declined + facts.lost.ring_dropped,
            job: job.iter().map(|(key, value)| (key.clone(), plain(value))).collect(),
        }
    }

    /// The figures that have a number, by names that hold their unit: for trackers of experiments.
    #[must_use]
    pub fn numbers(&self) -> Vec<(String, f64)> {
        let steps = self.steps;
        let known = [
            ("duration_s", Some(self.duration_s)),
            ("ranks", Some(self.ranks as f64)),
            ("steps", steps.map(|steps| steps.count as f64)),
            ("step_mean_s", steps.map(|steps| steps.mean_s)),
            ("step_p50_s", steps.and_then(|steps| steps.p50_s)),
            ("step_p99_s", steps.and_then(|steps| steps.p99_s)),
            ("tokens_per_s", self.tokens_per_second),
            ("samples_per_s", self.samples_per_second),
            ("mfu_pct", self.mfu.map(|mfu| 100.0 * mfu)),
            ("busy_pct", self.busy.map(|busy| 100.0 * busy)),
            ("exposed_comm_pct", self.exposed_communication.map(|share| 100.0 * share)),
            ("peak_memory_bytes", self.peak_memory_bytes.map(|bytes| bytes as f64)),
            ("lost_events", Some(self.lost as f64)),
        ];
        let mut numbers: Vec<_> = known
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .filter(|(_, value)| value.is_finite())
            .collect();
        for row in &self.bus_bandwidth {
            let ranks = row.group_size.map(|size| format!("_{size}")).unwrap_or_default();
            // Trackers make files and paths of names.
            let op = row.op.replace(|character: char| !character.is_ascii_alphanumeric(), "_");
            numbers.push((format!("busbw_{op}{ranks}_gbps"), row.bytes_per_second / 1e9));
        }
        numbers
    }
}

fn step_times(ranks: &[Rank], slowest: &Rank) -> Option<StepTimes> {
    let seconds = |ns: i64| ns as f64 / 1e9;
    let mean_s = slowest.step.mean_ns? / 1e9;
    (mean_s > 0.0).then(|| StepTimes {
        count: ranks.iter().map(|rank| rank.step.count).max().unwrap_or_default(),
        mean_s,
        p50_s: slowest.step.p50_ns.map(seconds),
        p99_s: slowest.step.p99_ns.map(seconds),
    })
}

fn each_step(rank: &Rank) -> Vec<(i64, f64, f64)> {
    let steps = rank.steps.iter();
    steps
        .map(|step| {
            let end = step.start_ns + step.duration_ns;
            (step.index, end as f64 / 1e9, step.duration_ns as f64 / 1e9)
        })
        .collect()
}

/// One figure an operation and size of group, whatever the element type: all bytes over all times.
fn bus_bandwidths(ranks: &[Rank]) -> Vec<BusBandwidth> {
    let mut found: Vec<(BusBandwidth, f64)> = Vec::new();
    for row in total::collectives(ranks) {
        let Some(gbps) = row.busbw_gbps.filter(|gbps| gbps.is_finite() && *gbps > 0.0) else {
            continue;
        };
        let seconds = row.total_ns as f64 / 1e9;
        let at = found
            .iter()
            .position(|(known, _)| known.op == row.op && known.group_size == row.group_size);
        let at = at.unwrap_or_else(|| {
            let (op, group_size) = (row.op.clone(), row.group_size);
            let empty = BusBandwidth { op, group_size, bytes_per_second: 0.0, count: 0 };
            found.push((empty, 0.0));
            found.len() - 1
        });
        let (sum, time) = &mut found[at];
        sum.bytes_per_second += gbps * 1e9 * seconds;
        sum.count += row.count;
        *time += seconds;
    }
    found
        .into_iter()
        .filter(|(_, time)| *time > 0.0)
        .map(|(row, time)| BusBandwidth { bytes_per_second: row.bytes_per_second / time, ..row })
        .collect()
}

fn peak_memory(rank: &Rank) -> Option<i64> {
    rank.memory.peak_device_bytes.or(rank.memory.peak_reserved_bytes)
}

/// What the program said in the mark `run {…}`.
fn job(recording: &Recording) -> Map<String, Value> {
    let said = recording.marks.iter().find_map(|mark| {
        let text = recording.strings.get(mark.name_id).strip_prefix("run {")?;
        serde_json::from_str(&format!("{{{text}")).ok()
    });
    said.unwrap_or_default()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
