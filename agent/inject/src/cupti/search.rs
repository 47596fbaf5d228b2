//! Where a libcupti may be that fits this process, best first.

use std::ffi::CStr;
use std::path::{Path, PathBuf};

use crate::config::Config;

/// A CUDA major version, and how its libcupti is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation {
    pub(super) major: u32,
    pub(super) name: &'static CStr,
    /// `libcudart` of the same version.
    pub(super) runtime: &'static CStr,
    /// The folder of NVIDIA's Python packages that has it, below `site-packages/nvidia`.
    package: &'static str,
}

/// Newest first.
pub(super) const GENERATIONS: [Generation; 3] = [
    Generation {
        major: 13,
        name: c"libcupti.so.13",
        runtime: c"libcudart.so.13",
        package: "cu13/lib",
    },
    Generation {
        major: 12,
        name: c"libcupti.so.12",
        runtime: c"libcudart.so.12",
        package: "cuda_cupti/lib",
    },
    Generation {
        major: 11,
        name: c"libcupti.so.11.8",
        runtime: c"libcudart.so.11.0",
        package: "cuda_cupti/lib",
    },
];

impl Generation {
    /// Files that may be it in the Python packages of the program.
    pub(super) fn in_packages(self, packages: &[PathBuf]) -> Vec<PathBuf> {
        let name = self.name.to_string_lossy();
        let files =
            packages.iter().map(|folder| folder.join("nvidia").join(self.package).join(&*name));
        files.filter(|file| file.is_file()).collect()
    }

    /// Files that may be it in the CUDA toolkit.
    pub(super) fn in_toolkit(self, toolkit: Option<&Path>) -> Vec<PathBuf> {
        let name = self.name.to_string_lossy();
        let files = toolkit.into_iter().flat_map(|home| {
            ["extras/CUPTI/lib64", "lib64"].map(|folder| home.join(folder).join(&*name))
        });
        files.filter(|file| file.is_file()).collect()
    }
}

/// The folders of Python packages that this process uses: those of libraries that it has loaded already, then those of
/// the environment that it was started in.
pub(super) fn site_packages(config: &Config) -> Vec<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut found = in_maps(&maps);
    let environments = config.python_homes.iter().cloned().chain(home_of_program());
    for library in environments.map(|home| home.join("lib")) {
        let versions = std::fs::read_dir(&library).into_iter().flatten().flatten();
        let versions =
            versions.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"python3"));
        for version in versions {
            let packages = version.path().join("site-packages");
            if packages.is_dir() && !found.contains(&packages) {
                found.push(packages);
            }
        }
    }
    found
}

/// Two folders above the running program: `/opt/python/bin/python3` belongs to `/opt/python`.
fn home_of_program() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    program.parent()?.parent().map(Path::to_owned)
}

/// The folders of packages among the files that are mapped.
fn in_maps(maps: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for line in maps.lines() {
        let Some(path) = line.find('/').map(|start| Path::new(&line[start..])) else { continue };
        let packages = path
            .ancestors()
            .find(|folder| folder.ends_with("site-packages") || folder.ends_with("dist-packages"));
        if let Some(packages) = packages
            && !found.iter().any(|known| known == packages)
        {
            found.push(packages.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_found_beside_what_is_mapped() {
        let maps = "\
7f00-7f10 r-xp 00000000 08:01 1 /opt/venv/lib/python3.12/site-packages/torch/lib/libtorch_cpu.so
7f10-7f20 r--p 00000000 08:01 2 /opt/venv/lib/python3.12/site-packages/numpy/core.so
7f20-7f30 r--p 00000000 08:01 3 /usr/lib/python3/dist-packages/a b/c.so
7f30-7f40 rw-p 00000000 00:00 0 [heap]
7f40-7f50 r-xp 00000000 08:01 4 /usr/lib/x86_64-linux-gnu/libc.so.6
";
        let expected = ["/opt/venv/lib/python3.12/site-packages", "/usr/lib/python3/dist-packages"];
        assert_eq!(in_maps(maps), expected.map(PathBuf::from));
    }

    #[test]
    fn only_files_that_are_there_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let (packages, toolkit) = (dir.path().join("site-packages"), dir.path().join("cuda"));
        let wanted = [
            packages.join("nvidia/cu13/lib/libcupti.so.13"),
            toolkit.join("extras/CUPTI/lib64/libcupti.so.13"),
        ];
        for file in &wanted {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        let [newest, older, _] = GENERATIONS;
        let packages = [packages];
        assert_eq!(newest.in_packages(&packages), wanted[..1]);
        assert_eq!(newest.in_toolkit(Some(&toolkit)), wanted[1..]);
        assert!(older.in_packages(&packages).is_empty());
        assert!(older.in_toolkit(Some(&toolkit)).is_empty() && older.in_toolkit(None).is_empty());
    }
}
