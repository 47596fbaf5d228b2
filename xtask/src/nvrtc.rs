//! Fetches NVRTC, the run-time compiler of CUDA C++, with which the tests compile every kernel: it needs no GPU.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::shell;
use crate::wheel::Wheel;

const WHEEL: Wheel = Wheel {
    package: "nvidia-cuda-nvrtc",
    version: "13.0.88",
    bytes: 90_200_000,
    // Not the second library beside each, which is built for older systems.
    wanted: &["nvidia/*/lib/libnvrtc.so.*", "nvidia/*/lib/libnvrtc-builtins.so.*"],
};

/// Where its libraries are unpacked.
fn site() -> Result<PathBuf> {
    Ok(shell::cache()?.join(format!("{}-{}", WHEEL.package, WHEEL.version)))
}

/// The library, once [`require`] has fetched it.
pub(crate) fn library() -> Option<PathBuf> {
    let library = site().ok()?.join("nvidia/cu13/lib/libnvrtc.so.13");
    library.is_file().then_some(library)
}

/// Fetches it unless it is there. Without a network the tests that need it say that they are skipped.
pub(crate) fn require() -> Result<()> {
    if library().is_some() {
        return Ok(());
    }
    println!("── fetching {} {} (90 MB, once)", WHEEL.package, WHEEL.version);
    let wheels = shell::cache()?.join("wheels");
    std::fs::create_dir_all(&wheels)
        .with_context(|| format!("{}: cannot be created", wheels.display()))?;
    let file = match WHEEL.fetch(&wheels) {
        Ok(file) => file,
        Err(error) => {
            println!("── {error:#}\n── until then the tests do not compile CUDA sources");
            return Ok(());
        }
    };
    // Unpacked beside its final place and renamed, so that an interrupted run leaves no half library.
    let site = site()?;
    let staging = site.with_extension(format!("{}.partial", std::process::id()));
    WHEEL.unpack(&file, &staging)?;
    if let Err(error) = std::fs::rename(&staging, &site) {
        let _ = std::fs::remove_dir_all(&staging);
        // Another xtask was faster: its result is as good.
        if library().is_none() {
            return Err(error).with_context(|| format!("{}: cannot be made", site.display()));
        }
    }
    let _ = std::fs::remove_file(file);
    Ok(())
}
