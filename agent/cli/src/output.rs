//! Files that commands write: under their final name only when they are complete.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file that does not have its name yet. Dropped unfinished, it leaves nothing.
pub(crate) struct OutputFile {
    path: PathBuf,
    option: &'static str,
    file: NamedTempFile,
    /// Lines that are not written yet.
    held: Vec<u8>,
}

/// Bytes of lines that are held back.
const PIECE: usize = 1 << 16;

/// Makes the file beside `path`, so that naming it later cannot fail half-way.
///
/// `option` is how the user names the file, for messages. What is a recording stays one: `--html *.perfdb` names the first of
/// them as the place for the page.
pub(crate) fn begin(path: &Path, option: &'static str) -> anyhow::Result<OutputFile> {
    anyhow::ensure!(
        !path.is_dir(),
        "{}: is a directory; name a file in it with {option}",
        path.display()
    );
    // A name is given by renaming, which would put a plain file in the place of a device or a pipe.
    anyhow::ensure!(
        !path.exists() || path.is_file(),
        "{}: is no plain file, and would be replaced by one; leave {option} out to write to standard output, or name a file",
        path.display()
    );
    anyhow::ensure!(
        !is_recording(path),
        "{}: is a recording, which is not replaced; name another file with {option}",
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
                "{}: cannot be written: {error}; choose another place with {option}",
                path.display()
            )
        })?;
    Ok(OutputFile { path: path.to_owned(), option, file, held: Vec::new() })
}

/// Whether there is an SQLite file of this name.
fn is_recording(path: &Path) -> bool {
    let mut first = [0; 16];
    File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok()
        && first == *b"SQLite format 3\0"
}

impl OutputFile {
    /// Writes `document` as indented JSON and gives the file its name.
    pub(crate) fn finish_json(mut self, document: &impl serde::Serialize) -> anyhow::Result<()> {
        let written = serde_json::to_writer_pretty(&mut self.file, document).map_err(Into::into);
        let written = written.and_then(|()| self.file.write_all(b"\n"));
        self.finish(written)
    }

    /// Appends a line.
    pub(crate) fn line(&mut self, line: &str) -> anyhow::Result<()> {
        self.held.extend_from_slice(line.as_bytes());
        self.held.push(b'\n');
        if self.held.len() >= PIECE {
            let written = self.file.write_all(&self.held);
            self.held.clear();
            written.map_err(|error| self.unwritten(&error))?;
        }
        Ok(())
    }

    /// Writes the last lines and gives the file its name.
    pub(crate) fn finish_lines(mut self) -> anyhow::Result<()> {
        let written = self.file.write_all(&self.held);
        self.finish(written)
    }

    fn unwritten(&self, error: &io::Error) -> anyhow::Error {
        let (path, option) = (self.path.display(), self.option);
        anyhow::anyhow!(
            "{path}: cannot be written: {error}; free some space or choose another place with {option}"
        )
    }

    /// Writes `text` and gives the file its name.
    pub(crate) fn finish_text(mut self, text: &str) -> anyhow::Result<()> {
        let written = self.file.write_all(text.as_bytes());
        self.finish(written)
    }

    fn finish(self, written: io::Result<()>) -> anyhow::Result<()> {
        written
            .and_then(|()| self.file.as_file().sync_all())
            .map_err(|error| self.unwritten(&error))?;
        let (path, option) = (self.path.display(), self.option);
        self.file.persist(&self.path).map_err(|error| {
            let error = error.error;
            anyhow::anyhow!(
                "{path}: cannot be written: {error}; choose another place with {option}"
            )
        })?;
        Ok(())
    }
}
