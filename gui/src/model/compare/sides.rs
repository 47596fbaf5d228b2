//! The two sets of runs that are to be compared.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What is to be compared with what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    /// What is compared with.
    pub base: Vec<PathBuf>,
    /// What is judged.
    pub new: Vec<PathBuf>,
}

impl Sides {
    /// Adds a run to a side, unless it is there.
    pub fn add(&mut self, new: bool, path: PathBuf) {
        let side = if new { &mut self.new } else { &mut self.base };
        if !side.contains(&path) {
            side.push(path);
        }
    }

    /// The base side becomes the new one.
    pub const fn swap(&mut self) {
        std::mem::swap(&mut self.base, &mut self.new);
    }

    /// Takes what is open: the first half of several files becomes the base side; a single one goes to the side
    /// that has none yet.
    pub fn take(&mut self, open: &[PathBuf]) {
        if open.is_empty() {
            return;
        }
        if let [one] = open {
            let new = !self.base.is_empty() && !self.base.contains(one);
            self.add(new, one.clone());
            return;
        }
        let (base, new) = open.split_at(open.len() / 2);
        *self = Self { base: base.to_vec(), new: new.to_vec() };
    }

    /// What is missing before they can be compared, in words.
    #[must_use]
    pub const fn missing(&self) -> Option<&'static str> {
        match (self.base.is_empty(), self.new.is_empty()) {
            (true, true) => Some("Add the runs of both sides"),
            (true, false) => Some("Add a run to the base side"),
            (false, true) => Some("Add a run to the new side"),
            (false, false) => None,
        }
    }

    /// The arguments of `perfagent` that compare them.
    #[must_use]
    pub fn arguments(&self, force: bool) -> Vec<OsString> {
        // A name that begins with a dash would be taken for an option.
        let name = |path: &PathBuf| -> OsString {
            if path.as_os_str().as_encoded_bytes().starts_with(b"-") {
                Path::new(".").join(path).into()
            } else {
                path.clone().into()
            }
        };
        let mut arguments = vec![OsString::from("compare"), OsString::from("--json")];
        if force {
            arguments.push("--force".into());
        }
        arguments.extend(self.base.iter().map(name));
        arguments.push("--".into());
        arguments.extend(self.new.iter().map(name));
        arguments
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::Sides;

    fn paths(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn open_files_are_divided_among_the_sides() {
        let mut sides = Sides::default();
        sides.take(&paths(&["a", "b", "c", "d"]));
        assert_eq!((sides.base, sides.new), (paths(&["a", "b"]), paths(&["c", "d"])));
        let mut sides = Sides::default();
        sides.take(&paths(&["a"]));
        sides.take(&paths(&["a"]));
        sides.take(&paths(&["b"]));
        assert_eq!((&sides.base, &sides.new), (&paths(&["a"]), &paths(&["b"])));
        sides.swap();
        assert_eq!(sides.base, paths(&["b"]));
    }

    #[test]
    fn the_command_names_both_sides_and_no_name_is_an_option() {
        let sides = Sides { base: paths(&["a", "-b"]), new: paths(&["c"]) };
        let words: Vec<_> =
            sides.arguments(true).iter().map(|word| word.to_string_lossy().into_owned()).collect();
        assert_eq!(words.join(" "), "compare --json --force a ./-b -- c");
        assert_eq!(sides.missing(), None);
        assert!(Sides::default().missing().is_some());
    }
}
