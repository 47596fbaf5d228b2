//! Recordings as commands take them in: a recording, or traces of other tools, which are read into memory.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use perfagent_import::ImportError;
use perfagent_recording::{OpenError, Reader, Recording};

/// Traces that are named; of more their number is told.
const MOST_NAMES: usize = 4;

/// What a command was given.
#[derive(Debug)]
pub(crate) enum Input {
    /// A recording.
    Recording(PathBuf),
    /// Traces of other tools, which are taken together as `perfagent import` takes them: times of one machine's ranks can be
    /// compared.
    Traces(Vec<PathBuf>),
}

impl Input {
    /// Looks at what stands at `path` without reading all of it.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        match Reader::open(path) {
            Ok(_) => Ok(Self::Recording(path.to_owned())),
            Err(error @ (OpenError::NotSqlite { .. } | OpenError::Foreign { .. })) => {
                // Of what is neither, the recording is what was most likely meant.
                perfagent_import::recognise(path).map_err(|_| error)?;
                Ok(Self::Traces(vec![path.to_owned()]))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Its name, as the user gave it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Recording(path) => path.display().to_string(),
            Self::Traces(paths) => {
                let shown = paths.iter().take(MOST_NAMES).map(|path| path.display().to_string());
                let mut name = shown.collect::<Vec<_>>().join(", ");
                if let Some(more @ 1..) = paths.len().checked_sub(MOST_NAMES) {
                    let _ = write!(name, " and {more} more");
                }
                name
            }
        }
    }

    /// Reads everything, with so many threads.
    pub(crate) fn load(&self, threads: usize) -> anyhow::Result<Recording> {
        match self {
            Self::Recording(path) => {
                Ok(Recording::load_on(&Reader::open(path)?, threads, &mut |_progress| {})?)
            }
            Self::Traces(paths) => match perfagent_import::read(paths) {
                Ok(recording) => Ok(recording),
                // Of what is neither after all, as above.
                Err(error @ ImportError::NotATrace { .. }) => {
                    let refused = paths.first().and_then(|path| Reader::open(path).err());
                    Err(refused.map_or_else(|| error.into(), Into::into))
                }
                Err(error) => Err(error.into()),
            },
        }
    }
}
