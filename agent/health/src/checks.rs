//! All checks in one table: what each looks at, when it warns, when it is critical, and where that comes from.

/// One check.
pub(crate) struct Described {
    /// As in the document.
    pub(crate) name: &'static str,
    what: &'static str,
    warning: &'static str,
    critical: &'static str,
    source: &'static str,
}

const fn check(
    name: &'static str,
    what: &'static str,
    warning: &'static str,
    critical: &'static str,
    source: &'static str,
) -> Described {
    Described { name, what, warning, critical, source }
}

/// Where a threshold is the project's own.
const OWN: &str = "own threshold";
/// Measurements of sound devices, a tenth below the least.
const PUBLISHED: &str = "published measurements (see `active/ceilings.rs`)";
const DRIVER: &str = "the driver's own verdict";

/// The host, its network, the GPUs, what somebody expects: in the order of the document.
pub(crate) const CHECKS: &[Described] = &[
    check("host_memory", "available host memory", "under 5 %", "under 1 %", OWN),
    check(
        "memory_errors",
        "errors of host memory that the kernel's EDAC drivers count",
        "more than one corrected an hour of uptime",
        "any uncorrected",
        OWN,
    ),
    check("machine_checks", "machine-check exceptions (`/proc/interrupts`)", "–", "any", OWN),
    check("disk_space", "free space of local file systems", "under 10 %", "under 2 %", OWN),
    check(
        "clock_sync",
        "whether the kernel's clock is kept right",
        "not synchronised, or off by more than 1 s",
        "–",
        OWN,
    ),
    check("infiniband_link", "state of each InfiniBand or RoCE port", "not ACTIVE", "–", "kernel"),
    check(
        "infiniband_errors",
        "error counters of each port",
        "more than 10 of a kind",
        "–",
        "`ibqueryerrors` of infiniband-diags",
    ),
    check(
        "infiniband_rate",
        "rates of the ports of equal adapters side by side",
        "a port below the others",
        "–",
        OWN,
    ),
    check(
        "infiniband_count",
        "InfiniBand adapters on the PCI bus that have a device",
        "–",
        "some have none (all: unknown)",
        OWN,
    ),
    check(
        "ethernet_link",
        "state of each Ethernet port with hardware",
        "not up, or its link lost more than 5 times a day",
        "–",
        "Azure's node health checks",
    ),
    check("ethernet_errors", "errors among packets", "more than one in a million", "–", OWN),
    check(
        "peer_memory",
        "whether RDMA reaches GPU memory: nvidia-peermem, or DMA-BUF with the open kernel module on Linux 5.12",
        "neither",
        "–",
        "NVIDIA's GPUDirect RDMA documentation",
    ),
    check(
        "fabric_manager",
        "the daemon of NVSwitches, and errors in its log within a day",
        "an error",
        "it does not run, or a fatal error",
        OWN,
    ),
    check(
        "xid",
        "NVIDIA's error numbers in the kernel log, and from NVML while looking",
        "by NVIDIA's immediate action (`data/xid.toml`); one of the numbers that end in a reset was in three earlier boots",
        "the action is a reset, a reboot or an inspection; after two reboots in vain: isolate",
        "NVIDIA's XID catalogue of 2025-10-29, with its table of NVLink 5",
    ),
    check(
        "sxid",
        "errors of NVSwitches in the kernel log",
        "non-fatal, or not told",
        "fatal",
        DRIVER,
    ),
    check(
        "kernel_errors",
        "other lines of the kernel log: hardware, PCI Express, disks, adapters, hung tasks, lockups, heat, lack of memory",
        "corrected, of a program, or PCI Express errors that are not fatal",
        "uncorrected hardware errors, fatal PCI Express errors, lockups",
        OWN,
    ),
    check(
        "link_flaps",
        "losses of links within a day, in kernel log and syslog",
        "–",
        "more than 5",
        "Azure's node health checks",
    ),
    check(
        "nvidia_driver",
        "whether the kernel module is loaded",
        "–",
        "GPUs on the bus, no module",
        OWN,
    ),
    check(
        "nvml",
        "whether NVML answers, in a process of its own",
        "–",
        "it refuses, hangs or crashes",
        OWN,
    ),
    check(
        "driver_library",
        "versions of kernel module and libnvidia-ml",
        "they differ",
        "they differ and NVML refuses",
        OWN,
    ),
    check(
        "gpu_count",
        "GPUs that NVML shows, against `--expect-gpus`, the driver, the PCI bus",
        "more than expected",
        "fewer than expected or than the driver has",
        OWN,
    ),
    check(
        "gpu_uniformity",
        "GPUs side by side: name, VBIOS, links that the slots allow, modes, highest clock",
        "one differs",
        "–",
        OWN,
    ),
    check("gpu_access", "whether a GPU can be opened", "–", "it is lost or refuses", DRIVER),
    check(
        "gpu_recovery_action",
        "what the driver demands to recover a GPU",
        "an action newer than this program",
        "any",
        DRIVER,
    ),
    check(
        "gpu_ecc_errors",
        "errors of memory since the driver was loaded",
        "more than 20,000,000 corrected in device memory",
        "any uncorrected",
        "NVIDIA; Azure's node health checks for the number",
    ),
    check(
        "gpu_sram_errors",
        "errors of on-chip memory",
        "more than 10,000 corrected",
        "NVIDIA's threshold flag is set, or any uncorrected since the driver was loaded",
        "NVIDIA's flag; Azure's node health checks for the number",
    ),
    check(
        "gpu_row_remapping",
        "replaced rows; before Ampere retired pages",
        "a replacement waits for a reset",
        "one failed; 62 retired pages",
        "NVIDIA's memory error management; Azure's node health checks for the number",
    ),
    check(
        "gpu_row_reserve",
        "spare rows by bank of memory",
        "a bank has one or none left",
        "–",
        OWN,
    ),
    check(
        "gpu_throttle",
        "why clocks are low at this moment",
        "hardware or software slowdown",
        "power brake, thermal slowdown by hardware",
        "NVML's reasons",
    ),
    check(
        "gpu_throttle_time",
        "for how long clocks were held down: within half a second, and since the driver was loaded",
        "heat for 10 % of the moment, or what the hardware does for 1 % of the uptime",
        "power brake or thermal slowdown by hardware for 1 % of the moment",
        OWN,
    ),
    check(
        "gpu_temperature_margin",
        "degrees left to the highest operating temperature",
        "under 5",
        "at the margin where the GPU slows down",
        DRIVER,
    ),
    check(
        "gpu_temperature",
        "temperature against the slowdown threshold",
        "less than 5 below",
        "reached",
        DRIVER,
    ),
    check(
        "gpu_memory_temperature",
        "temperature of the memory against its own",
        "less than 5 below",
        "reached",
        DRIVER,
    ),
    check(
        "gpu_clocks",
        "SM clock against its maximum",
        "under half of it at 50 % load; application clocks below NVIDIA's default",
        "–",
        OWN,
    ),
    check("gpu_pcie_width", "lanes, against what GPU and slot can do", "fewer", "–", DRIVER),
    check(
        "gpu_pcie_generation",
        "speed of the link; idle links are slow and tell nothing",
        "slower under load",
        "–",
        DRIVER,
    ),
    check(
        "gpu_pcie_replays",
        "repeated transfers",
        "more than 8 a minute of uptime, or now",
        "–",
        "DCGM",
    ),
    check(
        "gpu_nvlink",
        "links that are up: all of a module (SXM, HGX) among others, of a board as many as its equals",
        "–",
        "fewer",
        OWN,
    ),
    check(
        "gpu_nvlink_errors",
        "error counters of links, and whether they grow within half a second",
        "they grow, or a link was trained anew",
        "more than 100 checksum errors a second; a recovery failed",
        "DCGM for the number",
    ),
    check(
        "gpu_fabric",
        "registration with the fabric manager, and its health",
        "in progress, recovering; not started on the only GPU",
        "not started, failed, degraded bandwidth, unhealthy routes",
        DRIVER,
    ),
    check("gpu_persistence", "persistence mode", "off", "–", "NVIDIA"),
    check("gpu_ecc_mode", "ECC now and after a reset", "off, or about to change", "–", "NVIDIA"),
    check(
        "gpu_mig_mode",
        "instances (MIG) now and after a reset",
        "about to change",
        "–",
        "NVIDIA",
    ),
    check("gpu_compute_mode", "compute mode", "–", "prohibited", "NVIDIA"),
    check(
        "gpu_processes",
        "processes that hold memory of a GPU",
        "stuck in the kernel, gone, or more than 1 GiB that nobody holds",
        "dead (zombies)",
        OWN,
    ),
    check("expected_gpus", "names of the GPUs, with `--expect`", "–", "another", "the file"),
    check("expected_driver", "the driver's version, with `--expect`", "another", "–", "the file"),
    check(
        "expected_memory",
        "total host memory, with `--expect`",
        "–",
        "more than 3 % less",
        "the file; tolerance of common node checks",
    ),
    check("expected_mounts", "mount points, with `--expect`", "–", "one is missing", "the file"),
    check(
        "expected_ports",
        "ports and their rates, with `--expect`",
        "–",
        "not up, or at a lower rate",
        "the file",
    ),
    // Those of --active, device by device.
    check(
        "exclusive_use",
        "whether others compute on this node while it is loaded (`--active`)",
        "–",
        "–",
        OWN,
    ),
    check(
        "memory_pattern",
        "five patterns and their complements, written to nine tenths of a GPU's free memory (1 GiB of the host's) and read back (`--active`)",
        "–",
        "any wrong word",
        "moving inversions, as in memtest86 and cuda_memtest",
    ),
    check(
        "memory_bandwidth",
        "a STREAM copy of doubles in device memory (`--active`)",
        "–",
        "under 72 % of the datasheet",
        PUBLISHED,
    ),
    check(
        "matrix_product_*",
        "the best matrix product of a number format (`--active`)",
        "–",
        "under 70 % of the datasheet in fp16 and bf16, 63 % in others",
        PUBLISHED,
    ),
    check(
        "multiply_add_*",
        "fused multiply-adds of the ordinary cores (`--active`)",
        "–",
        "under 63 % of the datasheet",
        OWN,
    ),
    check(
        "host_to_device",
        "page-locked copies to the GPU (`--active`); `device_to_host`: from it",
        "–",
        "under 70 % of what the slot can carry",
        PUBLISHED,
    ),
    check(
        "peer_to_peer",
        "the slowest copy to or from another GPU (`--active`)",
        "–",
        "under 70 % of the median pair",
        OWN,
    ),
    check(
        "all_reduce",
        "bus bandwidth of the largest all-reduce of the node's GPUs (`--active`)",
        "–",
        "under 65 % of one direction of NVLink",
        PUBLISHED,
    ),
    check(
        "training_checksum",
        "losses of equal short trainings, to the bit (`--active`)",
        "–",
        "other bits than before, or than on most GPUs",
        OWN,
    ),
    check(
        "training_step",
        "the median step of that training (`--active`)",
        "–",
        "–",
        "judged between nodes by `health gather`",
    ),
    check(
        "sustained_clocks",
        "what held the GPU's clocks down while it trained (`--active`)",
        "heat, by the driver, 1 % of the time",
        "heat, hardware or a power brake, 1 % of the time",
        OWN,
    ),
];

/// The page `HEALTH.md`.
#[must_use]
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for Described { name, what, warning, critical, source } in CHECKS {
        for part in
            ["| `", name, "` | ", what, " | ", warning, " | ", critical, " | ", source, " |\n"]
        {
            page.push_str(part);
        }
    }
    page
}

const HEAD: &str = "\
# The checks of `perfagent health`

Generated by `cargo xtask generate` from `agent/health/src/checks.rs`; do not edit.

Every check is `ok`, `warning`, `critical` or `unknown`. What could not be checked is unknown, with what to do about it; what a machine or a GPU does not have at all is unknown
with the severity `none` and has no say in the verdict. Nothing is changed: files below `/proc`, `/sys` and `/var/log` are read, the kernel log is read without being consumed, NVML is
only asked, by a process of its own that is ended at the time limit.

Severities are those of DCGM's diagnostics: `monitor` (watch it), `config` (a setting, a package, a permission), `reset` (a reset or reboot mends it), `triage` (somebody has to find the
cause), `isolate` (take the device or node out of use).

| check | looks at | warning | critical | threshold from |
|---|---|---|---|---|
";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::CHECKS;

    #[test]
    fn no_check_is_described_twice() {
        let names: BTreeSet<&str> = CHECKS.iter().map(|check| check.name).collect();
        assert_eq!(names.len(), CHECKS.len());
        for check in CHECKS {
            assert!(!check.what.contains('|') && !check.what.ends_with('.'), "{}", check.name);
        }
    }
}
