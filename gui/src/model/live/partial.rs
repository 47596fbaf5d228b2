//! The folder that a recorder works in, beside the file that it will become: `RUN.perfdb.partial`, with the
//! growing recording in it.

use std::path::{Path, PathBuf};

/// What a folder of an unfinished recording is called, after the name of the recording.
const ENDING: &str = ".partial";

/// The growing recording in it.
const DATABASE: &str = "run.perfdb";

/// The places of one recording that is being made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Partial {
    /// The recorder's folder.
    pub folder: PathBuf,
    /// What the recording will be called when it is complete.
    pub output: PathBuf,
}

impl Partial {
    /// That of a recording, by the name that it will have.
    #[must_use]
    pub fn of_output(output: &Path) -> Self {
        let mut folder = output.as_os_str().to_owned();
        folder.push(ENDING);
        Self { folder: folder.into(), output: output.to_owned() }
    }

    /// By any name that a user may give: the folder, the file in it, or the recording that it will become.
    #[must_use]
    pub fn named(path: &Path) -> Self {
        let folder = if path.file_name().is_some_and(|name| name == DATABASE) {
            path.parent().filter(|folder| is_partial(folder))
        } else {
            Some(path).filter(|path| is_partial(path))
        };
        match folder {
            Some(folder) => {
                let name = folder.file_name().unwrap_or_default().to_string_lossy();
                let output = folder.with_file_name(name.strip_suffix(ENDING).unwrap_or(&name));
                Self { folder: folder.to_owned(), output }
            }
            None => Self::of_output(path),
        }
    }

    /// The growing recording.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.folder.join(DATABASE)
    }

    /// Its write-ahead log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join("run.perfdb-wal")
    }

    /// What the recorder holds locked as long as it is at work.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }
}

/// Whether a path is called like the folder of an unfinished recording.
#[must_use]
pub fn is_partial(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(ENDING))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Partial;

    #[test]
    fn every_name_of_a_growing_recording_leads_to_the_same_place() {
        let wanted = Partial::of_output(Path::new("/data/run.perfdb"));
        assert_eq!(wanted.database(), Path::new("/data/run.perfdb.partial/run.perfdb"));
        for name in [
            "/data/run.perfdb",
            "/data/run.perfdb.partial",
            "/data/run.perfdb.partial/",
            "/data/run.perfdb.partial/run.perfdb",
        ] {
            assert_eq!(Partial::named(Path::new(name)), wanted, "{name}");
        }
    }
}
