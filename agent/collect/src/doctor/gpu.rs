//! Checks of what GPU recording needs.

use std::fs;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use nvml_wrapper::error::NvmlError;
use perfagent_recording::Timestamp;

use super::{Check, shared_library};
use crate::clock::Clock;
use crate::host;
use crate::nvml;
use crate::sample::Watch;

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
    const NAME: &str = "nvml";
    let remedy = "install the NVIDIA driver; in a container start it with: docker run --gpus all";
    let stuck = "dmesg | grep -i xid; reboot if nvidia-smi hangs too";
    match ask_nvml() {
        Ok(names) if names.is_empty() => {
            Check::missing(NAME, "works, but shows no GPU", "nvidia-smi -L")
        }
        Ok(names) => Check::ok(NAME, names.join(", ")),
        Err(Silence::NotThere(error)) => Check::missing(
            NAME,
            format!("utilisation, power and memory of GPUs are not sampled: {error}"),
            remedy,
        ),
        Err(Silence::Refuses(error)) => {
            Check::warning(NAME, format!("the GPUs cannot be counted: {error}"), "nvidia-smi")
        }
        Err(Silence::Hangs(call)) => Check::warning(
            NAME,
            format!("has not answered for {} s: {call}", NVML_PATIENCE.as_secs()),
            stuck,
        ),
    }
}

/// Without persistence mode the driver wakes every GPU at the first question.
const NVML_PATIENCE: Duration = Duration::from_secs(10);

/// Why NVML names no GPUs.
enum Silence {
    NotThere(NvmlError),
    Refuses(NvmlError),
    Hangs(&'static str),
}

/// The names of the GPUs. NVML is asked by a thread that is left behind where it hangs: a driver in that state is just
/// what the doctor is called for.
fn ask_nvml() -> Result<Vec<String>, Silence> {
    let mut watch = Watch::new(Clock::measure());
    let caller = watch.caller();
    let (sender, answer) = sync_channel(1);
    let ask = move || {
        let answer = (|| {
            let nvml = caller.call("nvmlInit_v2", None, nvml::start).map_err(Silence::NotThere)?;
            let count = caller
                .call("nvmlDeviceGetCount_v2", None, || nvml.device_count())
                .map_err(Silence::Refuses)?;
            let name = |index| {
                let device = caller.call("nvmlDeviceGetHandleByIndex_v2", Some(index), || {
                    nvml.device_by_index(index)
                });
                let name = device.and_then(|device| {
                    caller.call("nvmlDeviceGetName", Some(index), || device.name())
                });
                name.unwrap_or_else(|error| format!("GPU {index}: {error}"))
            };
            Ok((0..count).map(name).collect())
        })();
        // The doctor may have gone home.
        let _ = sender.send(answer);
    };
    let spawned = std::thread::Builder::new().name("doctor-nvml".into()).spawn(ask);
    if spawned.is_err() {
        return Err(Silence::Hangs("no thread could be started to ask it"));
    }
    answer.recv_timeout(NVML_PATIENCE).unwrap_or_else(|_| {
        let open = watch.abandon(Some(Timestamp::MAX));
        Err(Silence::Hangs(open.first().map_or("its last call", |hang| hang.call.name)))
    })
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
