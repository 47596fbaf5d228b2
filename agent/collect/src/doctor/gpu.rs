//! Checks of what GPU recording needs.

use std::fs;

use nvml_wrapper::Nvml;

use super::{Check, shared_library};
use crate::host;

pub(super) fn driver() -> Check {
    match host::nvidia_driver() {
        Some(version) => Check::ok("nvidia_driver", format!("version {version}")),
        None => Check::missing(
            "nvidia_driver",
            "no NVIDIA kernel module is loaded: the host side of programs is recorded, GPUs are not",
            "install the NVIDIA driver; in a container start it with: docker run --gpus all",
        ),
    }
}

pub(super) fn cuda() -> Check {
    match shared_library::find("libcuda.so.1") {
        Some(path) => Check::ok("cuda", path.display().to_string()),
        None => Check::missing(
            "cuda",
            "libcuda.so.1 is in none of the linker's directories: no program can use CUDA here",
            "install the NVIDIA driver; in a container start it with: docker run --gpus all",
        ),
    }
}

pub(super) fn nvml() -> Check {
    let remedy = "install the NVIDIA driver; in a container start it with: docker run --gpus all";
    let nvml = match Nvml::init() {
        Ok(nvml) => nvml,
        Err(error) => {
            return Check::missing(
                "nvml",
                format!("utilisation, power and memory of GPUs are not sampled: {error}"),
                remedy,
            );
        }
    };
    match nvml.device_count() {
        Ok(0) => Check::missing("nvml", "works, but shows no GPU", "nvidia-smi -L"),
        Ok(count) => {
            let names =
                (0..count).filter_map(|index| nvml.device_by_index(index).ok()?.name().ok());
            Check::ok("nvml", names.collect::<Vec<_>>().join(", "))
        }
        Err(error) => {
            Check::warning("nvml", format!("the GPUs cannot be counted: {error}"), "nvidia-smi")
        }
    }
}

pub(super) fn cupti() -> Check {
    let found = shared_library::cupti();
    if found.is_empty() {
        return Check::missing(
            "cupti",
            "no libcupti.so was found: kernels and copies are recorded only in programs that bring their own, as PyTorch does",
            "pip install nvidia-cuda-cupti, or install the CUDA toolkit and export CUDA_HOME=/usr/local/cuda",
        );
    }
    let found: Vec<_> = found
        .iter()
        .map(|(path, version)| match version {
            Some(version) => format!("{} ({version})", path.display()),
            None => path.display().to_string(),
        })
        .collect();
    Check::ok("cupti", found.join(", "))
}

/// Whether the driver lets ordinary users profile. Tracing of kernels and copies works without on current drivers.
pub(super) fn profiling_permission() -> Check {
    const NAME: &str = "profiling_permission";
    let Ok(parameters) = fs::read_to_string("/proc/driver/nvidia/params") else {
        return Check::missing(
            NAME,
            "no NVIDIA kernel module is loaded, nothing to permit",
            "install the NVIDIA driver",
        );
    };
    let restricted = parameters.lines().any(|line| line.trim() == "RmProfilingAdminOnly: 1");
    if restricted && !rustix::process::geteuid().is_root() {
        return Check::warning(
            NAME,
            "only root may read performance counters; old drivers refuse kernel tracing as well",
            "echo 'options nvidia NVreg_RestrictProfilingToAdminUsers=0' | sudo tee /etc/modprobe.d/nvidia-profiling.conf && sudo update-initramfs -u && sudo reboot",
        );
    }
    Check::ok(NAME, if restricted { "for root only, and this is root" } else { "for every user" })
}
