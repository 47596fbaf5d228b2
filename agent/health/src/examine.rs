//! One examination: every check, side by side, within one time limit.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::gpu::{self, probe};
use crate::root::Root;
use crate::{Check, Expectation, Health, host, machine, network, xid};

/// How to examine.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where `/proc`, `/sys`, `/dev` and `/run` are looked for; `/` outside of tests.
    pub root: PathBuf,
    /// How long everything together may take.
    pub time_limit: Duration,
    /// How to start the process that asks NVML.
    pub probe: probe::Probe,
    /// What the node should have.
    pub expected: Expectation,
}

/// Checks that belong together, with the name under which they are missed.
type Group = (&'static str, fn(&Root) -> Vec<Check>);

const GROUPS: [Group; 10] = [
    ("host_memory", host::memory::check),
    ("memory_errors", host::edac::check),
    ("machine_checks", host::machine_check::check),
    ("disk_space", host::disk::check),
    ("clock_sync", host::clock::check),
    ("infiniband_link", network::infiniband::check),
    ("ethernet_link", network::ethernet::check),
    ("peer_memory", network::peer_memory::check),
    ("fabric_manager", gpu::fabric_manager::check),
    ("xid", host::messages::check),
];

/// Examines this node. Takes no longer than the time limit and a fraction of a second.
#[must_use]
pub fn examine(options: &Options) -> Health {
    let deadline = Instant::now() + options.time_limit;
    let time = machine::now().rfc3339();
    let root = Root::new(&options.root);
    let asked = probe::ask(&options.probe);
    let started: Vec<_> =
        GROUPS.into_iter().map(|(name, check)| (name, start(name, check, &root))).collect();
    let answer = asked.collect(deadline);
    let mut checks = Vec::new();
    for (name, results) in started {
        checks.extend(wait(name, results, deadline));
    }
    checks.extend(gpu::check(&root, &answer, &options.expected));
    let gpus: Vec<_> = answer.gpus.into_iter().map(|gpu| gpu.identity).collect();
    checks.extend(options.expected.check(&root, &gpus));
    name_by_index(&mut checks, &gpus);
    checks.extend(xid::live(&answer.xids, &checks));
    name_by_index(&mut checks, &gpus);
    let health = Health::new(machine::host_name(), time, gpus, checks);
    Health { boot_id: root.text("proc/sys/kernel/random/boot_id"), ..health }
}

/// Runs a group in a thread of its own, which is left behind should it hang: reading a sick device's counters can.
fn start(
    name: &str,
    check: fn(&Root) -> Vec<Check>,
    root: &Root,
) -> std::io::Result<Receiver<Vec<Check>>> {
    let (sender, results) = sync_channel(1);
    let root = root.clone();
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        // Nobody waits any more when the time is over.
        let _ = sender.send(check(&root));
    })?;
    Ok(results)
}

fn wait(
    name: &'static str,
    results: std::io::Result<Receiver<Vec<Check>>>,
    deadline: Instant,
) -> Vec<Check> {
    // Even after the deadline what is ready is taken.
    let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(10));
    let said = match results {
        Ok(results) => match results.recv_timeout(left) {
            Ok(checks) => return checks,
            Err(_) => "did not answer within the time limit".to_owned(),
        },
        Err(error) => format!("could not be started: {error}"),
    };
    vec![Check::unknown(
        name,
        "host",
        said,
        "repeat with a longer --timeout; look for processes in state D with `ps aux`",
    )]
}

/// The kernel log names GPUs by their place on the bus, NVML by number: the number, where it is known, also in the
/// commands of the actions.
fn name_by_index(checks: &mut [Check], gpus: &[gpu::GpuIdentity]) {
    for check in checks {
        let Some(place) = check.target.strip_prefix("GPU ") else { continue };
        let of_place = |gpu: &&gpu::GpuIdentity| {
            gpu.pci
                .as_deref()
                .is_some_and(|pci| pci == place || pci.split('.').next() == Some(place))
        };
        if let Some(gpu) = gpus.iter().find(of_place) {
            check.target = format!("GPU {}", gpu.index);
        }
        if let Some(action) = &mut check.action
            && let Some(index) = check.target.strip_prefix("GPU ")
        {
            *action = action.replace("-i INDEX", &format!("-i {index}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{name_by_index, start, wait};
    use crate::gpu::GpuIdentity;
    use crate::root::Root;
    use crate::{Check, Status};

    #[test]
    fn a_check_that_hangs_is_unknown_in_time() {
        let hang = |_: &Root| -> Vec<Check> {
            loop {
                std::thread::park();
            }
        };
        let deadline = Instant::now() + Duration::from_millis(50);
        let checks = wait("infiniband_link", start("x", hang, &Root::new("/")), deadline);
        assert_eq!((checks[0].name, checks[0].status), ("infiniband_link", Status::Unknown));
        assert!(checks[0].counts());
    }

    #[test]
    fn places_become_numbers() {
        let gpu = GpuIdentity {
            index: 4,
            pci: Some("0000:9b:00.0".to_owned()),
            ..GpuIdentity::default()
        };
        let mut checks = ["GPU 0000:9b:00", "GPU 0000:18:00", "GPU 4", "host"]
            .map(|target| Check::ok("xid", target, ""));
        name_by_index(&mut checks, &[gpu]);
        let targets = checks.each_ref().map(|check| check.target.as_str());
        assert_eq!(targets, ["GPU 4", "GPU 0000:18:00", "GPU 4", "host"]);
    }
}
