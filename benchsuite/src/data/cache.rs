//! The user's cache folder: what took time to make and can be made again.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The folder for tokens, tokenizers and bookmarks.
pub(crate) fn folder() -> PathBuf {
    if cfg!(test) {
        return Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tmp/bench-cache");
    }
    let from = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    from("XDG_CACHE_HOME")
        .or_else(|| from("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("perfagent/tokens")
}

/// Writes a file under its final name in one step: other ranks may be doing the same. Without a cache a run still works,
/// only slower to start the next time.
pub(crate) fn keep(path: &Path, bytes: &[u8]) {
    let part = path.with_extension(format!("part{}", std::process::id()));
    let written = path.parent().map_or(Ok(()), fs::create_dir_all);
    let written = written.and_then(|()| fs::File::create(&part));
    let written = written.and_then(|mut file| file.write_all(bytes));
    if written.and_then(|()| fs::rename(&part, path)).is_err() {
        let _ = fs::remove_file(&part);
    }
}
