//! The files that were opened last.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Entries that are remembered.
const MOST: usize = 12;

/// What was opened last, newest first. An entry is the files of one document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent(Vec<Vec<PathBuf>>);

impl Recent {
    /// Remembers files that were opened together.
    pub fn add(&mut self, paths: &[PathBuf]) {
        let paths: Vec<PathBuf> = paths.iter().map(|path| absolute(path)).collect();
        self.0.retain(|other| *other != paths);
        self.0.insert(0, paths);
        self.0.truncate(MOST);
    }

    /// Newest first.
    pub fn entries(&self) -> impl Iterator<Item = &[PathBuf]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// Forgets all of it.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// True before anything was opened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A path that means the same from another folder.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::Recent;

    #[test]
    fn the_newest_comes_first_and_nothing_twice() {
        let mut recent = Recent::default();
        for name in ["/a", "/b", "/a"] {
            recent.add(&[name.into()]);
        }
        let names: Vec<_> = recent.entries().map(|entry| entry[0].display().to_string()).collect();
        assert_eq!(names, ["/a", "/b"]);
        for number in 0..50 {
            recent.add(&[format!("/{number}").into()]);
        }
        assert_eq!(recent.entries().count(), super::MOST);
    }
}
