//! What is to be recorded: the fields of the window, and the command that they become.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What the user has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// The program with its arguments, as in a shell.
    pub command: String,
    /// Where it runs, and where the recording is written; empty is where the window was started.
    pub folder: String,
    /// The name of the recording.
    pub output: String,
    /// Record only while a range of this name is open; empty records everything.
    pub capture_range: String,
    /// Record calls of the CUDA API too.
    pub api: bool,
    /// Replace an earlier recording of that name.
    pub replace: bool,
    /// The program goes on when the window is closed.
    pub leave: bool,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            command: String::new(),
            folder: String::new(),
            output: "run.perfdb".to_owned(),
            capture_range: String::new(),
            api: false,
            replace: false,
            leave: false,
        }
    }
}

/// What is run, and what it makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The arguments of `perfagent`.
    pub arguments: Vec<OsString>,
    /// Where it runs; `None` is where the window was started.
    pub folder: Option<PathBuf>,
    /// The recording, once it is complete.
    pub output: PathBuf,
}

/// What only a shell understands.
const SHELL: [char; 9] = ['|', '&', ';', '<', '>', '$', '`', '*', '('];

impl Form {
    /// The command to run.
    ///
    /// # Errors
    /// What is missing or cannot be read, in one line.
    pub fn plan(&self) -> Result<Plan, &'static str> {
        if self.command.trim().is_empty() {
            return Err("Write the command that is to be recorded, for example: python train.py");
        }
        if self.output.trim().is_empty() {
            return Err("Give the recording a name, for example: run.perfdb");
        }
        // A line that needs a shell gets one.
        let words = if self.command.contains(SHELL) {
            vec!["sh".to_owned(), "-c".to_owned(), self.command.trim().to_owned()]
        } else {
            shlex::split(&self.command).ok_or("Close the quotation mark in the command")?
        };
        let output = PathBuf::from(self.output.trim());
        let mut arguments: Vec<OsString> =
            vec!["record".into(), "--json".into(), "-o".into(), output.clone().into()];
        if self.replace {
            arguments.push("--force".into());
        }
        if self.api {
            arguments.push("--api".into());
        }
        let range = self.capture_range.trim();
        if !range.is_empty() {
            arguments.extend(["--capture-range".into(), range.into()]);
        }
        if !self.leave {
            let own = std::process::id().to_string();
            arguments.extend(["--ends-with".into(), own.into()]);
        }
        arguments.push("--".into());
        arguments.extend(words.into_iter().map(OsString::from));
        let folder =
            Some(PathBuf::from(self.folder.trim())).filter(|folder| !folder.as_os_str().is_empty());
        let output = folder.as_deref().unwrap_or(Path::new("")).join(output);
        Ok(Plan { arguments, folder, output })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Form;

    fn words(form: &Form) -> String {
        let plan = form.plan().unwrap();
        plan.arguments.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn a_command_is_split_into_words_as_a_shell_would() {
        let form = Form {
            command: "python train.py --name 'my run'".into(),
            folder: "/data".into(),
            api: true,
            replace: true,
            leave: true,
            capture_range: "step".into(),
            ..Form::default()
        };
        assert_eq!(
            words(&form),
            "record|--json|-o|run.perfdb|--force|--api|--capture-range|step|--|python|train.py|--name|my run"
        );
        assert_eq!(form.plan().unwrap().output, Path::new("/data/run.perfdb"));
    }

    #[test]
    fn what_needs_a_shell_gets_one() {
        let form = Form { command: "a && b > log".into(), leave: true, ..Form::default() };
        assert!(words(&form).ends_with("--|sh|-c|a && b > log"));
    }

    #[test]
    fn a_recorder_ends_with_the_window_unless_it_is_left() {
        let form = Form { command: "true".into(), ..Form::default() };
        assert!(words(&form).contains("--ends-with"));
    }

    #[test]
    fn what_is_missing_is_told() {
        let form = Form::default();
        assert!(form.plan().unwrap_err().contains("python train.py"));
        let open = Form { command: "echo 'a".into(), ..Form::default() };
        assert!(open.plan().unwrap_err().contains("quotation mark"));
        let nameless = Form { command: "true".into(), output: " ".into(), ..Form::default() };
        assert!(nameless.plan().unwrap_err().contains("run.perfdb"));
    }
}
