//! Files that tell GitHub and GitLab to run the gate. What they say is in `data/ci`; here the places are filled in.

mod template;

use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::suite;
use template::fill;

const GITHUB: &str = include_str!("../../../../data/ci/github.yml");
const GITLAB: &str = include_str!("../../../../data/ci/gitlab.yml");
/// Shell that both run.
const BASE: &str = include_str!("../../../../data/ci/base.sh");
const HISTORY: &str = include_str!("../../../../data/ci/history.sh");

/// Who runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    /// GitHub Actions.
    Github,
    /// GitLab CI.
    Gitlab,
}

/// What is benchmarked.
#[derive(Clone, Debug)]
pub(crate) enum Benchmarks {
    /// A suite's name or file, in the repository.
    Suite(String),
    /// `NAME=COMMAND` each.
    Cases(Vec<String>),
}

/// What a workflow is made of.
#[derive(Clone, Debug)]
pub(crate) struct Workflow {
    pub(crate) provider: Provider,
    /// What others are merged into.
    pub(crate) branch: String,
    pub(crate) benchmarks: Benchmarks,
    pub(crate) runs: u32,
    /// Labels of the machine; none for the provider's own.
    pub(crate) runner: Vec<String>,
    /// Puts perfagent on `PATH`.
    pub(crate) install: Option<String>,
    /// Builds a side, in its folder.
    pub(crate) build: Option<String>,
}

impl Provider {
    /// Where the file stands in a repository.
    pub(crate) const fn file(self) -> &'static str {
        match self {
            Self::Github => ".github/workflows/perfagent.yml",
            Self::Gitlab => ".gitlab-ci-perfagent.yml",
        }
    }

    /// The folder of the side that is judged, as the workflow has it.
    const fn head(self) -> &'static str {
        match self {
            Self::Github => "head",
            Self::Gitlab => "sides/head",
        }
    }
}

impl Workflow {
    /// The file's text; it is to be called `file`.
    pub(crate) fn text(&self, file: &str) -> anyhow::Result<String> {
        let what = self.what()?;
        for (option, line) in [("--install", &self.install), ("--build", &self.build)] {
            check_line(option, line.as_deref().unwrap_or_default())?;
        }
        let is_branch =
            |c: char| !c.is_whitespace() && !c.is_control() && !"\"'\\*?[$`".contains(c);
        ensure!(
            !self.branch.is_empty() && self.branch.chars().all(is_branch),
            "--branch {}: is no name of a branch; name the one that others are merged into",
            self.branch
        );
        for label in &self.runner {
            ensure!(
                suite::is_case_name(label),
                "--runner {label}: is no label; use letters, digits, `-`, `_` and `.`, with commas between labels"
            );
        }
        let missing = format!(
            "if ! command -v perfagent > /dev/null; then\n  echo \"perfagent is not on this machine; install it there, or say \
             how in {file}\" >&2\n  exit 2\nfi\n"
        );
        let quoted = format!("\"{}\"", self.branch);
        let (template, runner) = match self.provider {
            Provider::Github => (GITHUB, "ubuntu-latest"),
            Provider::Gitlab => (GITLAB, "shared"),
        };
        let labels =
            if self.runner.is_empty() { vec![runner.to_owned()] } else { self.runner.clone() };
        let tags = if self.runner.is_empty() {
            "# tags: [benchmarks]".to_owned()
        } else {
            format!("tags: [{}]", labels.join(", "))
        };
        let values = [
            ("BRANCH", self.branch.as_str()),
            ("BRANCH_QUOTED", &quoted),
            ("FILE", file),
            ("RUNNER", &labels.join(", ")),
            ("TAGS", &tags),
            ("MACHINE_QUOTED", &format!("\"{}\"", labels.join("-"))),
            ("INSTALL", self.install.as_deref().unwrap_or(&missing)),
            ("BUILD", self.build.as_deref().unwrap_or(": nothing to build")),
            ("RUNS", &self.runs.to_string()),
            ("WHAT", &what),
            ("base.sh", BASE),
            ("history.sh", HISTORY),
        ];
        Ok(fill(template, &values))
    }

    /// The options of `perfagent ci gate` that say what is run.
    fn what(&self) -> anyhow::Result<String> {
        match &self.benchmarks {
            Benchmarks::Suite(suite) => {
                check_line("--suite", suite)?;
                let ending = Path::new(suite).extension();
                let is_file = suite.contains('/') || ending.is_some_and(|ending| ending == "toml");
                if !is_file {
                    return Ok(format!("--suite {}", quote(suite)));
                }
                let path = suite.strip_prefix("./").unwrap_or(suite);
                Ok(format!("--suite {}", quote(&format!("{}/{path}", self.provider.head()))))
            }
            Benchmarks::Cases(cases) => {
                let mut words = Vec::new();
                for case in cases {
                    check_line("--case", case)?;
                    let (name, command) = case
                        .split_once('=')
                        .with_context(|| format!("--case {case}: write NAME=COMMAND"))?;
                    ensure!(
                        suite::is_case_name(name) && !command.trim().is_empty(),
                        "--case {case}: write NAME=COMMAND; a name has letters, digits, `-`, `_` and `.`"
                    );
                    words.push(format!("--case {}", quote(case)));
                }
                Ok(words.join(" "))
            }
        }
    }
}

/// Whether a text can stand in a line of the file.
fn check_line(option: &str, text: &str) -> anyhow::Result<()> {
    ensure!(
        !text.chars().any(char::is_control),
        "{option}: has a line break or a control character in it; put the commands into a script of the repository"
    );
    Ok(())
}

/// A word as a shell takes it.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/=:".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::{Benchmarks, Provider, Workflow, quote};

    fn workflow(provider: Provider) -> Workflow {
        Workflow {
            provider,
            branch: "main".to_owned(),
            benchmarks: Benchmarks::Suite("ci".to_owned()),
            runs: 6,
            runner: Vec::new(),
            install: None,
            build: None,
        }
    }

    #[test]
    fn every_place_is_filled_in() {
        for provider in [Provider::Github, Provider::Gitlab] {
            let text = workflow(provider).text(provider.file()).unwrap();
            let left = text.lines().find(|line| {
                line.split('@').skip(1).step_by(2).any(|name| {
                    !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
                })
            });
            assert_eq!(left, None);
            assert!(!text.contains(".sh@"), "{text}");
            assert!(text.contains("--runs 6 -o results --suite ci\n"), "{text}");
        }
    }

    #[test]
    fn the_users_words_arrive_at_the_gate() {
        let mut workflow = workflow(Provider::Gitlab);
        workflow.benchmarks = Benchmarks::Cases(vec!["a=./a 'b'".into(), "c=d".into()]);
        let text = workflow.text("x.yml").unwrap();
        assert!(text.contains("-o results --case 'a=./a '\\''b'\\''' --case c=d\n"), "{text}");
        workflow.benchmarks = Benchmarks::Suite("./bench/mine.toml".into());
        assert!(workflow.text("x.yml").unwrap().contains("--suite sides/head/bench/mine.toml\n"));
        workflow.runner = vec!["self-hosted".into(), "h100".into()];
        let text = workflow.text("x.yml").unwrap();
        assert!(text.contains("  tags: [self-hosted, h100]\n"), "{text}");
        assert!(text.contains("MACHINE: \"self-hosted-h100\"\n"), "{text}");
    }

    #[test]
    fn what_would_break_the_file_is_refused() {
        let with = |change: fn(&mut Workflow)| {
            let mut workflow = workflow(Provider::Github);
            change(&mut workflow);
            workflow.text("x.yml").unwrap_err().to_string()
        };
        let refused = with(|workflow| workflow.branch = "a\"b".into());
        assert!(refused.starts_with("--branch a\"b: "), "{refused}");
        let refused = with(|workflow| workflow.runner = vec!["a b".into()]);
        assert!(refused.starts_with("--runner a b: "), "{refused}");
        let refused = with(|workflow| workflow.build = Some("a\nb".into()));
        assert!(refused.starts_with("--build: has a line break"), "{refused}");
        let refused = with(|workflow| workflow.benchmarks = Benchmarks::Cases(vec!["a".into()]));
        assert!(refused.starts_with("--case a: write NAME=COMMAND"), "{refused}");
    }

    #[test]
    fn words_are_quoted_when_they_must_be() {
        assert_eq!(quote("a=./b-c"), "a=./b-c");
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("it's $x"), "'it'\\''s $x'");
        assert_eq!(quote(""), "''");
    }
}
