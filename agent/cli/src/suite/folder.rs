//! The folder that results are written to: held by one process, and the names in it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};

/// How long what an interrupted run has left behind may take to end.
const LEFT_BEHIND: Duration = Duration::from_secs(20);

/// Takes the folder for this process, which is `program`; held as long as the file is open, here or in what inherits it.
pub(crate) fn lock(folder: &Path, program: &str, notes: &mut Vec<String>) -> anyhow::Result<File> {
    let path = folder.join(".perfdb.lock");
    let unusable = |error: std::io::Error| {
        anyhow!("{}: cannot be written: {error}; name another folder with -o", path.display())
    };
    let mut options = OpenOptions::new();
    let lock = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(unusable)?;
    let deadline = Instant::now() + LEFT_BEHIND;
    let mut told = false;
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
            Err(TryLockError::WouldBlock) => {}
        }
        let owner = fs::read_to_string(&path).unwrap_or_default().trim().to_owned();
        let lives = !owner.is_empty() && Path::new("/proc").join(&owner).exists();
        if lives || Instant::now() >= deadline {
            let who = if lives { "another" } else { "what was left of" };
            bail!(
                "{}: {who} {program} (process {owner}) is at work there; wait for its end, or name another folder with -o",
                folder.display()
            );
        }
        if !told {
            notes.push(format!("{}: waited for the end of what was interrupted", folder.display()));
            told = true;
        }
        pause(Duration::from_millis(200));
    }
    fs::write(&path, format!("{}\n", std::process::id())).map_err(unusable)?;
    Ok(lock)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a lock that others hold is polled for: waiting for it has no deadline"
)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// The path as `record -o` takes it, which fills placeholders in.
pub(crate) fn literal(path: &Path) -> OsString {
    let doubled = path.as_os_str().as_bytes().iter().flat_map(|byte| match byte {
        b'%' => b"%%".to_vec(),
        byte => vec![*byte],
    });
    OsString::from_vec(doubled.collect())
}

/// Removes a file that may not be there.
pub(crate) fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(anyhow!(
            "{}: cannot be removed: {error}; name another folder with -o",
            path.display()
        )),
        _ => Ok(()),
    }
}
