//! Metrics as a file for `node_exporter`'s textfile collector, for nodes on which no port may be opened.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::exposition::Form;
use crate::metric::{Style, page};
use crate::moment::Moment;
use crate::state::Shared;

/// A file that always holds a whole page.
#[derive(Debug)]
pub struct Textfile {
    path: PathBuf,
}

/// Why there can be no such file.
#[derive(Debug, thiserror::Error)]
pub enum TextfileError {
    /// `node_exporter` reads no other names.
    #[error("{}: node_exporter reads files whose names end in .prom alone; give --textfile such a name", .0.display())]
    Name(PathBuf),
    /// There is something else.
    #[error("{}: is no plain file, and would be replaced by one; give --textfile another name", .0.display())]
    NoFile(PathBuf),
    /// It could not be written.
    #[error("{}: cannot be written: {said}; the file from before stays; free some space, or give --textfile another place", .path.display())]
    Unwritten {
        /// The file.
        path: PathBuf,
        /// Why not.
        said: String,
    },
}

impl Textfile {
    /// At `path`.
    pub fn at(path: &Path) -> Result<Self, TextfileError> {
        if path.extension().is_none_or(|extension| extension != "prom") {
            return Err(TextfileError::Name(path.to_owned()));
        }
        if path.exists() && !path.is_file() {
            return Err(TextfileError::NoFile(path.to_owned()));
        }
        Ok(Self { path: path.to_owned() })
    }

    /// Writes what is known now beside the file and gives it the file's name. Whoever reads the file sees the old page or the new
    /// one, and the old one stays where the new one could not be written.
    pub fn write(&self, shared: &Shared, style: &Style) -> Result<(), TextfileError> {
        let text = shared.change(|state| page(state, style, Moment::now()).text(Form::Prometheus));
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let written = || -> io::Result<()> {
            // Without `.prom`, so that nobody reads it; dropped unfinished, it leaves nothing.
            let mut file = tempfile::Builder::new().prefix(".perfagent-").tempfile_in(folder)?;
            file.write_all(text.as_bytes())?;
            // node_exporter is somebody else, and a umask must not keep it out.
            file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
            // Else a power failure could leave the name on an empty file.
            file.as_file().sync_all()?;
            file.persist(&self.path).map_err(|error| error.error)?;
            Ok(())
        };
        written().map_err(|error| TextfileError::Unwritten {
            path: self.path.clone(),
            said: without_place(&error),
        })
    }

    /// Takes the file away: it would go on telling what was.
    pub fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The error without the name of the temporary file, which is another one each time and says nothing to anybody.
pub(crate) fn without_place(error: &io::Error) -> String {
    let said = error.to_string();
    said.split(" at path ").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::{Textfile, TextfileError};
    use crate::log::{EventLog, Target};
    use crate::metric::Style;
    use crate::state::Shared;

    #[test]
    fn the_file_is_whole_and_everybodys_to_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("perfagent.prom");
        let file = Textfile::at(&path).unwrap();
        let shared = Shared::new(EventLog::new(Target::None, ""));
        for _ in 0..2 {
            file.write(&shared, &Style::default()).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("perfagent_exporter_nvml_up 0\n") && text.ends_with('\n'), "{text}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        file.remove();
        assert!(!path.exists());
    }

    #[test]
    fn what_cannot_be_such_a_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Textfile::at("perfagent.txt".as_ref()), Err(TextfileError::Name(_))));
        let path = folder.path().join("a.prom");
        fs::create_dir(&path).unwrap();
        assert!(matches!(Textfile::at(&path), Err(TextfileError::NoFile(_))));
        let gone = Textfile::at(&folder.path().join("gone/a.prom")).unwrap();
        let shared = Shared::new(EventLog::new(Target::None, ""));
        let said = || gone.write(&shared, &Style::default()).unwrap_err().to_string();
        assert!(said().contains("gone/a.prom: cannot be written: No such file"), "{}", said());
        assert_eq!(said(), said(), "the same trouble has the same words, and is told once");
    }
}
