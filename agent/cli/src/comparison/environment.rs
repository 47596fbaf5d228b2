//! Where a run was recorded: what must be the same for its figures to be compared.

use std::collections::{BTreeMap, BTreeSet};

use perfagent_analysis::Report;
use perfagent_recording::Recording;
use perfagent_regress::compare::{Environment, Fact, Weight};

use super::workload::Workload;
use crate::unit;

/// The facts of one run, the same list in the same order for every run.
pub(super) fn environment(
    recording: &Recording,
    report: &Report,
    workload: &Workload,
) -> Environment {
    let hosts = &report.recording.hosts;
    let of_hosts = |part: fn(&perfagent_analysis::report::HostFacts) -> Option<String>| {
        let parts: BTreeSet<String> = hosts.iter().filter_map(part).collect();
        (!parts.is_empty()).then(|| parts.into_iter().collect::<Vec<_>>().join(", "))
    };
    let decisive = |name, value| Fact { name, value, weight: Weight::Decisive };
    let note = |name, value| Fact { name, value, weight: Weight::Note };
    let bases: BTreeSet<_> = report.ranks.iter().map(|rank| format!("{:?}", rank.basis)).collect();
    vec![
        decisive("gpu", Some(gpus(recording))),
        decisive("driver", of_hosts(|host| host.driver_version.clone())),
        decisive("cpu", of_hosts(|host| host.cpu_model.clone())),
        decisive("logical cores", of_hosts(|host| host.logical_cores.map(unit::count))),
        decisive("hosts", Some(hosts.len().to_string())),
        decisive("ranks", Some(report.ranks.len().to_string())),
        decisive(
            "basis of the figures",
            Some(bases.into_iter().collect::<Vec<_>>().join(", ").to_lowercase()),
        ),
        note("host", of_hosts(|host| Some(host.name.clone()))),
        note("memory", of_hosts(|host| host.memory_bytes.map(unit::bytes))),
        note("system", of_hosts(|host| host.system.clone())),
        note("workload", workload.description.clone()),
        note("perfagent", recording.meta_value("perfagent_version").map(str::to_owned)),
    ]
}

/// The GPUs that took part, each once however many processes saw it: `8 × NVIDIA H100`.
fn gpus(recording: &Recording) -> String {
    let mut models: BTreeMap<&str, BTreeSet<(i64, String)>> = BTreeMap::new();
    for device in &recording.devices {
        let host = recording.process(device.process_id).map_or(0, |process| process.host_id.0);
        let which = device.uuid.clone().unwrap_or_else(|| device.ordinal.to_string());
        models.entry(&device.name).or_default().insert((host, which));
    }
    if models.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<_> =
        models.iter().map(|(name, devices)| format!("{} × {name}", devices.len())).collect();
    shown.join(", ")
}
