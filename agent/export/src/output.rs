//! Where an export goes: under its name when it is complete, or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::{NamedTempFile, TempDir};

use crate::error::ExportError;

/// A name that is free, or may be taken.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) path: &'a Path,
    /// Whether what stands there gives way.
    pub(crate) force: bool,
}

impl Target<'_> {
    fn failed(self, doing: &'static str) -> impl FnOnce(io::Error) -> ExportError {
        let path = self.path.to_owned();
        move |source| ExportError::Io { path, doing, source }
    }

    fn taken(self) -> ExportError {
        ExportError::OutputExists { path: self.path.to_owned() }
    }

    /// The folder around it.
    fn parent(self) -> Result<PathBuf, ExportError> {
        let parent = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if parent.is_dir() {
            return Ok(parent.to_owned());
        }
        Err(ExportError::NoSuchDirectory { path: parent.to_owned() })
    }

    fn is_taken(self) -> bool {
        self.path.symlink_metadata().is_ok()
    }

    /// Writes one file; compressed when its name says so.
    pub(crate) fn file(
        self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), ExportError> {
        if self.path.is_dir() {
            return Err(ExportError::OutputIsDirectory { path: self.path.to_owned() });
        }
        if !self.force && self.is_taken() {
            return Err(self.taken());
        }
        let file = tempfile::Builder::new()
            .prefix(".perfagent-")
            .suffix(".exporting")
            // As a plain `open` would make it: the umask decides.
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666))
            .tempfile_in(self.parent()?)
            .map_err(self.failed("create it"))?;
        let compressed = self.path.extension().is_some_and(|end| end.eq_ignore_ascii_case("gz"));
        fill(&file, compressed, write).map_err(self.failed("write it"))?;
        self.name(file)
    }

    fn name(self, file: NamedTempFile) -> Result<(), ExportError> {
        let named = if self.force {
            file.persist(self.path)
        } else {
            // Unlike a plain rename it never replaces what came to stand there meanwhile.
            file.persist_noclobber(self.path)
        };
        match named {
            Ok(_) => Ok(()),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(self.taken()),
            Err(error) => Err(self.failed("give the file this name")(error.error)),
        }
    }

    /// Begins a folder of files whose names end in `ending`.
    pub(crate) fn folder(self, ending: &str) -> Result<Folder, ExportError> {
        if self.is_taken() {
            if !self.force {
                return Err(self.taken());
            }
            self.check_replaceable(ending)?;
        }
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let staging = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .suffix(".exporting")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777))
            .tempdir_in(self.parent()?)
            .map_err(self.failed("create it"))?;
        Ok(Folder { path: self.path.to_owned(), force: self.force, staging })
    }

    /// A folder gives way only when everything in it is what an earlier export has written: `-f -o .` must not cost
    /// anybody their files.
    fn check_replaceable(self, ending: &str) -> Result<(), ExportError> {
        if !self.path.is_dir() {
            return Ok(());
        }
        for entry in fs::read_dir(self.path).map_err(self.failed("look into it"))? {
            let entry = entry.map_err(self.failed("look into it"))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.ends_with(ending) || entry.path().is_dir() {
                return Err(ExportError::OutputHoldsOther {
                    path: self.path.to_owned(),
                    found: name,
                });
            }
        }
        Ok(())
    }
}

fn fill(
    file: &NamedTempFile,
    compressed: bool,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    const PIECE: usize = 1 << 18;
    let mut buffer = BufWriter::with_capacity(PIECE, file.as_file());
    if compressed {
        let mut encoder = GzEncoder::new(&mut buffer, Compression::default());
        write(&mut encoder)?;
        encoder.finish()?;
    } else {
        write(&mut buffer)?;
    }
    buffer.flush()?;
    drop(buffer);
    file.as_file().sync_all()
}

/// A folder that does not have its name yet. Dropped unfinished, it leaves nothing.
pub(crate) struct Folder {
    path: PathBuf,
    force: bool,
    staging: TempDir,
}

impl Folder {
    fn target(&self) -> Target<'_> {
        Target { path: &self.path, force: self.force }
    }

    /// Creates a file in it.
    pub(crate) fn create(&self, name: &str) -> Result<File, ExportError> {
        File::create_new(self.staging.path().join(name)).map_err(self.target().failed("write it"))
    }

    /// What went wrong with one of its files.
    pub(crate) fn failed(&self, source: io::Error) -> ExportError {
        self.target().failed("write it")(source)
    }

    /// Gives the folder its name.
    pub(crate) fn finish(self) -> Result<(), ExportError> {
        let Self { path, force, staging } = self;
        let target = Target { path: &path, force };
        if force && target.is_taken() {
            // What stands there is moved aside first, and removed when the new folder has the name.
            let aside =
                tempfile::tempdir_in(target.parent()?).map_err(target.failed("create it"))?;
            let old = aside.path().join("old");
            fs::rename(&path, &old).map_err(target.failed("replace it"))?;
            if let Err(error) = fs::rename(staging.path(), &path) {
                let _ = fs::rename(&old, &path);
                return Err(target.failed("give the folder this name")(error));
            }
        } else {
            fs::rename(staging.path(), &path)
                .map_err(target.failed("give the folder this name"))?;
        }
        // It has moved: there is nothing to remove any more.
        let _ = staging.keep();
        Ok(())
    }
}
