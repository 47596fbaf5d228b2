//! Where the dynamic linker and Python environments keep libraries. Nothing is loaded: a library that crashes when it
//! is opened must not take the doctor with it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The first place where the dynamic linker would find `name`.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let listed = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let folders = std::env::split_paths(&listed).filter(|folder| !folder.as_os_str().is_empty());
    let by_folder = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    by_folder
        .or_else(|| {
            in_cache(&fs::read("/etc/ld.so.cache").unwrap_or_default(), &|file| file == name)
                .into_iter()
                .find(|path| path.is_file())
        })
        .or_else(|| {
            let usual = [
                "/usr/lib/x86_64-linux-gnu",
                "/usr/lib/aarch64-linux-gnu",
                "/usr/lib64",
                "/usr/lib",
                "/lib",
            ];
            usual.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
        })
}

/// Every `libcupti.so` of this machine, each with its version where the place tells it.
pub(super) fn cupti() -> Vec<(PathBuf, Option<String>)> {
    let is_cupti = |file: &str| file.starts_with("libcupti.so");
    let mut folders = Vec::new();
    let listed = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&listed).filter(|folder| !folder.as_os_str().is_empty()));
    let toolkits =
        ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let installed = entries(Path::new("/usr/local"))
        .into_iter()
        .filter(|path| file_name(path).starts_with("cuda"));
    for toolkit in toolkits.chain(installed) {
        folders.extend([toolkit.join("extras/CUPTI/lib64"), toolkit.join("lib64")]);
    }
    let packages = site_packages();
    for packages in &packages {
        folders.push(packages.join("nvidia/cuda_cupti/lib"));
        folders.extend(entries(&packages.join("nvidia")).into_iter().map(|part| part.join("lib")));
    }
    let mut paths: BTreeSet<PathBuf> = BTreeSet::new();
    let files =
        folders.iter().flat_map(|folder| entries(folder)).filter(|path| is_cupti(&file_name(path)));
    let cache = fs::read("/etc/ld.so.cache").unwrap_or_default();
    for path in files.chain(in_cache(&cache, &is_cupti)) {
        // Links to one file are one library.
        paths.extend(path.canonicalize());
    }
    paths.into_iter().map(|path| (path.clone(), version(&path))).collect()
}

/// The version in the file's own name (`libcupti.so.2025.3.1`) or in that of the Python package it belongs to.
fn version(path: &Path) -> Option<String> {
    let name = file_name(path);
    let suffix = name.strip_prefix("libcupti.so.")?;
    if suffix.contains('.') {
        return Some(suffix.to_owned());
    }
    let packages = path.ancestors().find(|folder| file_name(folder).ends_with("-packages"))?;
    entries(packages).iter().find_map(|entry| {
        let name = file_name(entry);
        let version = name.strip_prefix("nvidia_cuda_cupti")?.strip_suffix(".dist-info")?;
        version.rsplit_once('-').map(|(_, version)| version.to_owned())
    })
}

/// The package folders of the active virtual environment and of the `python3` in `PATH`.
fn site_packages() -> Vec<PathBuf> {
    let mut roots: Vec<PathBuf> = ["VIRTUAL_ENV", "CONDA_PREFIX"]
        .into_iter()
        .filter_map(std::env::var_os)
        .map(PathBuf::from)
        .collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(bin) = std::env::split_paths(&path).find(|folder| folder.join("python3").is_file())
    {
        roots.extend(bin.parent().map(Path::to_owned));
    }
    roots.push("/usr/local".into());
    let versions = roots
        .iter()
        .flat_map(|root| entries(&root.join("lib")))
        .filter(|path| file_name(path).starts_with("python3"));
    versions
        .flat_map(|folder| [folder.join("site-packages"), folder.join("dist-packages")])
        .collect()
}

/// Paths in the linker's cache whose file name is wanted. Its texts are NUL-terminated, which is all that is relied on.
fn in_cache(cache: &[u8], wanted: &dyn Fn(&str) -> bool) -> Vec<PathBuf> {
    let texts = cache.split(|byte| *byte == 0).filter_map(|text| std::str::from_utf8(text).ok());
    let paths = texts.filter(|text| text.starts_with('/'));
    paths.filter(|path| path.rsplit('/').next().is_some_and(wanted)).map(PathBuf::from).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    entries
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_searched_by_file_name() {
        let cache = b"ld.so-1.7.0\0\x01\0libcuda.so.1\0/usr/lib/libcuda.so.1\0/usr/lib/notlibcuda.so.1\0\xff\0";
        assert_eq!(
            in_cache(cache, &|file| file == "libcuda.so.1"),
            [PathBuf::from("/usr/lib/libcuda.so.1")]
        );
    }

    #[test]
    fn a_wheel_and_a_toolkit_tell_their_version() {
        let root = tempfile::tempdir().unwrap();
        let packages = root.path().join("lib/python3.12/site-packages");
        let library = packages.join("nvidia/cu13/lib/libcupti.so.13");
        fs::create_dir_all(library.parent().unwrap()).unwrap();
        fs::create_dir_all(packages.join("nvidia_cuda_cupti-13.0.85.dist-info")).unwrap();
        fs::write(&library, "elf").unwrap();
        assert_eq!(version(&library).as_deref(), Some("13.0.85"));
        assert_eq!(
            version(Path::new("/usr/local/cuda/libcupti.so.2025.3.1")).as_deref(),
            Some("2025.3.1")
        );
    }

    #[test]
    fn the_c_library_is_found() {
        assert!(find("libc.so.6").is_some());
        assert!(find("libno-such-library.so.1").is_none());
    }
}
