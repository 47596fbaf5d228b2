//! Where and with what a run was made: what must be the same for its figures to be compared.
//!
//! Decisive is what moves figures whatever the program does: the machine, its GPUs, driver and limits, how many ranks there
//! were, and GPUs that heat or a power brake held down. What a change of the program may have brought about itself (its
//! libraries, its job, how often the power cap held clocks down) is a note.

use std::collections::{BTreeMap, BTreeSet};

use perfagent_analysis::Report;
use perfagent_analysis::report::{DeviceFacts, HostFacts, Rank};
use perfagent_regress::compare::{Environment, Fact, Weight};

use super::run::Run;
use crate::unit;

/// The fact whose values may differ a little.
pub(super) const CLOCK: &str = "greatest SM clock";
/// Greatest clocks that are as near as this are the same: samples miss the peak.
const CLOCK_TOLERANCE: f64 = 1.05;
/// Reasons of which a program is innocent.
const FOREIGN: [&str; 4] = ["hw_slowdown", "hw_thermal", "sw_thermal", "power_brake"];
/// Libraries that share a line.
const OTHERS: [&str; 11] = [
    "cublas",
    "flash_attn",
    "jax",
    "mkl",
    "mpi",
    "nccl_net",
    "nvshmem",
    "openblas",
    "python",
    "transformer_engine",
    "triton",
];
/// What held clocks down for less than this share of the time does not matter.
const LEAST_SHARE: f64 = 0.01;

/// All that is looked at; `None` where it is not known.
#[derive(Clone, Debug, Default)]
pub(super) struct Described {
    pub(super) gpu: Option<String>,
    pub(super) driver: Option<String>,
    pub(super) cpu: Option<String>,
    pub(super) cores: Option<String>,
    pub(super) hosts: Option<String>,
    pub(super) ranks: Option<String>,
    pub(super) basis: Option<String>,
    pub(super) clock_limit: Option<String>,
    pub(super) clock: Option<String>,
    pub(super) power_limit: Option<String>,
    pub(super) throttling: Option<String>,
    pub(super) power_cap: Option<String>,
    pub(super) host: Option<String>,
    pub(super) memory: Option<String>,
    pub(super) system: Option<String>,
    pub(super) cuda: Option<String>,
    pub(super) cudnn: Option<String>,
    pub(super) nccl: Option<String>,
    pub(super) torch: Option<String>,
    pub(super) libraries: Option<String>,
    pub(super) suite: Option<String>,
    pub(super) workload: Option<String>,
    pub(super) perfagent: Option<String>,
}

impl Described {
    /// The same list in the same order for every run.
    pub(super) fn facts(self) -> Environment {
        let decisive = |name, value| Fact { name, value, weight: Weight::Decisive };
        let note = |name, value| Fact { name, value, weight: Weight::Note };
        vec![
            decisive("gpu", self.gpu),
            decisive("driver", self.driver),
            decisive("cpu", self.cpu),
            decisive("logical cores", self.cores),
            decisive("hosts", self.hosts),
            decisive("ranks", self.ranks),
            decisive("basis of the figures", self.basis),
            decisive("clock limit", self.clock_limit),
            decisive(CLOCK, self.clock),
            decisive("power limit", self.power_limit),
            decisive("throttling", self.throttling),
            note("held down by the power cap", self.power_cap),
            note("host", self.host),
            note("memory", self.memory),
            note("system", self.system),
            note("CUDA", self.cuda),
            note("cuDNN", self.cudnn),
            note("NCCL", self.nccl),
            note("torch", self.torch),
            note("other libraries", self.libraries),
            note("suite", self.suite),
            note("workload", self.workload),
            note("perfagent", self.perfagent),
        ]
    }

    /// What a recording tells; its job is not in its report.
    pub(super) fn of_report(report: &Report) -> Self {
        let hosts = &report.recording.hosts;
        let of_hosts = |part: fn(&HostFacts) -> Option<String>| {
            let parts: BTreeSet<String> = hosts.iter().filter_map(part).collect();
            (!parts.is_empty()).then(|| parts.into_iter().collect::<Vec<_>>().join(", "))
        };
        let bases: BTreeSet<_> =
            report.ranks.iter().map(|rank| format!("{:?}", rank.basis)).collect();
        let are_clocks_known = report.ranks.iter().any(|rank| !rank.clocks.is_empty());
        Self {
            gpu: Some(gpus(&report.ranks)),
            driver: of_hosts(|host| host.driver_version.clone()),
            cpu: of_hosts(|host| host.cpu_model.clone()),
            cores: of_hosts(|host| host.logical_cores.map(unit::count)),
            hosts: Some(hosts.len().to_string()),
            ranks: Some(report.ranks.len().to_string()),
            basis: Some(bases.into_iter().collect::<Vec<_>>().join(", ").to_lowercase()),
            clock_limit: of_devices(report, |device| {
                device.most_sm_clock_mhz.map(|limit| format!("{limit} MHz"))
            }),
            power_limit: of_devices(report, |device| {
                device.power_limit_watts.map(|limit| format!("{limit:.0} W"))
            }),
            clock: greatest_clock(report).map(|clock| format!("{clock:.0} MHz")),
            throttling: Some(throttling(report)),
            power_cap: are_clocks_known.then(|| power_cap(report).to_owned()),
            host: of_hosts(|host| Some(host.name.clone())),
            memory: of_hosts(|host| host.memory_bytes.map(unit::bytes)),
            system: of_hosts(|host| host.system.clone()),
            cuda: versions(report, &["cuda_runtime"]),
            cudnn: versions(report, &["cudnn"]),
            nccl: versions(report, &["nccl"]),
            torch: versions(report, &["torch"]),
            libraries: versions(report, &OTHERS),
            ..Self::default()
        }
    }
}

/// Something of the GPUs that took part, each value once.
fn of_devices(report: &Report, part: fn(&DeviceFacts) -> Option<String>) -> Option<String> {
    let devices = report.ranks.iter().flat_map(|rank| &rank.devices);
    let parts: BTreeSet<String> = devices.filter_map(part).collect();
    (!parts.is_empty()).then(|| parts.into_iter().collect::<Vec<_>>().join(", "))
}

/// The versions of these libraries that ranks had loaded, each once. Several libraries are told by name.
fn versions(report: &Report, names: &[&str]) -> Option<String> {
    let libraries = report.ranks.iter().flat_map(|rank| &rank.libraries);
    let found: BTreeSet<String> = libraries
        .filter(|library| names.contains(&library.name.as_str()))
        .filter_map(|library| {
            let version = library.version.clone()?;
            Some(if names.len() > 1 { format!("{} {version}", library.name) } else { version })
        })
        .collect();
    (!found.is_empty()).then(|| found.into_iter().collect::<Vec<_>>().join(", "))
}

/// The greatest clock that any GPU of the run was seen at, MHz.
pub(super) fn greatest_clock(report: &Report) -> Option<f64> {
    let rows = report.ranks.iter().flat_map(|rank| &rank.clocks);
    rows.filter_map(|row| row.max_mhz).max_by(f64::total_cmp)
}

/// Whether greatest clocks that are not the same are near enough, as far as they are known.
pub(super) fn clocks_agree<'a>(runs: impl Iterator<Item = &'a Run>) -> bool {
    let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
    for clock in runs.filter_map(|run| run.clock_mhz) {
        (least, most) = (least.min(clock), most.max(clock));
    }
    most <= least * CLOCK_TOLERANCE
}

/// The time for which each reason held clocks down, as a share of what the GPUs' clocks were looked at.
fn shares(report: &Report) -> BTreeMap<&str, f64> {
    let mut held: BTreeMap<&str, f64> = BTreeMap::new();
    let mut whole = 0.0;
    for rank in &report.ranks {
        let window = rank.gaps.as_ref().map_or(rank.span_ns, |gaps| gaps.window_ns) as f64;
        for row in &rank.clocks {
            whole += window;
            for reason in &row.throttling {
                *held.entry(&reason.reason).or_default() += reason.total_ns as f64;
            }
        }
    }
    for time in held.values_mut() {
        *time /= f64::max(whole, 1.0);
    }
    held
}

/// What held clocks down that is no doing of the program, as far as clocks were sampled.
fn throttling(report: &Report) -> String {
    let shares = shares(report);
    let matters = |reason: &&str| shares.get(reason).is_some_and(|&share| share >= LEAST_SHARE);
    let reasons: Vec<&str> = FOREIGN.into_iter().filter(matters).collect();
    if reasons.is_empty() { "none seen".to_owned() } else { reasons.join(", ") }
}

fn power_cap(report: &Report) -> &'static str {
    match shares(report).get("power_cap") {
        Some(&share) if share > 0.5 => "most of the time",
        Some(&share) if share >= LEAST_SHARE => "sometimes",
        _ => "never",
    }
}

/// The GPUs that took part, each once however many processes saw it: `8 × NVIDIA H100`.
fn gpus(ranks: &[Rank]) -> String {
    let mut models: BTreeMap<&str, BTreeSet<(&str, String)>> = BTreeMap::new();
    for rank in ranks {
        for device in &rank.devices {
            let which = device.uuid.clone().unwrap_or_else(|| device.id.to_string());
            models.entry(&device.name).or_default().insert((&rank.host, which));
        }
    }
    if models.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<_> =
        models.iter().map(|(name, devices)| format!("{} × {name}", devices.len())).collect();
    shown.join(", ")
}
