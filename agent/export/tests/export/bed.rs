//! A folder to work in, and the recordings and traces that tests start from.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use perfagent_export::{Destination, ExportOptions, Format, export};
use perfagent_import::{ImportOptions, Imported, import};
use perfagent_recording::{Reader, Recording};

/// A folder that is removed with it.
pub(crate) struct Bed(tempfile::TempDir);

impl Bed {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Imports traces as the recording `name`.
    pub(crate) fn import(&self, inputs: &[PathBuf], name: &str) -> Imported {
        let output = self.path(name);
        import(&ImportOptions { inputs: inputs.to_vec(), output, force: true }).unwrap()
    }

    /// Exports the recordings `inputs` as `output`.
    pub(crate) fn export(&self, inputs: &[&str], format: Format, output: &str) {
        let options = ExportOptions {
            inputs: inputs.iter().map(|input| self.path(input)).collect(),
            format,
            output: Destination::Path(self.path(output)),
            force: true,
            rank: None,
        };
        export(&options, &mut std::io::sink()).unwrap();
    }

    pub(crate) fn load(&self, name: &str) -> Recording {
        Recording::load(&Reader::open(&self.path(name)).unwrap(), &mut |_| {}).unwrap()
    }

    /// A file of this crate's repository, uncompressed, as `name`.
    pub(crate) fn unpack(&self, packed: &Path, name: &str) {
        let mut packed = GzDecoder::new(File::open(packed).unwrap());
        std::io::copy(&mut packed, &mut File::create(self.path(name)).unwrap()).unwrap();
    }
}

/// Recordings of a real GPU.
pub(crate) fn recorded() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/h200");
    let mut found = files_below(&folder);
    found.retain(|path| path.to_string_lossy().ends_with(".perfdb.gz"));
    assert!(found.len() >= 10, "{found:?}");
    found
}

/// Traces of PyTorch: those of the repository, and the large ones beside it, where they are. What belongs to one run
/// is together.
pub(crate) fn traces() -> Vec<Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut traces = files_below(&root.join("../../data/h200"));
    traces.retain(|path| path.to_string_lossy().ends_with(".trace.json.gz"));
    let shared = root.join("../../../shared/traces/kineto");
    if shared.is_dir() {
        traces.extend(files_below(&shared));
        assert!(traces.len() > 15);
    } else {
        println!("skipped: no folder shared/traces beside the repository");
    }
    let mut runs: Vec<Vec<PathBuf>> = Vec::new();
    for trace in traces {
        let is_pair = |path: &Path| path.parent().is_some_and(|folder| folder.ends_with("pair2"));
        match runs.last_mut() {
            Some(run) if is_pair(&trace) && is_pair(&run[0]) => run.push(trace),
            _ => runs.push(vec![trace]),
        }
    }
    runs
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}
