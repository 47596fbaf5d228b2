//! What the numbers in a ring's records stand for, kept on disk so that it outlives the recorder.
//!
//! A text is in the ring once, before its first use, and its place is overwritten when it has been released. So every
//! definition is appended to a log before the rows that use it are committed. Reading one twice does no harm.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Definition {
    /// A text by its id.
    #[serde(rename = "s")]
    Text(u32, String),
    /// A domain's name.
    #[serde(rename = "d")]
    Domain(u32, String),
    /// The name of a category of a domain.
    #[serde(rename = "c")]
    Category(u32, u32, String),
}

/// The definitions of one ring.
#[derive(Debug)]
pub(crate) struct Names {
    texts: FxHashMap<u32, Box<str>>,
    domains: FxHashMap<u32, Box<str>>,
    categories: FxHashMap<(u32, u32), Box<str>>,
    log: File,
    /// Lines that are not in the log yet.
    pending: Vec<u8>,
}

impl Names {
    /// The definitions that the log at `path` holds; an empty log is made where there is none.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let log = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let bytes = std::fs::read(path)?;
        // A recorder that was killed may have left half a line, whose event was not committed.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole < bytes.len() {
            log.set_len(whole as u64)?;
        }
        let mut names = Self {
            texts: FxHashMap::default(),
            domains: FxHashMap::default(),
            categories: FxHashMap::default(),
            log,
            pending: Vec::new(),
        };
        for line in bytes[..whole].split(|byte| *byte == b'\n') {
            if let Ok(definition) = serde_json::from_slice(line) {
                names.learn(definition);
            }
        }
        Ok(names)
    }

    /// Keeps a definition, now and for later.
    pub(crate) fn define(&mut self, definition: Definition) {
        // A text cannot be refused by the JSON writer, and a `Vec` does not fail.
        let _ = serde_json::to_writer(&mut self.pending, &definition);
        self.pending.push(b'\n');
        self.learn(definition);
    }

    /// Puts what was defined since the last call into the log.
    pub(crate) fn save(&mut self) -> io::Result<()> {
        self.log.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }

    /// The text with this id; empty when the ring never defined it.
    pub(crate) fn text(&self, id: u32) -> &str {
        self.texts.get(&id).map_or("", |text| text)
    }

    /// The name of a domain; empty for the default one.
    pub(crate) fn domain(&self, domain: u32) -> &str {
        self.domains.get(&domain).map_or("", |name| name)
    }

    /// The name of a category.
    pub(crate) fn category(&self, domain: u32, category: u32) -> Option<&str> {
        self.categories.get(&(domain, category)).map(|name| &**name)
    }

    fn learn(&mut self, definition: Definition) {
        match definition {
            Definition::Text(id, text) => drop(self.texts.insert(id, text.into())),
            Definition::Domain(domain, name) => drop(self.domains.insert(domain, name.into())),
            Definition::Category(domain, category, name) => {
                drop(self.categories.insert((domain, category), name.into()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_survive_and_a_torn_line_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut names = Names::open(&path).unwrap();
        names.define(Definition::Text(1, "a \"quoted\"\nname".into()));
        names.define(Definition::Domain(2, "torch".into()));
        names.define(Definition::Category(2, 5, "io".into()));
        names.save().unwrap();
        names.define(Definition::Text(9, "not saved".into()));
        drop(names);
        let mut log = OpenOptions::new().append(true).open(&path).unwrap();
        log.write_all(b"{\"s\":[3,\"to").unwrap();
        let mut names = Names::open(&path).unwrap();
        assert_eq!(names.text(1), "a \"quoted\"\nname");
        assert_eq!((names.domain(2), names.domain(0)), ("torch", ""));
        assert_eq!((names.category(2, 5), names.category(0, 5)), (Some("io"), None));
        assert_eq!((names.text(9), names.text(3)), ("", ""));
        names.define(Definition::Text(3, "torn no more".into()));
        names.save().unwrap();
        assert_eq!(Names::open(&path).unwrap().text(3), "torn no more");
    }
}
