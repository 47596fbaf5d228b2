//! Where the other programs of perfagent are.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A program that perfagent starts.
pub(crate) struct Sibling {
    /// Its file name.
    pub(crate) name: &'static str,
    /// The environment variable that overrides the search.
    pub(crate) variable: &'static str,
    /// How to get it, for the message when it is missing.
    pub(crate) remedy: &'static str,
}

impl Sibling {
    /// Its path: what the variable says, else next to this executable, else on `PATH`.
    pub(crate) fn find(&self) -> anyhow::Result<PathBuf> {
        let own = env::current_exe().unwrap_or_default();
        self.find_in(env::var_os(self.variable).as_deref(), &own, env::var_os("PATH").as_deref())
    }

    fn find_in(
        &self,
        named: Option<&OsStr>,
        own: &Path,
        path: Option<&OsStr>,
    ) -> anyhow::Result<PathBuf> {
        let Self { name, variable, remedy } = self;
        if let Some(named) = named.filter(|named| !named.is_empty()) {
            let named = PathBuf::from(named);
            anyhow::ensure!(
                named.is_file(),
                "{}: is not a program ({variable} names it); correct or unset {variable}",
                named.display()
            );
            return Ok(named);
        }
        let beside = own.parent().map(Path::to_path_buf);
        let searched =
            path.map(|path| env::split_paths(path).collect::<Vec<_>>()).unwrap_or_default();
        let mut candidates = beside.into_iter().chain(searched).map(|folder| folder.join(name));
        candidates.find(|candidate| candidate.is_file()).ok_or_else(|| {
            anyhow::anyhow!(
                "{name}: is neither next to {} nor on PATH; {remedy}, or set {variable} to its path",
                own.display()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;

    use super::Sibling;

    const SIBLING: Sibling = Sibling { name: "other", variable: "OTHER", remedy: "build it" };

    #[test]
    fn the_variable_wins_over_the_neighbour_and_that_over_path() {
        let folder = tempfile::tempdir().unwrap();
        let [named, beside, on_path] =
            ["named", "beside", "path"].map(|name| folder.path().join(name));
        for place in [&beside, &on_path] {
            fs::create_dir(place).unwrap();
            fs::write(place.join("other"), "").unwrap();
        }
        fs::write(&named, "").unwrap();
        let own = beside.join("perfagent");
        let path = Some(on_path.as_os_str());
        assert_eq!(SIBLING.find_in(Some(named.as_os_str()), &own, path).unwrap(), named);
        assert_eq!(SIBLING.find_in(None, &own, path).unwrap(), beside.join("other"));
        fs::remove_file(beside.join("other")).unwrap();
        assert_eq!(SIBLING.find_in(None, &own, path).unwrap(), on_path.join("other"));
    }

    #[test]
    fn a_missing_program_is_told_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("perfagent");
        let missing = SIBLING.find_in(None, &own, None).unwrap_err().to_string();
        assert!(missing.contains("build it") && missing.contains("OTHER"), "{missing}");
        let wrong =
            SIBLING.find_in(Some(OsStr::new("/no/such")), &own, None).unwrap_err().to_string();
        assert!(wrong.contains("/no/such") && wrong.contains("OTHER"), "{wrong}");
    }
}
