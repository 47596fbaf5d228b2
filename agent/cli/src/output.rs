//! Files that commands write: under their final name only when they are complete.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file that does not have its name yet. Dropped unfinished, it leaves nothing.
pub(crate) struct OutputFile {
    path: PathBuf,
    file: NamedTempFile,
}

/// Makes the file beside `path`, so that naming it later cannot fail half-way.
pub(crate) fn begin(path: &Path) -> anyhow::Result<OutputFile> {
    anyhow::ensure!(
        !path.is_dir(),
        "{}: is a directory; name a file in it with -o",
        path.display()
    );
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let file = tempfile::Builder::new()
        .prefix(".perfagent-")
        // As a plain `open` would make it: the umask decides.
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(|error| {
            anyhow::anyhow!(
                "{}: cannot be written: {error}; choose another place with -o",
                path.display()
            )
        })?;
    Ok(OutputFile { path: path.to_owned(), file })
}

impl OutputFile {
    /// Writes `document` as indented JSON and gives the file its name.
    pub(crate) fn finish_json(mut self, document: &impl serde::Serialize) -> anyhow::Result<()> {
        let failed = |error: &dyn std::fmt::Display| {
            anyhow::anyhow!(
                "{}: cannot be written: {error}; free some space or choose another place with -o",
                self.path.display()
            )
        };
        serde_json::to_writer_pretty(&mut self.file, document).map_err(|error| failed(&error))?;
        self.file.write_all(b"\n").map_err(|error| failed(&error))?;
        self.file.as_file().sync_all().map_err(|error| failed(&error))?;
        let path = self.path.clone();
        self.file.persist(&self.path).map_err(|error| {
            anyhow::anyhow!(
                "{}: cannot be written: {}; choose another place with -o",
                path.display(),
                error.error
            )
        })?;
        Ok(())
    }
}
