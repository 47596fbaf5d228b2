//! One document a node in a folder that all nodes see.
//!
//! A document gets its name when it is complete and on the disk, so that nobody ever reads half of one. A node replaces
//! its own older document, and nobody else's: two nodes with one name get a file each.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use crate::root::Root;

/// The folder.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

/// A document that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// The file that has this node's name and is of another one.
    pub namesake: Option<PathBuf>,
}

/// Why a document was not written.
#[derive(Debug, thiserror::Error)]
pub enum NotWritten {
    /// The folder is not there.
    #[error(
        "{0}: cannot be made: {1}; make the folder where every node sees it, and name it with --out"
    )]
    NoFolder(PathBuf, io::Error),
    /// The file cannot be written.
    #[error(
        "{0}: cannot be written: {1}; free some space, give write permission, or name another folder with --out"
    )]
    Unwritable(PathBuf, io::Error),
    /// There is another file of that name.
    #[error(
        "{0}: is no perfagent.health/1 document, and is not replaced; name another folder with --out"
    )]
    Foreign(PathBuf),
    /// The file system does not answer.
    #[error(
        "{0}: did not take a file within {1:?}; is its file server up? name another folder with --out"
    )]
    Hangs(PathBuf, Duration),
}

/// What is read of a document that is there already.
#[derive(Deserialize)]
struct Earlier {
    schema: String,
    time: String,
    boot_id: Option<String>,
}

impl Folder {
    /// The folder of this path, which need not be there yet; the one above it does.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Writes a document of this host, waiting for the file system no longer than `patience`.
    ///
    /// # Errors
    /// Says what is in the way, and what to do.
    pub fn write(
        &self,
        host: &str,
        document: &serde_json::Value,
        patience: Duration,
    ) -> Result<Written, NotWritten> {
        let (sender, done) = sync_channel(1);
        let folder = self.clone();
        let (host, document) = (host.to_owned(), document.clone());
        let started = thread::Builder::new().name("health-out".to_owned()).spawn(move || {
            // Nobody waits any more when the time is over.
            let _ = sender.send(folder.write_now(&host, &document, &Root::new("/")));
        });
        if let Err(error) = started {
            return Err(NotWritten::Unwritable(self.path.clone(), error));
        }
        match done.recv_timeout(patience) {
            Ok(written) => written,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                Err(NotWritten::Hangs(self.path.clone(), patience))
            }
        }
    }

    fn write_now(
        &self,
        host: &str,
        document: &serde_json::Value,
        root: &Root,
    ) -> Result<Written, NotWritten> {
        match fs::create_dir(&self.path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(NotWritten::NoFolder(self.path.clone(), error));
            }
            _ => {}
        }
        let name = file_name(host);
        let path = self.path.join(format!("{name}.json"));
        let unwritable = |error: io::Error| NotWritten::Unwritable(path.clone(), error);
        let complete = self.complete(document).map_err(unwritable)?;
        // First as if nobody had the name: of two nodes that begin together, one finds the other's.
        let complete = match complete.persist_noclobber(&path) {
            Ok(_) => return Ok(self.named(path.clone(), None)),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => error.file,
            Err(error) => return Err(unwritable(error.error)),
        };
        let (path, namesake) = match whose(&path, document, root)? {
            Whose::Ours => (path.clone(), None),
            Whose::Namesakes(boot) => {
                let own = self.path.join(format!("{name}.{boot}.json"));
                (own, Some(path.clone()))
            }
        };
        complete
            .persist(&path)
            .map_err(|error| NotWritten::Unwritable(path.clone(), error.error))?;
        Ok(self.named(path, namesake))
    }

    /// The document, complete and on the disk, without its name.
    fn complete(&self, document: &serde_json::Value) -> io::Result<tempfile::NamedTempFile> {
        let mut file = tempfile::Builder::new()
            .prefix(".perfagent-")
            // As a plain `open` would make it: the umask decides.
            .permissions(fs::Permissions::from_mode(0o666))
            .tempfile_in(&self.path)?;
        serde_json::to_writer_pretty(&mut file, document)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        Ok(file)
    }

    /// Makes the name durable; not every file system offers it.
    fn named(&self, path: PathBuf, namesake: Option<PathBuf>) -> Written {
        let _ = File::open(&self.path).and_then(|folder| folder.sync_all());
        Written { path, namesake }
    }
}

/// Whose the document is that has the name already: of another boot, and yet written after this one began, it is
/// another machine's.
fn whose(path: &Path, document: &serde_json::Value, root: &Root) -> Result<Whose, NotWritten> {
    let bytes = fs::read(path).map_err(|error| NotWritten::Unwritable(path.to_owned(), error))?;
    let earlier: Option<Earlier> = serde_json::from_slice(&bytes).ok();
    let earlier = earlier.filter(|earlier| earlier.schema == "perfagent.health/1");
    let Some(earlier) = earlier else { return Err(NotWritten::Foreign(path.to_owned())) };
    let own = document.get("boot_id").and_then(serde_json::Value::as_str);
    let (Some(own), Some(other)) = (own, earlier.boot_id.as_deref()) else {
        return Ok(Whose::Ours);
    };
    let later = root.booted_at().is_some_and(|began| earlier.time > began.rfc3339());
    if own == other || !later {
        return Ok(Whose::Ours);
    }
    Ok(Whose::Namesakes(own.split('-').next().unwrap_or(own).to_owned()))
}

enum Whose {
    Ours,
    /// Of another machine; this one's boot tells them apart.
    Namesakes(String),
}

/// A host's name as one of a file.
fn file_name(host: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let name: String =
        host.chars().map(|character| if plain(character) { character } else { '_' }).collect();
    if name.trim_start_matches('.').is_empty() {
        "unnamed".to_owned()
    } else {
        name.trim_start_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests;
