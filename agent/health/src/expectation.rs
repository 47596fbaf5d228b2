//! What somebody expects of a node, beyond what follows from the node itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::root::Root;
use crate::{Check, Health, Severity, Status, Value};

const NICS: &str = "expected_ports";
const MOUNTS: &str = "expected_mounts";
const MEMORY: &str = "expected_memory";
const MODELS: &str = "expected_gpus";
/// Total memory depends a little on firmware; the tolerance of common node checks.
const MEMORY_TOLERANCE: f64 = 0.03;

/// What a node should have. All of it is optional: what is absent is not expected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expectation {
    /// How many GPUs NVML should show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpus: Option<u64>,
    /// The name that each of them should have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_name: Option<String>,
    /// Links between GPUs that each of them should have up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nvlinks: Option<u64>,
    /// The driver's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Total host memory in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Mount points that should be there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<String>,
    /// Ports of the network by name (`mlx5_0/1`, `eth0`) with their rate in gigabits a second.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ports_gbps: BTreeMap<String, f64>,
}

impl Expectation {
    /// What a node that is well has, to be expected of others like it.
    #[must_use]
    pub fn of_node(root: &std::path::Path, health: &Health) -> Self {
        let root = Root::new(root);
        let value = |name: &str| {
            let of_name = health.checks.iter().filter(|check| check.name == name);
            of_name.filter_map(|check| check.value.clone()).collect::<Vec<_>>()
        };
        let links = value("gpu_nvlink").into_iter().filter_map(|value| match value {
            Value::Count(count) => Some(count),
            _ => None,
        });
        let driver = value("nvidia_driver").into_iter().find_map(|value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        });
        Self {
            gpus: (!health.gpus.is_empty()).then_some(health.gpus.len() as u64),
            gpu_name: health.gpus.first().and_then(|gpu| gpu.name.clone()),
            nvlinks: links.max().filter(|links| *links > 0),
            driver,
            memory_bytes: memory(&root),
            mounts: lasting_mounts(&root),
            ports_gbps: ports(&root),
        }
    }

    /// One check for each thing that is expected. GPUs and links are counted where they are read.
    pub(crate) fn check(&self, root: &Root, health: &[crate::gpu::GpuIdentity]) -> Vec<Check> {
        let mut checks = Vec::new();
        checks.extend(self.gpu_name.as_ref().map(|name| models(name, health)));
        checks.extend(self.driver.as_ref().map(|version| driver(version, root)));
        checks.extend(self.memory_bytes.map(|expected| memory_of(expected, memory(root))));
        if !self.mounts.is_empty() {
            checks.push(mounts_of(&self.mounts, &mounts(root)));
        }
        let found = ports(root);
        checks.extend(
            self.ports_gbps.iter().map(|(name, expected)| port(name, *expected, found.get(name))),
        );
        checks
    }
}

fn models(expected: &str, gpus: &[crate::gpu::GpuIdentity]) -> Check {
    let others: Vec<String> = gpus
        .iter()
        .filter(|gpu| gpu.name.as_deref() != Some(expected))
        .map(|gpu| format!("GPU {} is {}", gpu.index, gpu.name.as_deref().unwrap_or("unknown")))
        .collect();
    let check = |detail| Check::ok(MODELS, "host", detail).expected(expected);
    if gpus.is_empty() {
        let action = "mend what the checks nvml and gpu_count say";
        return Check::unknown(MODELS, "host", "no GPU was read", action).expected(expected);
    }
    if others.is_empty() {
        return check(format!("{} GPUs of this name", gpus.len()));
    }
    check(others.join(", ")).but(
        Status::Critical,
        Severity::Isolate,
        "take the node out of the pool of this kind, or correct the file of --expect",
    )
}

fn driver(expected: &str, root: &Root) -> Check {
    let text = root.text("proc/driver/nvidia/version").unwrap_or_default();
    let is_it = text.split_ascii_whitespace().any(|word| word == expected);
    let check = Check::ok("expected_driver", "host", format!("kernel module {expected}"));
    let check = check.expected(expected);
    if is_it {
        return check;
    }
    let found = text.lines().next().unwrap_or("none").to_owned();
    Check { detail: found, ..check }.but(
        Status::Warning,
        Severity::Config,
        "bring the driver to the version of the other nodes, or correct the file of --expect",
    )
}

fn memory(root: &Root) -> Option<u64> {
    let text = root.text("proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

fn memory_of(expected: u64, found: Option<u64>) -> Check {
    let Some(found) = found else {
        let detail = "/proc/meminfo does not tell the total memory";
        return Check::unknown(MEMORY, "host", detail, "mount /proc").expected(expected);
    };
    let detail = format!("{:.1} of {:.1} GB", found as f64 / 1e9, expected as f64 / 1e9);
    let check = Check::ok(MEMORY, "host", detail).found(found, "bytes").expected(expected);
    if (found as f64) < expected as f64 * (1.0 - MEMORY_TOLERANCE) {
        return check.but(
            Status::Critical,
            Severity::Triage,
            "a memory module is missing or switched off: see the log of the BMC and dmidecode -t memory",
        );
    }
    check
}

/// Device, mount point and kind of every mount.
fn mounts(root: &Root) -> Vec<(String, String)> {
    let text = root.text("proc/mounts").unwrap_or_default();
    let mount = |line: &str| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        Some((fields.next()?.replace("\\040", " "), fields.next()?.to_owned()))
    };
    text.lines().filter_map(mount).collect()
}

/// Those on disks and network file systems, not those of containers and of the kernel.
fn lasting_mounts(root: &Root) -> Vec<String> {
    const KINDS: [&str; 14] = [
        "ext4",
        "xfs",
        "btrfs",
        "zfs",
        "nfs",
        "nfs4",
        "lustre",
        "beegfs",
        "gpfs",
        "ceph",
        "wekafs",
        "fuse.s3fs",
        "vfat",
        "ext3",
    ];
    const OF_CONTAINERS: [&str; 4] = ["/var/lib/docker", "/var/lib/kubelet", "/run", "/snap"];
    let mut lasting: Vec<String> = mounts(root)
        .into_iter()
        .filter(|(_, kind)| KINDS.contains(&kind.as_str()))
        .map(|(mount, _)| mount)
        .filter(|mount| !OF_CONTAINERS.iter().any(|start| mount.starts_with(start)))
        .collect();
    lasting.sort();
    lasting.dedup();
    lasting
}

fn mounts_of(expected: &[String], found: &[(String, String)]) -> Check {
    let missing: Vec<&str> = expected
        .iter()
        .filter(|mount| !found.iter().any(|(found, _)| found == *mount))
        .map(String::as_str)
        .collect();
    let check = |detail| Check::ok(MOUNTS, "host", detail).expected(expected.len() as u64);
    let there = (expected.len() - missing.len()) as u64;
    if missing.is_empty() {
        return check(format!("all {there} are mounted")).found(there, "mounts");
    }
    check(format!("not mounted: {}", missing.join(", "))).found(there, "mounts").but(
        Status::Critical,
        Severity::Config,
        "mount them: see /etc/fstab, `systemctl --failed` and `dmesg`",
    )
}

/// Ports that are up, with their rate.
fn ports(root: &Root) -> BTreeMap<String, f64> {
    let mut ports = BTreeMap::new();
    for device in root.names("sys/class/infiniband") {
        for port in root.names(&format!("sys/class/infiniband/{device}/ports")) {
            let folder = format!("sys/class/infiniband/{device}/ports/{port}");
            let text = |file: &str| root.text(&format!("{folder}/{file}"));
            if text("state").is_some_and(|state| state.contains("ACTIVE"))
                && let Some(gbps) = text("rate").as_deref().and_then(leading_number)
            {
                ports.insert(format!("{device}/{port}"), gbps);
            }
        }
    }
    for name in root.names("sys/class/net") {
        let folder = format!("sys/class/net/{name}");
        let is_up = root.text(&format!("{folder}/operstate")).as_deref() == Some("up");
        let mbps = root.number(&format!("{folder}/speed"));
        if let Some(mbps) = mbps.filter(|_| is_up && root.exists(&format!("{folder}/device"))) {
            ports.insert(name, mbps as f64 / 1e3);
        }
    }
    ports
}

/// The number in `400 Gb/sec (4X NDR)`.
pub(crate) fn leading_number(text: &str) -> Option<f64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

fn port(name: &str, expected: f64, found: Option<&f64>) -> Check {
    let check = |detail| Check::ok(NICS, name, detail).expected(expected);
    match found {
        Some(&gbps) if gbps >= expected => check(format!("up at {gbps} Gb/s")).found(gbps, "Gb/s"),
        Some(&gbps) => {
            check(format!("up, but at {gbps} instead of {expected} Gb/s")).found(gbps, "Gb/s").but(
                Status::Critical,
                Severity::Triage,
                "check cable, transceiver and switch port: the link has trained at a lower rate",
            )
        }
        None => check("not there or not up".to_owned()).found(0.0, "Gb/s").but(
            Status::Critical,
            Severity::Isolate,
            "drain the node; look for the adapter with lspci and for its link in `dmesg`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{memory_of, mounts_of, port};
    use crate::{Severity, Status};

    #[test]
    fn what_is_less_than_expected_is_critical() {
        assert_eq!(port("mlx5_0/1", 400.0, Some(&400.0)).status, Status::Ok);
        assert_eq!(port("mlx5_0/1", 400.0, Some(&200.0)).severity, Severity::Triage);
        assert_eq!(port("mlx5_0/1", 400.0, None).severity, Severity::Isolate);
        assert_eq!(memory_of(1000, Some(980)).status, Status::Ok);
        assert_eq!(memory_of(1000, Some(900)).status, Status::Critical);
        assert_eq!(memory_of(1000, None).status, Status::Unknown);
        let found = [("/".to_owned(), "ext4".to_owned())];
        assert_eq!(mounts_of(&["/".to_owned()], &found).status, Status::Ok);
        let missing = mounts_of(&["/".to_owned(), "/scratch".to_owned()], &found);
        assert_eq!(
            (missing.status, missing.detail.as_str()),
            (Status::Critical, "not mounted: /scratch")
        );
    }
}
