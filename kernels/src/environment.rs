//! Where figures were taken: enough to tell whether two of them may be compared.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::cpu;

/// The machine and its software.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Environment {
    /// Model of the host's processor; `None` where the kernel names none.
    pub host_cpu: Option<String>,
    /// Logical processors that the kernel has brought up.
    pub host_cpus: Option<usize>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// The frequency governor of the first processor, such as `performance`.
    pub cpu_governor: Option<String>,
    /// The NVIDIA driver's version; here and below `None` where there is no such device or NVML does not tell.
    pub driver_version: Option<String>,
    /// The GPU's identity.
    pub gpu_uuid: Option<String>,
    /// Its highest clock of the multiprocessors, in MHz.
    pub most_sm_clock_mhz: Option<u32>,
    /// Its highest clock of the memory, in MHz.
    pub most_memory_clock_mhz: Option<u32>,
    /// What it may draw at present, in watts.
    pub power_limit_watts: Option<u32>,
}

impl Environment {
    /// What the host's kernel tells. `root` is where `/sys` and `/proc` are looked for.
    #[must_use]
    pub fn of_host(root: &Path) -> Self {
        let line = |path: &str| {
            let text = fs::read_to_string(root.join(path)).ok()?;
            Some(text.trim().to_owned()).filter(|text| !text.is_empty())
        };
        Self {
            host_cpu: cpu::model(root),
            host_cpus: line("sys/devices/system/cpu/online").and_then(|text| listed(&text)),
            kernel: line("proc/sys/kernel/osrelease"),
            cpu_governor: line("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            ..Self::default()
        }
    }
}

/// How many numbers a kernel's list such as `0-3,8` holds; `None` of what is no list.
fn listed(text: &str) -> Option<usize> {
    text.split(',').try_fold(0, |count: usize, part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        count.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Environment, listed};

    #[test]
    fn lists_of_processors_are_counted() {
        for (text, count) in
            [("0", Some(1)), ("0-3", Some(4)), ("0-3,8", Some(5)), ("3-0", None), ("", None)]
        {
            assert_eq!(listed(text), count, "{text:?}");
        }
        assert_eq!(listed("0-18446744073709551615"), None);
    }

    #[test]
    fn the_host_is_read_and_what_it_hides_is_left_out() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(Environment::of_host(root.path()), Environment::default());
        for (path, text) in [
            ("proc/sys/kernel/osrelease", "6.1.0-test\n"),
            ("proc/cpuinfo", "processor: 0\nmodel name\t: Test CPU\n"),
            ("sys/devices/system/cpu/online", "0-1\n"),
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let environment = Environment::of_host(root.path());
        assert_eq!(environment.host_cpu.as_deref(), Some("Test CPU"));
        assert_eq!(environment.host_cpus, Some(2));
        assert_eq!(environment.kernel.as_deref(), Some("6.1.0-test"));
        assert_eq!(environment.cpu_governor, None);
    }
}
