//! Where to compute: the processor, or a GPU through the half of libtorch that is not linked.

use std::path::{Path, PathBuf};

use tch::{Cuda, Device};

use crate::failure::{Failure, Result};
use crate::options::{DeviceChoice, Precision};
use crate::place::Place;
use crate::shim;

/// Finds the device of a rank: with `cuda` each rank of a machine has one of its GPUs. `auto` means one only for a run of
/// one rank.
pub(crate) fn choose(choice: DeviceChoice, place: &Place) -> Result<(Device, Option<String>)> {
    match choice {
        DeviceChoice::Cpu => Ok((Device::Cpu, None)),
        DeviceChoice::Cuda => {
            open().map_err(Failure::Input)?;
            let gpus = usize::try_from(Cuda::device_count()).unwrap_or(0);
            own_gpu(place, gpus).map(|gpu| (Device::Cuda(gpu), None))
        }
        DeviceChoice::Auto if !may_be_cuda(choice, place.size) => Ok((Device::Cpu, None)),
        DeviceChoice::Auto => Ok(match open() {
            Ok(()) => (Device::Cuda(0), None),
            Err(why) => (Device::Cpu, Some(format!("computing on the CPU: {why}"))),
        }),
    }
}

/// Whether a GPU may be chosen, without touching libtorch.
pub(crate) fn may_be_cuda(choice: DeviceChoice, ranks: usize) -> bool {
    match choice {
        DeviceChoice::Cpu => false,
        DeviceChoice::Cuda => true,
        DeviceChoice::Auto => ranks == 1 && Path::new("/dev/nvidiactl").exists(),
    }
}

/// The GPU of a rank. Several ranks have one together only where NCCL was told to allow it, which it does from 2.30 on.
fn own_gpu(place: &Place, gpus: usize) -> Result<usize> {
    const SHARED: &str = "NCCL_MULTI_RANK_GPU_ENABLE";
    let may_share = std::env::var(SHARED).is_ok_and(|value| value == "1");
    if place.local_rank >= gpus && !may_share {
        return Err(Failure::input(format!(
            "{} ranks on this machine need as many GPUs, and it has {gpus}: use --nproc {gpus}, or with NCCL 2.30.3 or newer {SHARED}=1",
            place.local_size
        )));
    }
    Ok(place.local_rank % gpus.max(1))
}

/// Refuses a number format that the device has no arithmetic for.
pub(crate) fn check_precision(device: Device, precision: Precision) -> Result<()> {
    let Device::Cuda(_) = device else {
        return match precision {
            Precision::Tf32 => Err(Failure::input(
                "--precision tf32 is arithmetic of NVIDIA GPUs from compute capability 8.0 on; the CPU has fp32, bf16, fp16 and fp8",
            )),
            _ => Ok(()),
        };
    };
    let (needed, what) = match precision {
        Precision::Fp8 => (89, "fp8"),
        Precision::Tf32 => (80, "tf32"),
        Precision::Bf16 => (80, "bf16"),
        Precision::Fp32 | Precision::Fp16 => return shim::set_tf32(false),
    };
    let has = shim::compute_capability()?;
    if has < needed {
        let others = if has >= 80 { "fp32, tf32, bf16 and fp16" } else { "fp32 and fp16" };
        return Err(Failure::input(format!(
            "--precision {what} needs compute capability {}.{}, and this GPU has {}.{}: it has {others}",
            needed / 10,
            needed % 10,
            has / 10,
            has % 10
        )));
    }
    shim::set_tf32(precision == Precision::Tf32)
}

/// Loads the CUDA half of libtorch; says what is missing when that fails.
fn open() -> std::result::Result<(), String> {
    let bundled = PathBuf::from(env!("PERFAGENT_TORCH_LIB_DIR")).join("libtorch_cuda.so");
    // The libtorch of the build, or whichever the loader finds when the program has been moved.
    let library = if bundled.is_file() { bundled } else { PathBuf::from("libtorch_cuda.so") };
    shim::open_cuda(&library).map_err(|failure| {
        format!("no GPU can be used: {failure}; the CUDA build of libtorch and NVIDIA's CUDA libraries are needed")
    })?;
    if Cuda::is_available() {
        Ok(())
    } else {
        Err("no GPU can be used: libtorch finds no NVIDIA driver or device".to_owned())
    }
}

/// Waits for everything issued to the device.
pub(crate) fn synchronize(device: Device) {
    if let Device::Cuda(index) = device {
        Cuda::synchronize(index as i64);
    }
}

/// `cpu` or `cuda`.
pub(crate) fn name(device: Device) -> &'static str {
    if device.is_cuda() { "cuda" } else { "cpu" }
}

#[cfg(test)]
mod tests {
    use super::own_gpu;
    use crate::place::Place;

    #[test]
    fn ranks_have_the_gpus_of_their_machine_in_turn() {
        let place = |local_rank| Place {
            rank: 8 + local_rank,
            size: 16,
            local_rank,
            local_size: 8,
            ..Place::alone()
        };
        assert_eq!((own_gpu(&place(0), 8).unwrap(), own_gpu(&place(7), 8).unwrap()), (0, 7));
        let refused = own_gpu(&place(4), 4).unwrap_err().to_string();
        assert!(
            refused.contains("8 ranks") && refused.contains("it has 4: use --nproc 4"),
            "{refused}"
        );
    }
}
