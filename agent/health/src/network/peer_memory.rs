//! Whether network adapters can reach the GPUs' memory without a detour over the host (`GPUDirect` RDMA).

use crate::expectation::leading_number;
use crate::root::Root;
use crate::{Check, Severity, Status};

const NAME: &str = "peer_memory";
const TARGET: &str = "host";
/// Own threshold for Ethernet.
const FAST_GBPS: f64 = 200.0;
/// The first kernel whose RDMA takes DMA-BUFs.
const DMA_BUF_KERNEL: (u32, u32) = (5, 12);

/// The module `nvidia-peermem`, or NVIDIA's open kernel module with a kernel that needs none.
pub(crate) fn check(root: &Root) -> Vec<Check> {
    let devices = root.names("sys/class/infiniband");
    let adapters = devices.iter().filter(|device| is_for_gpus(root, device)).count();
    let driver = root.text("proc/driver/nvidia/version");
    let Some(driver) = driver.filter(|_| adapters > 0) else {
        let detail = "there are not both a fast RDMA adapter and an NVIDIA driver";
        return vec![Check::not_applicable(NAME, TARGET, detail)];
    };
    if ["nvidia_peermem", "nv_peer_mem"]
        .iter()
        .any(|name| root.exists(&format!("sys/module/{name}")))
    {
        return vec![Check::ok(NAME, TARGET, "the module nvidia-peermem is loaded")];
    }
    let kernel = root.text("proc/sys/kernel/osrelease").and_then(|text| version(&text));
    let is_new = kernel.is_some_and(|kernel| kernel >= DMA_BUF_KERNEL);
    if driver.contains("Open Kernel Module") && is_new {
        let detail = "DMA-BUF: NVIDIA's open kernel module on a kernel that takes it";
        return vec![Check::ok(NAME, TARGET, detail)];
    }
    let detail = format!("{adapters} RDMA adapters, but nvidia-peermem is not loaded");
    vec![Check::ok(NAME, TARGET, detail).but(
        Status::Warning,
        Severity::Config,
        "modprobe nvidia-peermem, and have it loaded at boot: without it NCCL copies over host memory",
    )]
}

/// Whether traffic of GPUs is likely to use it: InfiniBand, or Ethernet that is faster than machines need by themselves.
fn is_for_gpus(root: &Root, device: &str) -> bool {
    let folder = format!("sys/class/infiniband/{device}/ports");
    root.names(&folder).iter().any(|port| {
        let text = |file: &str| root.text(&format!("{folder}/{port}/{file}"));
        let is_infiniband = text("link_layer").is_none_or(|layer| layer == "InfiniBand");
        let gbps = text("rate").as_deref().and_then(leading_number);
        is_infiniband || gbps.is_some_and(|gbps| gbps >= FAST_GBPS)
    })
}

/// Major and minor of `6.8.0-45-generic`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split(|character: char| !character.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::check;
    use crate::Status;
    use crate::root::Root;

    fn of(files: &[(&str, &str)]) -> Status {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        check(&Root::new(folder.path()))[0].status
    }

    #[test]
    fn the_module_or_dma_buf_will_do() {
        let adapter = ("sys/class/infiniband/mlx5_0/ports/1/state", "4: ACTIVE");
        let closed = ("proc/driver/nvidia/version", "NVIDIA UNIX x86_64 Kernel Module  550.54.15");
        let open = ("proc/driver/nvidia/version", "NVIDIA UNIX Open Kernel Module for x86_64  580");
        let module = ("sys/module/nvidia_peermem/version", "580");
        let new = ("proc/sys/kernel/osrelease", "6.8.0-45-generic");
        let old = ("proc/sys/kernel/osrelease", "4.18.0-553.el8");
        assert_eq!(of(&[]), Status::Unknown);
        assert_eq!(of(&[adapter]), Status::Unknown);
        assert_eq!(of(&[adapter, closed, new]), Status::Warning);
        assert_eq!(of(&[adapter, closed, new, module]), Status::Ok);
        assert_eq!(of(&[adapter, open, new]), Status::Ok);
        assert_eq!(of(&[adapter, open, old]), Status::Warning);
    }
}
