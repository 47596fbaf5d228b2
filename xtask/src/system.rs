//! Debian packages that tests need: a software GPU and a screen that is not there, the launchers of ranks, and Prometheus.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::shell;

/// A package and what it is recognised by, so that other distributions' packages count too.
type Package = (&'static str, &'static [&'static str]);

const LAUNCHER_PACKAGES: [Package; 3] = [
    ("openmpi-bin", &["/usr/bin/mpirun", "/usr/lib64/openmpi/bin/mpirun"]),
    ("slurm-wlm", &["/usr/sbin/slurmctld"]),
    ("munge", &["/usr/sbin/munged"]),
];

const MONITORING_PACKAGES: [Package; 1] = [("prometheus", &["/usr/bin/prometheus"])];

const WINDOW_PACKAGES: [Package; 7] = [
    ("xvfb", &["/usr/bin/Xvfb"]),
    ("xauth", &["/usr/bin/xauth"]),
    ("mesa-vulkan-drivers", &["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"]),
    (
        "libvulkan1",
        &[
            "/usr/lib/x86_64-linux-gnu/libvulkan.so.1",
            "/usr/lib/aarch64-linux-gnu/libvulkan.so.1",
            "/usr/lib64/libvulkan.so.1",
            "/usr/lib/libvulkan.so.1",
        ],
    ),
    (
        "libgl1",
        &[
            "/usr/lib/x86_64-linux-gnu/libGL.so.1",
            "/usr/lib/aarch64-linux-gnu/libGL.so.1",
            "/usr/lib64/libGL.so.1",
            "/usr/lib/libGL.so.1",
        ],
    ),
    (
        "libgl1-mesa-dri",
        &[
            "/usr/lib/x86_64-linux-gnu/dri",
            "/usr/lib/aarch64-linux-gnu/dri",
            "/usr/lib64/dri",
            "/usr/lib/dri",
        ],
    ),
    (
        "libxkbcommon-x11-0",
        &[
            "/usr/lib/x86_64-linux-gnu/libxkbcommon-x11.so.0",
            "/usr/lib/aarch64-linux-gnu/libxkbcommon-x11.so.0",
            "/usr/lib64/libxkbcommon-x11.so.0",
            "/usr/lib/libxkbcommon-x11.so.0",
        ],
    ),
];

/// What the window needs.
pub(crate) fn require_window_packages() -> Result<()> {
    require(&WINDOW_PACKAGES, "the window tests")
}

/// What starts ranks.
pub(crate) fn require_launcher_packages() -> Result<()> {
    require(&LAUNCHER_PACKAGES, "the tests under mpirun and Slurm")
}

/// What scrapes the exporter.
pub(crate) fn require_monitoring_packages() -> Result<()> {
    require(&MONITORING_PACKAGES, "the tests of the exporter")
}

/// Installs what is missing when run as root on Debian or Ubuntu; else names the exact command.
fn require(packages: &[Package], who: &str) -> Result<()> {
    let missing = missing(packages);
    if missing.is_empty() {
        return Ok(());
    }
    let install = format!("apt-get install -y --no-install-recommends {}", missing.join(" "));
    if !is_root() || !shell::exists("apt-get") {
        bail!(
            "{who} need system packages; install them with `sudo {install}` (or your system's equivalent)"
        );
    }
    eprintln!("xtask: installing {}", missing.join(" "));
    let apt = |arguments: &[&str]| {
        shell::run(
            Command::new("apt-get")
                .args(arguments)
                .env("DEBIAN_FRONTEND", "noninteractive")
                .stdin(Stdio::null())
                .stdout(Stdio::null()),
        )
    };
    apt(&["update"])?;
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(&missing);
    apt(&arguments)
}

fn missing(packages: &[Package]) -> Vec<&'static str> {
    packages
        .iter()
        .filter(|(_, signs)| !signs.iter().any(|sign| Path::new(sign).exists()))
        .map(|(package, _)| *package)
        .collect()
}

fn is_root() -> bool {
    // The owner of our own process folder is our effective user.
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}
