//! A workflow file as its provider runs it, as far as the files of `perfagent ci init` go: the shell is run for real, and the few
//! actions and expressions in them are played.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use saphyr::{LoadableYamlNode as _, ScalarOwned, YamlOwned};
use serde_json::Value;

use crate::nccl::built;

/// A YAML text as JSON: keys of mappings must be texts.
pub(crate) fn parsed(text: &str) -> Value {
    let mut documents = all_parsed(text);
    assert_eq!(documents.len(), 1, "not one document: {text}");
    documents.remove(0)
}

/// The same of a text with several documents.
pub(crate) fn all_parsed(text: &str) -> Vec<Value> {
    let documents =
        YamlOwned::load_from_str(text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    documents.iter().map(json).collect()
}

fn json(yaml: &YamlOwned) -> Value {
    match yaml {
        YamlOwned::Value(ScalarOwned::Null) => Value::Null,
        YamlOwned::Value(ScalarOwned::Boolean(value)) => (*value).into(),
        YamlOwned::Value(ScalarOwned::Integer(value)) => (*value).into(),
        YamlOwned::Value(ScalarOwned::String(value)) => value.as_str().into(),
        YamlOwned::Sequence(values) => values.iter().map(json).collect(),
        YamlOwned::Mapping(entries) => entries
            .iter()
            .map(|(key, value)| (key.as_str().unwrap().to_owned(), json(value)))
            .collect(),
        other => panic!("nothing for a workflow: {other:?}"),
    }
}

/// A machine that jobs run on: its folder, and what every step finds in its environment.
pub(crate) struct Machine {
    folder: PathBuf,
    environment: BTreeMap<String, String>,
}

/// How a script ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    /// What it printed, standard error after standard output.
    pub(crate) said: String,
}

impl Machine {
    /// One in `folder`, where perfagent is on `PATH`, after the programs in `folder/bin`.
    pub(crate) fn new(folder: &Path) -> Self {
        let perfagent = assert_cmd::cargo::cargo_bin("perfagent");
        let path = std::env::var("PATH").unwrap();
        let own = folder.join("bin");
        let path = format!("{}:{}:{path}", own.display(), perfagent.parent().unwrap().display());
        let mut machine = Self { folder: folder.to_owned(), environment: BTreeMap::new() };
        machine.set("PATH", &path);
        machine.set("PERFAGENT_LIBRARY", &built("libperfagent.so").display().to_string());
        machine.set("NO_COLOR", "1");
        machine.set("GITHUB_STEP_SUMMARY", &folder.join("summary.md").display().to_string());
        machine.set("GITHUB_REPOSITORY", "me/mine");
        machine
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// Runs a script in a folder as the providers do, with the first of the `shell`'s words as the program.
    pub(crate) fn shell(
        &self,
        shell: &[&str],
        folder: &Path,
        script: &str,
        environment: &BTreeMap<String, String>,
    ) -> Ended {
        let file = self.folder.join("step.sh");
        fs::write(&file, script).unwrap();
        let checked = Command::new(shell[0]).arg("-n").arg(&file).status().unwrap();
        assert!(checked.success(), "{shell:?} cannot read: {script}");
        let output = Command::new(shell[0])
            .args(&shell[1..])
            .arg(&file)
            .current_dir(folder)
            .env_clear()
            .env("HOME", &self.folder)
            .envs(&self.environment)
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        Ended { code: output.status.code().unwrap(), said: said.concat() }
    }
}

/// A job of GitHub Actions.
pub(crate) struct Job<'a> {
    pub(crate) machine: &'a Machine,
    /// The repository that is checked out, and what of it.
    pub(crate) remote: &'a Path,
    pub(crate) reference: &'a str,
    /// Where artifacts are kept between jobs.
    pub(crate) artifacts: &'a Path,
    /// What the expressions in it come to.
    pub(crate) expressions: &'a [(&'a str, &'a str)],
}

impl Job<'_> {
    /// Runs a job's steps in a folder of its own. Returns how those with a script ended, by name.
    pub(crate) fn run(&self, job: &Value, folder: &str) -> BTreeMap<String, Ended> {
        let folder = self.machine.folder.join(folder);
        fs::create_dir_all(&folder).unwrap();
        let mut ended = BTreeMap::new();
        let mut failed = false;
        for step in job["steps"].as_array().unwrap() {
            let name = step["name"].as_str().unwrap();
            // Of conditions there is this one, and none.
            let whatever_happened = match &step["if"] {
                Value::Null => false,
                condition => {
                    assert_eq!(condition, "${{ !cancelled() }}", "{name}");
                    true
                }
            };
            if failed && !whatever_happened {
                continue;
            }
            if let Some(action) = step["uses"].as_str() {
                self.play(action, &step["with"], &folder);
                continue;
            }
            let empty = serde_json::Map::new();
            let environment = step["env"].as_object().unwrap_or(&empty).iter();
            let environment = environment
                .map(|(key, value)| (key.clone(), self.expanded(value.as_str().unwrap())));
            let bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail"];
            let script = step["run"].as_str().unwrap();
            let end = self.machine.shell(&bash, &folder, script, &environment.collect());
            failed |= end.code != 0;
            ended.insert(name.to_owned(), end);
        }
        ended
    }

    /// A value whose expressions have become what they stand for.
    fn expanded(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (expression, value) in self.expressions {
            text = text.replace(&format!("${{{{ {expression} }}}}"), value);
        }
        assert!(!text.contains("${{"), "the expression is not known here: {text}");
        text
    }

    fn play(&self, action: &str, with: &Value, folder: &Path) {
        match action {
            "actions/checkout@v4" => {
                let into = folder.join(with["path"].as_str().unwrap());
                let depth = with["fetch-depth"].as_i64().unwrap_or(1).to_string();
                let remote = format!("file://{}", self.remote.display());
                let into = into.to_str().unwrap();
                git(folder, &["init", "--quiet", into]);
                let into = Path::new(into);
                git(into, &["remote", "add", "origin", &remote]);
                git(into, &["fetch", "--quiet", "--depth", &depth, "origin", self.reference]);
                git(into, &["checkout", "--quiet", "FETCH_HEAD"]);
            }
            "actions/upload-artifact@v4" => {
                let from = folder.join(with["path"].as_str().unwrap());
                copy(&from, &self.artifacts.join(with["name"].as_str().unwrap()));
            }
            "actions/download-artifact@v4" => {
                let into = folder.join(with["path"].as_str().unwrap());
                copy(&self.artifacts.join(with["name"].as_str().unwrap()), &into);
            }
            other => panic!("{other} is not known here"),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else if !entry.file_name().to_str().unwrap().starts_with('.') {
            // As the action does, without hidden files.
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// Runs git in a folder, which must succeed. Returns what it printed.
pub(crate) fn git(folder: &Path, words: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=me",
            "-c",
            "user.email=me@example.org",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {words:?}: {told}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}
