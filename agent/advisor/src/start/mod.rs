//! The job that a recording is of: what the recording says, what its command line says, and what the user adds.

mod command_line;
mod images;
mod model_file;
mod preset;
mod wanted;

use perfagent_analysis::Report;
use perfagent_analysis::report::{Basis, Rank};
use perfagent_predictor::Job;
use perfagent_predictor::plan::Observed;

pub use command_line::read as read_command_line;
pub use model_file::read as read_model;
pub use preset::known_models;

/// A job with what was measured of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// The job as far as it is known.
    pub job: Job,
    /// What the recording measured.
    pub observed: Observed,
    /// Where its fields come from, a sentence each.
    pub told: Vec<String>,
}

/// Fills in what `job` (of the user) leaves open: from the command lines that were recorded, and from the report.
#[must_use]
pub fn start(report: &Report, commands: &[String], job: Job) -> Start {
    let mut told = Vec::new();
    let mut job = job;
    if let Some((words, found)) = commands
        .iter()
        .map(|command| (command, command_line::read(command)))
        .find(|(_, found)| *found != Job::default())
    {
        job = job.or(&found);
        told.push(format!("from the recorded command line: {words}"));
    }
    let gpus: Vec<&str> = report
        .ranks
        .iter()
        .filter(|rank| rank.basis == Basis::Gpu)
        .flat_map(|rank| rank.devices.iter().take(1).map(|device| device.name.as_str()))
        .collect();
    let measured_on = gpus.first().copied();
    if job.cluster.gpu.is_none()
        && let Some(gpu) = measured_on
    {
        job.cluster.gpu = Some(gpu.to_owned());
        told.push(format!("from the recording: the GPU, {gpu}"));
    }
    if job.run.cuda_graphs.is_none() && report.ranks.iter().any(has_graphs) {
        job.run.cuda_graphs = Some(true);
        told.push("from the recording: CUDA graphs".to_owned());
    }
    let hosts = report
        .ranks
        .iter()
        .map(|rank| rank.host.as_str())
        .collect::<std::collections::BTreeSet<_>>();
    let ranks = report.ranks.iter().filter_map(|rank| rank.world_size).max().unwrap_or(0);
    let ranks = u64::try_from(ranks).unwrap_or(0).max(report.ranks.len() as u64).max(1);
    let nodes = job.cluster.nodes.unwrap_or_else(|| {
        let recorded = report.ranks.len().max(1) as u64;
        // Of a part of the ranks the machines of all are as many times more.
        (hosts.len().max(1) as u64 * ranks).div_ceil(recorded)
    });
    if job.cluster.nodes.is_none() || job.cluster.gpus_per_node.is_none() {
        job.cluster.gpus_per_node.get_or_insert((ranks / nodes).max(1));
        job.cluster.nodes = Some(nodes);
        told.push(format!("from the recording: ranks {ranks}, machines {nodes}"));
    }
    if job.run.dp.is_none() {
        let of_model =
            [job.run.tp, job.run.pp, job.run.cp].map(|degree| degree.unwrap_or(1).max(1));
        let all = job.cluster.gpus_per_node.unwrap_or(1) * job.cluster.nodes.unwrap_or(1);
        job.run.dp = Some((all / of_model.iter().product::<u64>()).max(1));
    }
    let same_gpu = measured_on.is_some() && job.cluster.gpu.as_deref() == measured_on;
    let observed = if same_gpu { observed(report) } else { Observed::default() };
    if let (Some(step_s), Some(stall_s)) = (observed.step_s, observed.data_stall_s) {
        told.push(format!(
            "from the recording: of a step of {step_s:.3} s, {stall_s:.3} s are a wait for data"
        ));
    }
    Start { job, observed, told }
}

impl Start {
    /// The job on the processor that was measured, if nothing of the run was on a GPU and none is asked for. The step that
    /// was recorded is then one of such a device; what a processor's process holds is not the job's memory alone.
    #[must_use]
    pub fn on_processor(mut self, report: &Report, name: &str) -> Self {
        let of_gpu = report.ranks.iter().any(|rank| rank.basis == Basis::Gpu);
        if of_gpu || report.ranks.is_empty() || self.job.cluster.gpu.is_some() {
            return self;
        }
        self.job.cluster.gpu = Some("cpu".to_owned());
        self.told.push(format!(
            "from the recording: no GPU, so the processor that was measured, {name}"
        ));
        self.observed = Observed { peak_bytes: None, ..observed(report) };
        self
    }
}

/// Step and peak of the rank that has most of each.
fn observed(report: &Report) -> Observed {
    let steps =
        report.ranks.iter().filter(|rank| rank.step.count > 2).filter_map(|rank| rank.step.p50_ns);
    let peaks = report
        .ranks
        .iter()
        .filter_map(|rank| rank.memory.peak_reserved_bytes.or(rank.memory.peak_allocated_bytes));
    let slowest = steps.max().map(|nanos| nanos as f64 / 1e9);
    Observed {
        step_s: slowest,
        peak_bytes: peaks.max().map(|bytes| bytes as f64),
        data_stall_s: slowest.zip(waiting(report)).map(|(step_s, share)| share * step_s),
    }
}

/// Whether a rank launched graphs: they were recorded as wholes, or calls launched several operations each. Graphs that were recorded
/// node by node without the calls are not told apart here.
fn has_graphs(rank: &Rank) -> bool {
    let launches = rank.launch_statistics.launches;
    rank.kernels.iter().any(|row| row.name == "[CUDA graph]")
        || launches > 0 && rank.launch.count > 2 * launches
}

/// Share of the time in which the rank that waits most waits for data; the others wait for that rank. `None` where the recording
/// marks no loading of data.
fn waiting(report: &Report) -> Option<f64> {
    let share = |rank: &Rank| {
        let whole = crate::stretch(rank);
        (rank.data_range_count > 0 && whole.window_ns > 0)
            .then(|| whole.data_ns as f64 / whole.window_ns as f64)
    };
    report.ranks.iter().filter_map(share).max_by(f64::total_cmp)
}
