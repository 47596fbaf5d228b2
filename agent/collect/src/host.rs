//! What this machine is.

use std::fs;

use perfagent_recording::table::Host;

/// The row of this machine.
#[must_use]
pub fn this_host() -> Host {
    let name = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |key: &str| {
        let line =
            cpus.lines().find(|line| line.split(':').next().is_some_and(|name| name.trim() == key));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
    };
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let pretty = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let kernel =
        format!("{} {} {}", text(name.sysname()), text(name.release()), text(name.machine()));
    let system = match pretty {
        Some(pretty) => format!("{}, {kernel}", pretty.trim_matches('"')),
        None => kernel,
    };
    let cores = cpus.lines().filter(|line| line.starts_with("processor")).count();
    Host {
        name: text(name.nodename()),
        cpu_model: field("model name").or_else(|| field("Model")).or_else(|| field("Hardware")),
        logical_cores: (cores > 0).then_some(cores as i64),
        memory_bytes: memory().map(|memory| memory.total as i64),
        system: Some(system),
        driver_version: nvidia_driver(),
    }
}

/// What this machine is called.
#[must_use]
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Which boot of the machine this is.
pub(crate) fn boot_id() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned()).filter(|id| !id.is_empty())
}

/// Main memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) total: u64,
    /// What is neither free nor given back on demand.
    pub(crate) used: u64,
}

/// Main memory now.
pub(crate) fn memory() -> Option<Memory> {
    memory_in(&fs::read_to_string("/proc/meminfo").ok()?)
}

/// Main memory, from the text of `/proc/meminfo`.
pub(crate) fn memory_in(text: &str) -> Option<Memory> {
    let bytes = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        line.trim_start_matches(':')
            .split_ascii_whitespace()
            .next()?
            .parse::<u64>()
            .ok()
            .map(|kib| kib * 1024)
    };
    let total = bytes("MemTotal")?;
    Some(Memory { total, used: total.saturating_sub(bytes("MemAvailable")?) })
}

/// The version of the loaded NVIDIA kernel module.
pub(crate) fn nvidia_driver() -> Option<String> {
    let text = fs::read_to_string("/proc/driver/nvidia/version").ok()?;
    driver_version(&text)
}

/// The first word that looks like `550.54.15` in the module's own line.
fn driver_version(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.contains("Module"))?;
    let is_version = |word: &&str| {
        word.contains('.')
            && word
                .split('.')
                .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    line.split_ascii_whitespace().find(is_version).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_described() {
        let host = this_host();
        assert!(!host.name.is_empty());
        assert!(host.logical_cores.is_some_and(|cores| cores >= 1));
        let memory = memory().unwrap();
        assert!(memory.used > 0 && memory.used < memory.total);
    }

    #[test]
    fn both_kinds_of_kernel_module_tell_their_version() {
        let closed = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC version: gcc 12.2.0";
        let open = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.82.07  Release Build  (a@b)";
        assert_eq!(driver_version(closed).as_deref(), Some("550.54.15"));
        assert_eq!(driver_version(open).as_deref(), Some("580.82.07"));
        assert_eq!(driver_version("nothing"), None);
    }
}
