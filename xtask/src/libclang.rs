//! Finds libclang or fetches it: the `nvtx` crate makes its bindings from NVIDIA's headers with it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::shell;
use crate::wheel::Wheel;

const WHEEL: Wheel = Wheel {
    package: "libclang",
    version: "18.1.1",
    bytes: 24_500_000,
    wanted: &["*/libclang.so", "clang/native/libclang.so"],
};

/// The environment with which bindgen finds a libclang; empty when the system has one.
pub(crate) fn environment() -> Result<Vec<(&'static str, String)>> {
    if std::env::var_os("LIBCLANG_PATH").is_some() || system_has_one() {
        return Ok(Vec::new());
    }
    let cache = shell::cache()?;
    let site = cache.join(format!("{}-{}", WHEEL.package, WHEEL.version));
    if find(&site).is_none() {
        let wheels = cache.join("wheels");
        std::fs::create_dir_all(&wheels)
            .with_context(|| format!("{}: cannot be created", wheels.display()))?;
        let file = WHEEL.fetch(&wheels)?;
        WHEEL.unpack(&file, &site)?;
        let _ = std::fs::remove_file(file);
    }
    let folder =
        find(&site).with_context(|| format!("{}: no libclang.so in it", site.display()))?;
    // The library comes without the compiler's own headers (stddef.h): the C compiler's are as good.
    let headers = shell::read(Command::new("cc").arg("-print-file-name=include"))
        .context("a C compiler is needed; install gcc or clang")?;
    Ok(vec![
        ("LIBCLANG_PATH", folder.to_string_lossy().into_owned()),
        ("BINDGEN_EXTRA_CLANG_ARGS", format!("-isystem {}", headers.trim())),
    ])
}

/// Looks where clang-sys will look by itself.
fn system_has_one() -> bool {
    let mut folders: Vec<PathBuf> = [
        "/usr/lib",
        "/usr/lib64",
        "/usr/local/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
    ]
    .iter()
    .map(PathBuf::from)
    .collect();
    let versions = std::fs::read_dir("/usr/lib").into_iter().flatten().filter_map(Result::ok);
    folders.extend(
        versions
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("llvm"))
            .map(|entry| entry.path().join("lib")),
    );
    folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().any(|entry| {
        entry.is_ok_and(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            // libclang-cpp is the C++ interface, which has none of what is needed.
            name.starts_with("libclang.so")
                || (name.starts_with("libclang-") && !name.starts_with("libclang-cpp"))
        })
    })
}

/// The folder below `site` that holds the library.
fn find(site: &std::path::Path) -> Option<PathBuf> {
    let mut folders = vec![site.to_owned()];
    while let Some(folder) = folders.pop() {
        if folder.join("libclang.so").is_file() {
            return Some(folder);
        }
        let entries = std::fs::read_dir(&folder).ok()?;
        folders.extend(
            entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir()),
        );
    }
    None
}
