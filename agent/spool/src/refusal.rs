//! What a process leaves that cannot make its ring, so that the recorder knows of it.

use std::fs;
use std::path::Path;

use crate::{ProcessIdentity, SpoolError};

/// A process that is not recorded because it could not make its ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its number.
    pub pid: u32,
    /// Why, in a sentence; empty when not even that could be written.
    pub reason: String,
}

impl Refusal {
    /// The extension of the file.
    pub const EXTENSION: &str = "refused";

    /// Leaves `<dir>/<pid>-<start time>.refused`. On a full disk the name alone may have to do; in a directory that
    /// takes no files nothing can be left.
    pub fn leave(dir: &Path, identity: &ProcessIdentity, reason: &SpoolError) {
        let name = format!("{}-{}.{}", identity.pid, identity.start_time_ticks, Self::EXTENSION);
        // Best effort by its nature: there is no other place to say it.
        let _ = fs::write(dir.join(name), reason.to_string());
    }

    /// Reads what was left at `path`; `None` when that is not the name of a refusal.
    #[must_use]
    pub fn read(path: &Path) -> Option<Self> {
        if path.extension()? != Self::EXTENSION {
            return None;
        }
        let pid = path.file_stem()?.to_str()?.split_once('-')?.0.parse().ok()?;
        let reason = fs::read(path).unwrap_or_default();
        Some(Self { pid, reason: String::from_utf8_lossy(&reason).into_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let identity = ProcessIdentity::of_this_process();
        let reason = SpoolError::NoSpace { path: "x.ring".into(), bytes: 4096 };
        Refusal::leave(folder.path(), &identity, &reason);
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1);
        let read = Refusal::read(&left[0].as_ref().unwrap().path());
        assert_eq!(read, Some(Refusal { pid: std::process::id(), reason: reason.to_string() }));
        assert_eq!(Refusal::read(Path::new("12-34-0.ring")), None);
        assert_eq!(Refusal::read(Path::new("twelve.refused")), None);
    }
}
