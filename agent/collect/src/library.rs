//! The library that is loaded into the target, and how the target is told of it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::CollectError;

const FILE: &str = "libperfagent.so";
/// NCCL copies the path of a plugin into a buffer of this size, terminator included.
const NCCL_PATH_BYTES: usize = 255;

/// The plugin that NCCL loads, and where the one that the user had named goes.
const NCCL_PLUGIN: &str = "NCCL_PROFILER_PLUGIN";
const NCCL_CHAIN: &str = "PERFAGENT_NCCL_PLUGIN";

/// `libperfagent.so`, found on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    path: PathBuf,
}

impl Library {
    /// Looks in `PERFAGENT_LIBRARY`, then around the running program: beside it, in `../lib/perfagent`, in `../lib`,
    /// and in cargo's `deps`.
    pub fn find() -> Result<Self, CollectError> {
        if let Some(named) = std::env::var_os("PERFAGENT_LIBRARY").filter(|path| !path.is_empty()) {
            let path = PathBuf::from(named);
            return match path.canonicalize() {
                Ok(path) if path.is_file() => Ok(Self { path }),
                _ => Err(CollectError::NoLibrary {
                    searched: format!("PERFAGENT_LIBRARY={}", path.display()),
                }),
            };
        }
        let program = std::env::current_exe().and_then(|program| program.canonicalize());
        let folder = program.ok().and_then(|program| program.parent().map(Path::to_owned));
        Self::around(&folder.unwrap_or_default())
    }

    /// Looks around the folder of the program.
    fn around(folder: &Path) -> Result<Self, CollectError> {
        let folders =
            ["", "../lib/perfagent", "../lib", "deps", ".."].map(|place| folder.join(place));
        let found = folders.iter().map(|folder| folder.join(FILE)).find(|path| path.is_file());
        let found = found.and_then(|path| path.canonicalize().ok());
        found.map(|path| Self { path }).ok_or_else(|| {
            let searched: Vec<_> =
                folders.iter().map(|folder| folder.display().to_string()).collect();
            CollectError::NoLibrary { searched: searched.join(", ") }
        })
    }

    /// Its absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The variables through which CUDA, NVTX and NCCL load the library, and remarks on what stands in the way.
    pub(crate) fn environment(&self) -> (Vec<(&'static str, OsString)>, Vec<String>) {
        let mut remarks = Vec::new();
        let mut names = vec!["CUDA_INJECTION64_PATH", "NVTX_INJECTION64_PATH"];
        if self.is_nccl_plugin() {
            if self.path.as_os_str().len() < NCCL_PATH_BYTES {
                names.push(NCCL_PLUGIN);
            } else {
                remarks.push(format!(
                    "NCCL collectives are not recorded: the path {} is longer than the {} bytes that NCCL reads; \
                     install perfagent under a shorter path",
                    self.path.display(),
                    NCCL_PATH_BYTES - 1
                ));
            }
        }
        let mut variables = Vec::new();
        for name in &names {
            let theirs = std::env::var_os(name).filter(|value| *value != *self.path.as_os_str());
            if let Some(theirs) = theirs.filter(|value| !value.is_empty()) {
                if *name == NCCL_PLUGIN {
                    // The library loads it and hands everything on.
                    variables.push((NCCL_CHAIN, theirs));
                    continue;
                }
                remarks.push(format!(
                    "{name}={} was replaced by perfagent's own library: the tool that it names was not loaded",
                    theirs.display()
                ));
            }
        }
        variables.extend(names.into_iter().map(|name| (name, self.path.clone().into_os_string())));
        (variables, remarks)
    }

    /// Whether the library offers a table of NCCL's profiler interface: its symbol's name is in the file.
    fn is_nccl_plugin(&self) -> bool {
        let bytes = fs::read(&self.path).unwrap_or_default();
        bytes.split(|byte| *byte == 0).any(|text| text.starts_with(b"ncclProfiler_v"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_beside_the_program_and_in_an_installation() {
        let root = tempfile::tempdir().unwrap();
        let bin = root.path().join("bin");
        let lib = root.path().join("lib/perfagent");
        fs::create_dir_all(&bin).unwrap();
        fs::create_dir_all(&lib).unwrap();
        let error = Library::around(&bin).unwrap_err().to_string();
        assert!(
            error.contains("cargo build -p perfagent-inject") && error.contains("bin"),
            "{error}"
        );
        fs::write(lib.join(FILE), "elf").unwrap();
        assert_eq!(Library::around(&bin).unwrap().path(), lib.join(FILE).canonicalize().unwrap());
        fs::write(bin.join(FILE), "elf").unwrap();
        assert_eq!(Library::around(&bin).unwrap().path(), bin.join(FILE).canonicalize().unwrap());
    }

    #[test]
    fn nccl_is_pointed_at_it_only_when_it_is_a_plugin_with_a_short_path() {
        let root = tempfile::tempdir().unwrap();
        let names = |library: &Library| {
            library.environment().0.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        let library = Library { path: root.path().join(FILE) };
        fs::write(&library.path, b"\x7fELF\0other\0").unwrap();
        assert_eq!(names(&library), ["CUDA_INJECTION64_PATH", "NVTX_INJECTION64_PATH"]);
        fs::write(&library.path, b"\x7fELF\0ncclProfiler_v5\0").unwrap();
        assert!(names(&library).contains(&"NCCL_PROFILER_PLUGIN"));
        let deep = root.path().join("d".repeat(200)).join("e".repeat(100));
        fs::create_dir_all(&deep).unwrap();
        let library = Library { path: deep.join(FILE) };
        fs::write(&library.path, b"\0ncclProfiler_v5\0").unwrap();
        assert!(!names(&library).contains(&"NCCL_PROFILER_PLUGIN"));
        assert!(library.environment().1[0].contains("shorter path"));
    }
}
