//! A file of JSON lines that outlives a crash: a line is on the disk before the next thing is done, and what a crash has left of
//! a last line is cut off.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is said of such a file.
#[derive(Debug)]
pub(crate) struct Words {
    /// The schema that every line begins with.
    pub(crate) schema: &'static str,
    /// What a line of someone else is not, and the remedy.
    pub(crate) foreign: &'static str,
    /// What becomes of a line that was cut off.
    pub(crate) again: &'static str,
    /// What to do where the file cannot be written.
    pub(crate) room: &'static str,
}

/// The open file.
#[derive(Debug)]
pub(crate) struct DurableLines {
    path: PathBuf,
    file: File,
    length: u64,
    words: &'static Words,
}

impl DurableLines {
    /// Opens the file, or makes it, and hands each line to `take`, which says whether it may stand there. What a crash has left of a
    /// last line is cut off and told.
    pub(crate) fn open<T: DeserializeOwned>(
        path: PathBuf,
        words: &'static Words,
        take: impl FnMut(T) -> bool,
    ) -> anyhow::Result<(Self, Option<String>)> {
        let opened = OpenOptions::new().read(true).append(true).create(true).open(&path);
        let mut file = opened.map_err(|error| unwritable(&path, words, &error))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .with_context(|| format!("{}: cannot be read", path.display()))?;
        let whole = parse(&bytes, words.schema, take)
            .map_err(|line| anyhow!("{}: line {line}: {}", path.display(), words.foreign))?;
        let cut = (whole < bytes.len()).then(|| {
            format!("{}: ended within a line, as after a crash; {}", path.display(), words.again)
        });
        let length = whole as u64;
        if cut.is_some() {
            file.set_len(length).map_err(|error| unwritable(&path, words, &error))?;
        }
        // Makes the name durable; not every file system offers it.
        let folder = path.parent().unwrap_or(Path::new(""));
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
        Ok((Self { path, file, length, words }, cut))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a line and has it on the disk before it returns. A line that could not be written whole is taken back.
    pub(crate) fn append(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(value).context("a line is no JSON")?;
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            let _ = self.file.set_len(self.length);
            return Err(unwritable(&self.path, self.words, &error));
        }
        self.length += line.len() as u64;
        Ok(())
    }

    /// Forgets all lines.
    pub(crate) fn clear(&mut self) -> anyhow::Result<()> {
        self.file.set_len(0).map_err(|error| unwritable(&self.path, self.words, &error))?;
        self.length = 0;
        Ok(())
    }
}

fn unwritable(path: &Path, words: &Words, error: &io::Error) -> anyhow::Error {
    anyhow!("{}: cannot be written: {error}; {}", path.display(), words.room)
}

/// Hands all whole lines to `take`, and says how many bytes they have: what follows was never written whole. Fails with the number
/// of a line that may not stand there.
pub(crate) fn parse<T: DeserializeOwned>(
    bytes: &[u8],
    schema: &str,
    mut take: impl FnMut(T) -> bool,
) -> Result<usize, usize> {
    let mut whole = 0;
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let ended = line.ends_with(b"\n");
        let parsed = if ended { serde_json::from_slice(line).ok() } else { None };
        match parsed {
            None if !ended && is_cut_off(line, schema) => break,
            None => return Err(index + 1),
            Some(value) => {
                if !take(value) {
                    return Err(index + 1);
                }
            }
        }
        whole += line.len();
    }
    Ok(whole)
}

/// Whether this may be the beginning of a line, or the zeros that a file system leaves after a crash; not a file of someone
/// else.
fn is_cut_off(line: &[u8], schema: &str) -> bool {
    let begin = format!("{{\"schema\":\"{schema}\"");
    let compared = begin.len().min(line.len());
    line.first() == Some(&0) || line[..compared] == begin.as_bytes()[..compared]
}
