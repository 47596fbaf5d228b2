//! Which cases there are, and how each side runs them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use perfagent_regress::compare::Side;
use serde::{Deserialize, Serialize};

use super::place::Place;
use crate::suite::{self, Builtin, Machine, Suite, parse_words};

/// What stands for a side's folder in a command.
const FOLDER: &str = "{}";
/// The suite without which nothing was asked for.
const DEFAULT_SUITE: &str = "ci";
/// Seconds that a command may take when nothing else is said.
const TIME_LIMIT_S: u64 = 600;

/// What was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) base: String,
    pub(crate) new: String,
    /// A suite's name or file.
    pub(crate) suite: Option<String>,
    /// `NAME=COMMAND` each.
    pub(crate) cases: Vec<String>,
    /// What stands behind `--`.
    pub(crate) words: Vec<String>,
    pub(crate) time_limit_s: Option<u64>,
    pub(crate) runs: usize,
    pub(crate) warm_up: usize,
    pub(crate) confirm: usize,
}

/// What is run. Runs of one plan belong together; of two different ones they do not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) base: Place,
    pub(crate) new: Place,
    pub(crate) suite: Option<SuiteFacts>,
    pub(crate) cases: Vec<Case>,
    /// Runs a side that are looked at first.
    pub(crate) runs: usize,
    /// Runs a side before those, which do not count.
    pub(crate) warm_up: usize,
    /// Fresh runs a side of a case that alarmed, at most.
    pub(crate) confirm: usize,
    pub(crate) machine: Machine,
}

/// The suite that cases are of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SuiteFacts {
    pub(crate) name: String,
    pub(crate) hash: String,
}

/// One benchmark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Case {
    /// Also the name of a folder.
    pub(crate) name: String,
    pub(crate) time_limit_s: u64,
    pub(crate) base: Invocation,
    pub(crate) new: Invocation,
}

/// How a side runs a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invocation {
    pub(crate) words: Vec<String>,
    /// Where; none for the folder that the gate is started in.
    pub(crate) folder: Option<PathBuf>,
}

impl Case {
    pub(super) fn invocation(&self, side: Side) -> &Invocation {
        match side {
            Side::Base => &self.base,
            Side::New => &self.new,
        }
    }
}

impl Plan {
    /// Makes it of a request, on a machine.
    pub(crate) fn of(request: &Request, machine: Machine) -> anyhow::Result<Self> {
        let mut plan = Self {
            base: Place::of(&request.base),
            new: Place::of(&request.new),
            suite: None,
            cases: Vec::new(),
            runs: request.runs,
            warm_up: request.warm_up,
            confirm: request.confirm.max(request.runs),
            machine,
        };
        let limit = request.time_limit_s.unwrap_or(TIME_LIMIT_S);
        let has_command = !request.cases.is_empty() || !request.words.is_empty();
        let are_commands = plan.base.folder.is_none() && plan.new.folder.is_none();
        if request.suite.is_none() && has_command {
            plan.add_commands(request, limit)?;
        } else if request.suite.is_none() && are_commands {
            let of_shell = |line: &str| Invocation { words: shell(line), folder: None };
            let (base, new) = (of_shell(&request.base), of_shell(&request.new));
            let name = "command".to_owned();
            plan.cases.push(Case { name, time_limit_s: limit, base, new });
        } else {
            ensure!(
                request.cases.is_empty(),
                "--case: stands for a suite; leave one of --case and --suite out"
            );
            plan.add_suite(request)?;
        }
        Ok(plan)
    }

    /// The cases of `--case` and of the words behind `--`.
    fn add_commands(&mut self, request: &Request, limit: u64) -> anyhow::Result<()> {
        let mut commands = Vec::new();
        for case in &request.cases {
            let (name, line) = case
                .split_once('=')
                .filter(|(_, line)| !line.trim().is_empty())
                .with_context(|| format!("--case {case}: write NAME=COMMAND"))?;
            ensure!(
                suite::is_case_name(name),
                "--case {case}: {name} is no name for a folder; use up to 100 letters, digits, `-`, `_` and `.`"
            );
            commands.push((name.to_owned(), shell(line)));
        }
        if let Some(program) = request.words.first() {
            commands.push((name_of(program), request.words.clone()));
        }
        for (name, words) in commands {
            ensure!(
                self.cases.iter().all(|case| case.name != name),
                "a second case is called {name}; give each its own name with --case"
            );
            let base = self.invocation(Side::Base, &words)?;
            let new = self.invocation(Side::New, &words)?;
            self.cases.push(Case { name, time_limit_s: limit, base, new });
        }
        Ok(())
    }

    /// A command of one side: `{}` in it stands for the side's folder; without one it is run in that folder.
    fn invocation(&self, side: Side, words: &[String]) -> anyhow::Result<Invocation> {
        let folder = self.place(side).need_folder(side)?;
        if words.iter().any(|word| word.contains(FOLDER)) {
            let path = folder.to_str().with_context(|| {
                format!("{}: is not UTF-8, and cannot stand for {FOLDER}", folder.display())
            })?;
            let words = words.iter().map(|word| word.replace(FOLDER, path)).collect();
            return Ok(Invocation { words, folder: None });
        }
        Ok(Invocation { words: words.to_vec(), folder: Some(folder.to_owned()) })
    }

    /// The cases of a suite, with each side's own benchmark.
    fn add_suite(&mut self, request: &Request) -> anyhow::Result<()> {
        let name = request.suite.as_deref().unwrap_or(DEFAULT_SUITE);
        let words: Vec<_> = request.words.iter().map(Into::into).collect();
        let overrides = parse_words(&words)?;
        let surroundings = self.machine.surroundings();
        let suite = match Builtin::find(name) {
            Some(builtin) => builtin.read(surroundings, &overrides)?,
            None => Suite::read(Path::new(name), surroundings, &overrides)?,
        };
        if let Some(case) = suite.cases.iter().find(|case| case.open) {
            bail!(
                "{name}: the case {} grows until the memory ends, which cannot be compared; give its range an end",
                case.name
            );
        }
        let (base, new) = (self.base.bench(Side::Base)?, self.new.bench(Side::New)?);
        // Both train on the same texts: what is around them would differ as the sides do.
        let folder = self.new.folder.clone();
        for case in &suite.cases {
            let invocation = |program: &Path| {
                let program = program.display().to_string();
                let words = suite::words(&case.options).into_iter();
                let words = words.map(|word| word.to_string_lossy().into_owned());
                Invocation {
                    words: [program].into_iter().chain(words).collect(),
                    folder: folder.clone(),
                }
            };
            self.cases.push(Case {
                name: case.name.clone(),
                time_limit_s: request.time_limit_s.unwrap_or(case.time_limit.as_secs()),
                base: invocation(&base),
                new: invocation(&new),
            });
        }
        self.suite = Some(SuiteFacts { name: suite.name, hash: suite.hash });
        Ok(())
    }

    /// A side.
    pub(super) fn place(&self, side: Side) -> &Place {
        match side {
            Side::Base => &self.base,
            Side::New => &self.new,
        }
    }

    /// In what it differs from the plan of the runs that are there.
    pub(super) fn difference(&self, before: &Self) -> Option<String> {
        let places = [Side::Base, Side::New]
            .into_iter()
            .find_map(|side| self.place(side).difference(before.place(side), side));
        let told = places.or_else(|| self.machine.difference(&before.machine));
        let told = told.or_else(|| {
            let numbers = [
                ("--runs", before.runs, self.runs),
                ("--warm-up", before.warm_up, self.warm_up),
                ("--confirm", before.confirm, self.confirm),
            ];
            let mut changed = numbers.into_iter().filter(|(_, then, now)| then != now);
            changed
                .next()
                .map(|(name, then, now)| format!("{name} was {then} then and is {now} now"))
        });
        told.or_else(|| {
            let same = self.cases == before.cases && self.suite == before.suite;
            (!same).then(|| "the cases were others".to_owned())
        })
    }
}

/// A line for a shell.
fn shell(line: &str) -> Vec<String> {
    ["sh", "-c", line].map(str::to_owned).into()
}

/// A case's name after its program.
fn name_of(program: &str) -> String {
    let name = Path::new(program).file_name().map_or_else(String::new, |name| {
        name.to_string_lossy()
            .replace(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)), "_")
    });
    if suite::is_case_name(&name) { name } else { "command".to_owned() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Plan, Request};
    use crate::suite::Machine;

    fn request(base: &Path, new: &Path) -> Request {
        Request {
            base: base.display().to_string(),
            new: new.display().to_string(),
            suite: None,
            cases: Vec::new(),
            words: Vec::new(),
            time_limit_s: None,
            runs: 6,
            warm_up: 1,
            confirm: 18,
        }
    }

    fn planned(request: &Request) -> anyhow::Result<Plan> {
        Plan::of(request, Machine::this())
    }

    fn folders() -> (tempfile::TempDir, tempfile::TempDir) {
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap())
    }

    #[test]
    fn a_command_runs_in_its_folder_or_is_told_it() {
        let (base, new) = folders();
        let mut request = request(base.path(), new.path());
        request.words = vec!["./bench.sh".into(), "-x".into()];
        let plan = planned(&request).unwrap();
        let [case] = plan.cases.as_slice() else { panic!("{plan:?}") };
        assert_eq!((case.name.as_str(), case.time_limit_s), ("bench.sh", 600));
        assert_eq!(case.new.words, ["./bench.sh", "-x"]);
        assert_eq!(case.new.folder, Some(new.path().canonicalize().unwrap()));
        request.words = vec!["./bench.sh".into(), "--source={}/src".into()];
        let plan = planned(&request).unwrap();
        let expected = format!("--source={}/src", base.path().canonicalize().unwrap().display());
        assert_eq!((&plan.cases[0].base.words[1], &plan.cases[0].base.folder), (&expected, &None));
    }

    #[test]
    fn cases_have_names_of_their_own() {
        let (base, new) = folders();
        let mut request = request(base.path(), new.path());
        request.cases = vec!["a=python a.py".into(), "b=B=1 ./b {}".into()];
        request.words = vec!["/bin/true".into()];
        let plan = planned(&request).unwrap();
        let names: Vec<_> = plan.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "true"]);
        assert_eq!(plan.cases[0].base.words, ["sh", "-c", "python a.py"]);
        for (cases, told) in [
            (&["a=x", "a=y"][..], "a second case is called a"),
            (&["a"], "--case a: write NAME=COMMAND"),
            (&["a= "], "write NAME=COMMAND"),
            (&["../a=x"], "../a is no name for a folder"),
            (&["true=x"], "a second case is called true"),
        ] {
            request.cases = cases.iter().map(|case| (*case).to_owned()).collect();
            let refused = planned(&request).unwrap_err().to_string();
            assert!(refused.contains(told), "{refused}");
        }
    }

    #[test]
    fn two_commands_are_a_case() {
        let mut request = request(Path::new("python old.py"), Path::new("python new.py"));
        let plan = planned(&request).unwrap();
        assert_eq!(plan.cases[0].base.words, ["sh", "-c", "python old.py"]);
        assert_eq!(plan.cases[0].new.words, ["sh", "-c", "python new.py"]);
        // A command cannot run in a folder that is none.
        request.words = vec!["./bench.sh".into()];
        let refused = planned(&request).unwrap_err().to_string();
        assert!(refused.starts_with("--base python old.py: is no folder"), "{refused}");
    }

    #[test]
    fn a_suite_runs_the_benchmark_of_each_side_on_the_same_texts() {
        let (base, new) = folders();
        for folder in [&base, &new] {
            std::fs::write(folder.path().join("perfagent-bench"), "").unwrap();
        }
        let mut request = request(base.path(), new.path());
        request.words = vec!["--steps".into(), "3".into()];
        request.suite = Some("ci".into());
        let plan = planned(&request).unwrap();
        let case = &plan.cases[0];
        assert_eq!((case.name.as_str(), case.time_limit_s), ("gpt-fp32", 120));
        assert!(
            case.base.words[0].starts_with(base.path().canonicalize().unwrap().to_str().unwrap())
        );
        assert_eq!(case.base.words[1..], case.new.words[1..]);
        assert_eq!(case.base.folder, case.new.folder);
        // It is what is run when nothing else is said.
        request.words = Vec::new();
        request.suite = None;
        assert_eq!(planned(&request).unwrap().suite.unwrap().name, "ci");
        let open = new.path().join("open.toml");
        let text = "[suite]\nname = \"o\"\n[[case]]\nname = \"a\"\nmodel = \"gpt\"\n[case.matrix]\nmicro_batch = \"1.. x2\"\n";
        std::fs::write(&open, text).unwrap();
        request.suite = Some(open.display().to_string());
        let refused = planned(&request).unwrap_err().to_string();
        assert!(refused.contains("grows until the memory ends"), "{refused}");
    }

    #[test]
    fn what_changed_since_is_told() {
        let (base, new) = folders();
        let mut request = request(base.path(), new.path());
        request.words = vec!["./bench.sh".into()];
        let before = planned(&request).unwrap();
        assert_eq!(planned(&request).unwrap().difference(&before), None);
        request.runs = 8;
        let told = planned(&request).unwrap().difference(&before).unwrap();
        assert_eq!(told, "--runs was 6 then and is 8 now");
        request.runs = 6;
        request.words.push("-x".into());
        assert!(planned(&request).unwrap().difference(&before).unwrap().contains("cases"));
        request.base = request.new.clone();
        assert!(planned(&request).unwrap().difference(&before).unwrap().starts_with("--base was"));
    }
}
