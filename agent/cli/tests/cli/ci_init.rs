//! The workflow files of `perfagent ci init`: their form, and that what they say works, on repositories with a planted slowdown.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::command::{Outcome, run};
use crate::workflow::{Ended, Job, Machine, git, parsed};

/// A repository `origin` with a benchmark on `main`, and a branch `slow` on which it takes ten times as long.
struct Project {
    folder: tempfile::TempDir,
}

const ALL_ZEROS: &str = "0000000000000000000000000000000000000000";

impl Project {
    fn new() -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        let work = project.path("work");
        git(&project.path(""), &["init", "--quiet", "--bare", "origin"]);
        git(&project.path("origin"), &["config", "uploadpack.allowAnySHA1InWant", "true"]);
        git(&project.path(""), &["init", "--quiet", "work"]);
        git(&work, &["remote", "add", "origin", project.path("origin").to_str().unwrap()]);
        project.benchmark("0.1", "A benchmark");
        git(&work, &["push", "--quiet", "origin", "HEAD:main", "HEAD:refs/heads/first"]);
        git(&work, &["checkout", "--quiet", "-b", "slow"]);
        project.benchmark("1", "Something innocent");
        // The target goes on meanwhile, and the provider merges both for the gate.
        git(&work, &["checkout", "--quiet", "main"]);
        fs::write(work.join("README"), "It is fast.\n").unwrap();
        git(&work, &["add", "."]);
        git(&work, &["commit", "--quiet", "-m", "A text"]);
        git(&work, &["push", "--quiet", "origin", "HEAD:main"]);
        git(&work, &["checkout", "--quiet", "--detach"]);
        git(&work, &["merge", "--quiet", "--no-ff", "-m", "Merge slow into main", "slow"]);
        git(&work, &["push", "--quiet", "origin", "HEAD:refs/pull/7/merge", "slow"]);
        git(&work, &["checkout", "--quiet", "main"]);
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Commits a benchmark that takes so many seconds.
    fn benchmark(&self, seconds: &str, message: &str) {
        let script = self.path("work/bench.sh");
        fs::write(&script, format!("#!/bin/sh\nsleep {seconds}\n")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        git(&self.path("work"), &["add", "."]);
        git(&self.path("work"), &["commit", "--quiet", "-m", message]);
    }

    fn init(&self, arguments: &[&str]) -> Outcome {
        run(&self.path("work"), &[&["ci", "init"], arguments].concat())
    }

    /// The file that `perfagent ci init ARGUMENTS` writes.
    fn workflow(&self, arguments: &[&str]) -> String {
        self.init(&[arguments, &["-o", "../workflow.yml", "--force"]].concat()).answer();
        fs::read_to_string(self.path("workflow.yml")).unwrap()
    }

    /// Runs a job of a GitHub workflow on a machine of its own.
    fn github(
        &self,
        job: &Value,
        folder: &str,
        reference: &str,
        before: &str,
    ) -> BTreeMap<String, Ended> {
        let commit = git(&self.path("origin"), &["rev-parse", reference]);
        let mut machine = Machine::new(&self.path(""));
        machine.set("GH_LOG", self.path("gh.log").to_str().unwrap());
        let job_of = Job {
            machine: &machine,
            remote: &self.path("origin"),
            reference,
            artifacts: &self.path("artifacts"),
            expressions: &[
                ("github.event_name == 'push' && github.event.before || ''", before),
                ("github.token", "secret"),
                ("github.event.pull_request.number", "7"),
                ("github.ref_name", "main"),
                ("github.sha", &commit),
            ],
        };
        job_of.run(job, folder)
    }
}

/// Changes below this do not matter here: the machine may be busy, and only what is planted is to be found.
const GATE: &[&str] = &["--runs", "4", "--case", "bench=./bench.sh"];

/// The workflow with a threshold that only the planted slowdown passes, and no more runs than needed.
fn hurried(text: &str) -> String {
    let changed = text.replace("-o results ", "-o results --threshold 75 --warm-up 0 --confirm 4 ");
    assert_ne!(changed, text);
    changed
}

#[test]
fn a_pull_request_with_a_slowdown_fails_and_is_told_so() {
    let project = Project::new();
    let workflow = parsed(&hurried(&project.workflow(&[&["--github"], GATE].concat())));
    let gate = project.github(&workflow["jobs"]["gate"], "gate", "refs/pull/7/merge", "");
    for (step, code) in [
        ("Check out what it is compared with", 0),
        ("Install perfagent", 0),
        ("Build both sides", 0),
        ("Run both sides in turns and compare", 1),
        ("Show the result", 0),
    ] {
        assert_eq!(gate[step].code, code, "{step}: {}", gate[step].said);
    }
    // The base is what it would be merged into, not where it began.
    assert!(project.path("gate/base/README").is_file());
    assert!(fs::read_to_string(project.path("gate/base/bench.sh")).unwrap().contains("sleep 0.1"));
    let summary = fs::read_to_string(project.path("summary.md")).unwrap();
    assert!(summary.contains("# perfagent ci gate: regression"), "{summary}");
    assert!(project.path("artifacts/perfagent/junit.xml").is_file());
    assert!(project.path("artifacts/perfagent/runs/bench/new-01.perfdb").is_file());

    // The comment is made, and then changed.
    put_gh(&project.path("bin"));
    let comment = &workflow["jobs"]["comment"];
    for (id, method) in [
        ("", "POST repos/me/mine/issues/7/comments"),
        ("41", "PATCH repos/me/mine/issues/comments/41"),
    ] {
        fs::write(project.path("gh.id"), id).unwrap();
        let ended = project.github(comment, &format!("comment{id}"), "refs/pull/7/merge", "");
        let ended = &ended["Update the comment"];
        assert_eq!(ended.code, 0, "{}", ended.said);
        let log = fs::read_to_string(project.path("gh.log")).unwrap();
        assert!(log.ends_with(&format!("{method}\n")), "{log}");
        let body = fs::read_to_string(project.path("gh.log.body")).unwrap();
        assert!(
            body.starts_with("<!-- perfagent ci gate -->\n# perfagent ci gate: regression\n"),
            "{body}"
        );
    }
}

/// A `gh` that answers what is in `gh.id` and writes down what it is asked to write.
fn put_gh(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let text = r#"#!/bin/sh
[ "$1" = api ] || exit 9
if [ "$2" = --paginate ]; then
  [ "$GH_TOKEN" = secret ] && [ "$3" = repos/me/mine/issues/7/comments ] && cat "$(dirname "$GH_LOG")/gh.id"
  exit
fi
[ "$2 $3 $6" = "--silent --method -F" ] || exit 9
echo "$4 $5" >> "$GH_LOG"
cat "${7#body=@}" > "$GH_LOG.body"
"#;
    let program = folder.join("gh");
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_push_is_compared_with_what_was_there_before() {
    let project = Project::new();
    let workflow = parsed(&hurried(&project.workflow(&[&["--github"], GATE].concat())));
    let [first, parent] =
        ["main~1", "main~1"].map(|commit| git(&project.path("origin"), &["rev-parse", commit]));
    // Known, unknown as of a new branch, and gone as after a forced push.
    let gone = "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";
    let step = "Check out what it is compared with";
    for (before, expected) in [(first.as_str(), &first), (ALL_ZEROS, &parent), (gone, &parent)] {
        let job = json!({ "steps": [workflow["jobs"]["gate"]["steps"][0], workflow["jobs"]["gate"]["steps"][1]] });
        let folder = format!("push-{}", &before[..4]);
        let ended = project.github(&job, &folder, "main", before);
        assert_eq!(ended[step].code, 0, "{}", ended[step].said);
        assert_eq!(&git(&project.path(&folder).join("base"), &["rev-parse", "HEAD"]), expected);
    }
    // A machine that still has the last job's folders.
    let folder = project.path("push-0000");
    fs::create_dir_all(folder.join("results")).unwrap();
    fs::remove_dir_all(folder.join("head")).unwrap();
    let job = json!({ "steps": [workflow["jobs"]["gate"]["steps"][0], workflow["jobs"]["gate"]["steps"][1]] });
    let ended = project.github(&job, "push-0000", "main", ALL_ZEROS);
    assert_eq!(ended[step].code, 0, "{}", ended[step].said);
    assert!(!folder.join("results").exists());
}

#[test]
fn a_merge_request_of_gitlab_fails_too() {
    let project = Project::new();
    let workflow = parsed(&hurried(&project.workflow(&[&["--gitlab"], GATE].concat())));
    let job = &workflow["perfagent"];
    git(&project.path(""), &["clone", "--quiet", "origin", "builds"]);
    let builds = project.path("builds");
    git(&builds, &["checkout", "--quiet", "origin/slow"]);
    let began = git(&builds, &["merge-base", "origin/main", "origin/slow"]);
    let environment: BTreeMap<_, _> = [
        ("CI_MERGE_REQUEST_IID", "7"),
        ("CI_MERGE_REQUEST_DIFF_BASE_SHA", &began),
        ("CI_COMMIT_BEFORE_SHA", ALL_ZEROS),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    // All items are one script there.
    let script: Vec<_> =
        job["script"].as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect();
    let machine = Machine::new(&project.path(""));
    let ended =
        machine.shell(&["bash", "-eo", "pipefail"], &builds, &script.join("\n"), &environment);
    assert_eq!(ended.code, 1, "{}", ended.said);
    assert!(ended.said.contains("perfagent ci gate: regression"), "{}", ended.said);
    assert_eq!(git(&builds.join("sides/base"), &["rev-parse", "HEAD"]), began);
    for report in ["junit", "metrics"] {
        let file = job["artifacts"]["reports"][report].as_str().unwrap();
        assert!(builds.join(file).is_file(), "{file}");
    }
    // Images without bash have a plain shell.
    let plain = machine.shell(&["sh", "-n"], &builds, &script.join("\n"), &environment);
    assert_eq!(plain.code, 0, "{}", plain.said);
}

/// Every job has the rights that it needs and no others, and every script can be read.
#[test]
fn jobs_have_no_more_rights_than_they_need() {
    let project = Project::new();
    let text =
        project.workflow(&["--github", "--runner", "self-hosted,h100", "--branch", "release"]);
    let workflow = parsed(&text);
    assert_eq!(workflow["permissions"], json!({}));
    assert_eq!(workflow["on"]["pull_request"]["branches"], json!(["release"]));
    assert_eq!(workflow["defaults"]["run"]["shell"], "bash");
    let jobs = workflow["jobs"].as_object().unwrap();
    let rights: Vec<_> =
        jobs.iter().map(|(name, job)| (name.as_str(), &job["permissions"])).collect();
    assert_eq!(
        rights,
        [
            ("gate", &json!({ "contents": "read" })),
            ("comment", &json!({ "pull-requests": "write" })),
            ("history", &json!({ "contents": "write" }))
        ]
    );
    // What comes with a pull request is run by the gate alone.
    let runs = |name: &str| {
        let steps = jobs[name]["steps"].as_array().unwrap();
        steps.iter().any(|step| step["uses"].as_str().is_some_and(|uses| uses.contains("checkout")))
    };
    assert!(!runs("comment") && jobs["history"]["if"].as_str().unwrap().contains("'push'"));
    assert_eq!(jobs["gate"]["runs-on"], json!(["self-hosted", "h100"]));
    assert_eq!(jobs["comment"]["runs-on"], "ubuntu-latest");
    // Texts of a pull request, such as its title or branch, must not get into a script.
    for job in jobs.values() {
        for step in job["steps"].as_array().unwrap() {
            let script = step["run"].as_str().unwrap_or_default();
            assert!(!script.contains("${{"), "{script}");
        }
    }
}

#[test]
fn a_file_that_exists_stays_unless_forced() {
    let project = Project::new();
    let said = project.init(&["--command", "./bench.sh"]).answer();
    let file = project.path("work/.github/workflows/perfagent.yml");
    assert!(
        said.starts_with(&format!("wrote {}\n", file.canonicalize().unwrap().display())),
        "{said}"
    );
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("--case bench=./bench.sh\n"), "{text}");
    fs::write(&file, "mine").unwrap();
    project.init(&["--command", "./bench.sh"]).refusal("exists; replace it with --force");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    project.init(&["--command", "./bench.sh", "--force"]).answer();
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn the_repository_says_whose_it_is() {
    let project = Project::new();
    fs::write(project.path("work/.gitlab-ci.yml"), "").unwrap();
    fs::create_dir(project.path("work/src")).unwrap();
    let said = run(&project.path("work/src"), &["ci", "init"]).answer();
    assert!(
        said.contains(
            "include it in .gitlab-ci.yml: `include: [{local: .gitlab-ci-perfagent.yml}]`"
        ),
        "{said}"
    );
    assert!(project.path("work/.gitlab-ci-perfagent.yml").is_file());
    run(&project.path(""), &["ci", "init"]).refusal("is in no git repository");
    project.init(&["--github", "--gitlab"]).refusal("cannot be used with");
    project.init(&["--command", "a\nb"]).refusal("has a line break");
}

#[test]
fn the_files_as_they_are() {
    let project = Project::new();
    let of_user = ["--case", "train=python train.py --name 'a b'", "--build", "pip install -e ."];
    insta::assert_snapshot!("github", project.workflow(&[&["--github"], &of_user[..]].concat()));
    insta::assert_snapshot!(
        "gitlab",
        project.workflow(&["--gitlab", "--suite", "ci", "--install", "pip install perfagent"])
    );
}

/// Pushes one after the other, and one that is overtaken by another: no run is lost, and the branch has one commit.
#[test]
fn pushes_are_stored_in_a_branch_that_has_no_past() {
    let project = Project::new();
    let origin = project.path("origin");
    let workflow = parsed(&hurried(&project.workflow(&[&["--github"], GATE].concat())));
    let jobs = &workflow["jobs"];
    let gate = project.github(&jobs["gate"], "gate", "main", ALL_ZEROS);
    assert_eq!(gate["Run both sides in turns and compare"].code, 0);
    let store = |folder: &str, reference: &str| {
        let ended = project.github(&jobs["history"], folder, reference, "");
        let ended = &ended["Store the runs and judge them against their history"];
        assert_eq!(ended.code, 0, "{}", ended.said);
        assert!(project.path(folder).join("results/history.md").is_file());
    };
    let tip = || git(&origin, &["rev-parse", "perfagent-history"]);
    store("history-1", "first");
    let first = tip();
    store("history-2", "main");
    assert_ne!(tip(), first);
    assert_eq!(commits(&project), 2);

    // The branch is begun anew, and the first store appears just before the second is pushed.
    git(&origin, &["update-ref", "-d", "refs/heads/perfagent-history"]);
    let real = which("git");
    let overtaking = format!(
        "#!/bin/sh\nif [ \"$1\" = push ] && [ ! -e '{folder}/overtaken' ]; then\n  touch '{folder}/overtaken'\n  \
         {real} --git-dir='{origin}' update-ref refs/heads/perfagent-history {first}\nfi\nexec {real} \"$@\"\n",
        folder = project.path("").display(),
        real = real.display(),
        origin = origin.display(),
    );
    fs::create_dir(project.path("bin")).unwrap();
    let program = project.path("bin/git");
    fs::write(&program, overtaking).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    store("history-3", "main");
    assert!(project.path("overtaken").is_file());
    assert_eq!(commits(&project), 2);
    assert_eq!(git(&origin, &["rev-list", "--count", "perfagent-history"]), "1");
    assert_eq!(git(&origin, &["ls-tree", "--name-only", "perfagent-history"]), "history.db");
}

/// How many commits the stored history has runs of.
fn commits(project: &Project) -> usize {
    let blob = Command::new("git")
        .arg("--git-dir")
        .arg(project.path("origin"))
        .args(["cat-file", "blob", "perfagent-history:history.db"])
        .stdout(fs::File::create(project.path("history.db")).unwrap())
        .status();
    assert!(blob.unwrap().success());
    let listed =
        run(&project.path(""), &["history", "list", "--store", "history.db", "--json"]).answer();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let runs = listed["runs"].as_array().unwrap();
    assert!(
        runs.iter().all(|run| run["suite"] == "bench" && run["machine"] == "ubuntu-latest"),
        "{listed}"
    );
    let commits: BTreeSet<_> = runs.iter().map(|run| run["commit"].as_str().unwrap()).collect();
    commits.len()
}

fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&path).map(|folder| folder.join(program));
    found.into_iter().find(|program| program.is_file()).unwrap()
}
