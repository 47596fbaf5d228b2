//! Recordings as commands take them in.

use std::path::PathBuf;

use perfagent_recording::{OpenError, Reader, Recording};

/// Opens recordings without reading them.
pub(crate) fn open_all(paths: &[PathBuf]) -> Result<Vec<Reader>, OpenError> {
    paths.iter().map(|path| Reader::open(path)).collect()
}

/// Reads one whole recording, with its path as the user gave it.
pub(crate) fn load(reader: &Reader) -> Result<(String, Recording), OpenError> {
    let recording = Recording::load(reader, &mut |_progress| {})?;
    Ok((reader.path().display().to_string(), recording))
}
