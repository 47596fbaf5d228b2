//! NVIDIA's libraries, found where they usually are when the linker does not know them.
#![expect(unsafe_code, reason = "loads libraries")]

use std::path::{Path, PathBuf};

use libloading::Library;

/// Where it was looked for, for a message.
const SEARCHED: &str = "searched the linker's directories, CUDA_HOME, /usr/local/cuda* and the active Python environment";

/// Makes a library loadable by its name: the one that the environment variable names, else the linker's, else that of a
/// CUDA toolkit or of a Python environment. `stem` is its file's name without version, `companion` that of a library
/// beside it that it will load by name itself; the error says where it was looked for.
pub(super) fn provide(
    stem: &str,
    companion: Option<&str>,
    variable: &str,
    is_present: impl Fn() -> bool,
) -> Result<(), String> {
    let path = if let Some(path) = named(variable) {
        keep(&path).map_err(|said| format!("{variable} names {said}"))?;
        Some(path)
    } else if is_present() {
        None
    } else {
        candidates(stem).into_iter().find(|path| keep(path).is_ok())
    };
    if let (Some(path), Some(companion)) = (path, companion) {
        let beside = entries(path.parent().unwrap_or(Path::new(""))).into_iter();
        newest(beside, companion).iter().find(|path| keep(path).is_ok());
    }
    if is_present() { Ok(()) } else { Err(SEARCHED.to_owned()) }
}

/// The library itself, looked for in the same places. `names` are what the linker may know it by.
pub(super) fn open(stem: &str, variable: &str, names: &[&str]) -> Result<Library, String> {
    if let Some(path) = named(variable) {
        return load(&path).map_err(|said| format!("{variable} names {said}"));
    }
    let known = names.iter().map(PathBuf::from);
    known.chain(candidates(stem)).find_map(|path| load(&path).ok()).ok_or(SEARCHED.to_owned())
}

fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|name| !name.is_empty()).map(PathBuf::from)
}

fn load(path: &Path) -> Result<Library, String> {
    // SAFETY: the initialisers of NVIDIA's libraries only set them up; a file that is none was named by the user.
    unsafe { Library::new(path) }.map_err(|error| format!("{}: {error}", path.display()))
}

/// Loads a library for the rest of the process: one loaded by its path is found again by its name.
fn keep(path: &Path) -> Result<(), String> {
    load(path).map(std::mem::forget)
}

/// Libraries outside of the linker's directories, newest version first.
fn candidates(stem: &str) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for variable in ["CUDA_HOME", "CUDA_PATH"] {
        folders.extend(std::env::var_os(variable).map(|home| PathBuf::from(home).join("lib64")));
    }
    let toolkits = entries(Path::new("/usr/local")).into_iter();
    folders.extend(
        toolkits.filter(|path| name_of(path).starts_with("cuda")).map(|path| path.join("lib64")),
    );
    for variable in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        let Some(environment) = std::env::var_os(variable) else { continue };
        for python in entries(&PathBuf::from(environment).join("lib")) {
            let packages = entries(&python.join("site-packages/nvidia")).into_iter();
            folders.extend(packages.map(|package| package.join("lib")));
        }
    }
    newest(folders.iter().flat_map(|folder| entries(folder)), stem)
}

/// Those that are this library, newest version first.
fn newest(files: impl Iterator<Item = PathBuf>, stem: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = files.filter(|path| name_of(path).starts_with(stem)).collect();
    found.sort_by_key(|path| {
        let version = name_of(path)[stem.len()..].to_owned();
        let numbers: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
        std::cmp::Reverse(numbers)
    });
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    entries
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{newest, open, provide};

    #[test]
    fn versions_are_compared_as_numbers() {
        let files = ["a/libnccl.so.2", "b/libnccl.so.10", "c/libnccl.so", "d/libnccl_static.a"];
        let found = newest(files.map(PathBuf::from).into_iter(), "libnccl.so");
        assert_eq!(found, ["b/libnccl.so.10", "a/libnccl.so.2", "c/libnccl.so"].map(PathBuf::from));
    }

    #[test]
    fn what_is_nowhere_is_told_with_where_it_was_looked_for() {
        let refused = provide("libno-such.so", None, "PERFAGENT_NO_SUCH", || false).unwrap_err();
        assert!(refused.contains("CUDA_HOME"), "{refused}");
        let refused = open("libno-such.so", "PERFAGENT_NO_SUCH", &["libno-such.so.1"]).unwrap_err();
        assert!(refused.contains("CUDA_HOME"), "{refused}");
    }
}
