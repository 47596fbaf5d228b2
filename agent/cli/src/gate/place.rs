//! What one side of a gate is: a folder with a build or a checkout, or a command.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use perfagent_regress::compare::Side;
use serde::{Deserialize, Serialize};

use crate::git;

/// One side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// As it was given.
    pub(crate) given: String,
    /// The folder, whole; none when a program or a command was given.
    pub(crate) folder: Option<PathBuf>,
    /// The commit that is checked out there, `-dirty` when files were changed.
    pub(crate) commit: Option<String>,
}

/// The program that suites run.
const BENCH: &str = "perfagent-bench";
/// Where builds put it, within a side's folder.
const BUILDS: [&str; 4] = ["", "bin", "target/release", "target/debug"];

/// A side's name, which is also its option's.
pub(super) const fn name(side: Side) -> &'static str {
    match side {
        Side::Base => "base",
        Side::New => "new",
    }
}

impl Place {
    /// Looks at what was given.
    pub(super) fn of(given: &str) -> Self {
        let folder = Path::new(given).is_dir().then(|| Path::new(given).canonicalize().ok());
        let folder = folder.flatten();
        let commit = folder.as_deref().and_then(git::commit);
        Self { given: given.to_owned(), folder, commit }
    }

    /// The folder, where only one will do.
    pub(super) fn need_folder(&self, side: Side) -> anyhow::Result<&Path> {
        self.folder.as_deref().with_context(|| {
            format!(
                "--{} {}: is no folder; give the folder in which the command is to run, or that stands for {{}}",
                name(side),
                self.given
            )
        })
    }

    /// The side's `perfagent-bench`.
    pub(super) fn bench(&self, side: Side) -> anyhow::Result<PathBuf> {
        let Some(folder) = &self.folder else {
            let program = Path::new(&self.given);
            if let (true, Ok(program)) = (program.is_file(), program.canonicalize()) {
                return Ok(program);
            }
            bail!(
                "--{} {}: is neither a folder nor a program; give a folder with a build, or the {BENCH} itself",
                name(side),
                self.given
            );
        };
        let mut places = BUILDS.iter().map(|build| folder.join(build).join(BENCH));
        places.find(|program| program.is_file()).with_context(|| {
            format!(
                "--{} {}: has no {BENCH}, nor has bin, target/release or target/debug in it; build it there, give the program \
                 itself, or give a command after --",
                name(side),
                self.given
            )
        })
    }

    /// In what the side differs from what it was.
    pub(super) fn difference(&self, before: &Self, side: Side) -> Option<String> {
        let name = name(side);
        if self.given != before.given || self.folder != before.folder {
            return Some(format!("--{name} was {} then and is {} now", before.given, self.given));
        }
        let known = |commit: &Option<String>| commit.clone().unwrap_or_else(|| "none".to_owned());
        (self.commit != before.commit).then(|| {
            let (then, now) = (known(&before.commit), known(&self.commit));
            format!("the commit of --{name} was {then} then and is {now} now")
        })
    }
}

#[cfg(test)]
mod tests {
    use perfagent_regress::compare::Side;

    use super::Place;

    #[test]
    fn builds_are_found_where_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let given = folder.path().to_str().unwrap();
        let missing = Place::of(given).bench(Side::Base).unwrap_err().to_string();
        assert!(
            missing.starts_with(&format!("--base {given}: has no perfagent-bench")),
            "{missing}"
        );
        for place in ["target/debug", "target/release", "."] {
            let program = folder.path().join(place).join("perfagent-bench");
            std::fs::create_dir_all(program.parent().unwrap()).unwrap();
            std::fs::write(&program, "").unwrap();
            let found = Place::of(given).bench(Side::Base).unwrap();
            assert_eq!(found.canonicalize().unwrap(), program.canonicalize().unwrap());
        }
        let program = folder.path().join("perfagent-bench");
        let itself = Place::of(program.to_str().unwrap());
        assert_eq!(itself.bench(Side::New).unwrap(), program.canonicalize().unwrap());
        let nothing = Place::of("/no/such/place");
        let told = nothing.bench(Side::New).unwrap_err().to_string();
        assert!(told.starts_with("--new /no/such/place: is neither"), "{told}");
        assert!(nothing.need_folder(Side::New).is_err());
    }
}
