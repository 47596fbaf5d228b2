//! Recordings as commands take them in: a recording, or traces of other tools, which are read into memory.

use std::path::{Path, PathBuf};

use perfagent_import::{Format, ImportError};
use perfagent_recording::{OpenError, Reader, Recording};

/// What a command was given.
#[derive(Debug)]
pub(crate) enum Input {
    /// A recording.
    Recording(PathBuf),
    /// Traces of another tool. One, but for those of which a run has several.
    Traces(Format, Vec<PathBuf>),
}

impl Input {
    /// Looks at what stands at `path` without reading all of it.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        match Reader::open(path) {
            Ok(_) => Ok(Self::Recording(path.to_owned())),
            Err(error @ (OpenError::NotSqlite { .. } | OpenError::Foreign { .. })) => {
                // Of what is neither, the recording is what was most likely meant.
                let format = perfagent_import::recognise(path).map_err(|_| error)?;
                Ok(Self::Traces(format, vec![path.to_owned()]))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Its name, as the user gave it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Recording(path) => path.display().to_string(),
            Self::Traces(_, paths) => {
                paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
            }
        }
    }

    /// Reads everything, with so many threads.
    pub(crate) fn load(&self, threads: usize) -> anyhow::Result<Recording> {
        match self {
            Self::Recording(path) => {
                Ok(Recording::load_on(&Reader::open(path)?, threads, &mut |_progress| {})?)
            }
            Self::Traces(_, paths) => match perfagent_import::read(paths) {
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

/// Looks at each without reading all of it, so that a wrong name in a long list is told at once.
pub(crate) fn open_all(paths: &[PathBuf]) -> anyhow::Result<Vec<Input>> {
    let mut inputs = Vec::with_capacity(paths.len());
    for (position, path) in paths.iter().enumerate() {
        join(&mut inputs, position, Input::open(path)?);
    }
    Ok(inputs.into_iter().map(|(_, input)| input).collect())
}

/// Puts an input behind others, each with its position on the command line. `nsys stats` prints a report as several files, which
/// are one input.
pub(crate) fn join(inputs: &mut Vec<(usize, Input)>, position: usize, next: Input) {
    if let Input::Traces(Format::NsysCsv, paths) = &next {
        let earlier = inputs.iter_mut().find_map(|(_, input)| match input {
            Input::Traces(Format::NsysCsv, earlier) => Some(earlier),
            _ => None,
        });
        if let Some(earlier) = earlier {
            earlier.extend_from_slice(paths);
            return;
        }
    }
    inputs.push((position, next));
}
