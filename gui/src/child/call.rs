//! What is run: the program, where it is, and its arguments.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The program's file name.
const PROGRAM: &str = "perfagent";

/// The environment variable that names the program, instead of looking for it.
const VARIABLE: &str = "PERFAGENT";

/// What to run.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The program; `None` looks for `perfagent`.
    pub program: Option<PathBuf>,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Where it runs; `None` is where the window was started.
    pub folder: Option<PathBuf>,
    /// How long it may take to end after it was asked to; `None` is ten seconds.
    pub grace: Option<Duration>,
}

impl Call {
    /// Runs `perfagent` with these arguments.
    pub fn new(arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self { arguments: arguments.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// The same with another program in place of the one that is found.
    #[must_use]
    pub fn by(mut self, program: Option<PathBuf>) -> Self {
        self.program = program.or(self.program);
        self
    }

    /// The command as it would be written in a shell, to be shown and copied.
    #[must_use]
    pub fn line(&self) -> String {
        let words = self.arguments.iter().map(|word| quoted(&word.to_string_lossy()));
        [PROGRAM.to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ")
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,@%+".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Where `perfagent` is: what the environment variable of that name says, else beside this program, else on `PATH`.
///
/// # Errors
/// One line that says where it was looked for and what to do.
pub fn perfagent() -> Result<PathBuf, String> {
    let own = env::current_exe().unwrap_or_default();
    find(env::var_os(VARIABLE).as_deref(), &own, env::var_os("PATH").as_deref())
}

fn find(named: Option<&OsStr>, own: &Path, path: Option<&OsStr>) -> Result<PathBuf, String> {
    if let Some(named) = named.filter(|named| !named.is_empty()) {
        let named = PathBuf::from(named);
        if named.is_file() {
            return Ok(named);
        }
        return Err(format!(
            "{}: is not a program ({VARIABLE} names it); correct or unset {VARIABLE}",
            named.display()
        ));
    }
    let beside = own.parent().map(Path::to_path_buf);
    let searched = path.map(|path| env::split_paths(path).collect::<Vec<_>>()).unwrap_or_default();
    let mut candidates = beside.into_iter().chain(searched).map(|folder| folder.join(PROGRAM));
    candidates.find(|candidate| candidate.is_file()).ok_or_else(|| {
        format!(
            "{PROGRAM}: is neither next to {} nor on PATH; put it there (`cargo build -p perfagent`), or set {VARIABLE} \
             to its path",
            own.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;

    use super::{Call, find, quoted};

    #[test]
    fn the_program_is_looked_for_beside_the_window_and_on_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let [beside, on_path] = ["beside", "path"].map(|name| folder.path().join(name));
        for place in [&beside, &on_path] {
            fs::create_dir(place).unwrap();
            fs::write(place.join("perfagent"), "").unwrap();
        }
        let own = beside.join("perfagent-gui");
        let path = Some(on_path.as_os_str());
        assert_eq!(find(None, &own, path).unwrap(), beside.join("perfagent"));
        fs::remove_file(beside.join("perfagent")).unwrap();
        assert_eq!(find(None, &own, path).unwrap(), on_path.join("perfagent"));
        let missing = find(None, &own, None).unwrap_err();
        assert!(missing.contains("cargo build") && missing.contains("PATH"), "{missing}");
        let wrong = find(Some(OsStr::new("/nowhere/x")), &own, path).unwrap_err();
        assert!(wrong.contains("unset PERFAGENT"), "{wrong}");
    }

    #[test]
    fn commands_are_shown_as_a_shell_takes_them() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(
            Call::new(["compare", "a.perfdb", "--", ""]).line(),
            "perfagent compare a.perfdb -- ''"
        );
    }
}
