//! The gate from the command line to its exit codes. Programs are small scripts, the recorder is real.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::command::{Outcome, outcome, perfagent};
use crate::nccl::built;
use crate::suite_interrupted::{is_alive, kill, wait_until};

/// A folder with two sides, `base` and `new`, in which scripts say into `order` when they run.
struct Gate {
    folder: tempfile::TempDir,
}

impl Gate {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for side in ["base", "new"] {
            fs::create_dir(folder.path().join(side)).unwrap();
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a script of that name on a side, which runs `body`.
    fn script(&self, side: &str, name: &str, body: &str) {
        let order = self.path("order").display().to_string();
        let text = format!("#!/bin/sh\necho {side}/{name} >> {order}\n{body}\n");
        put(&self.path(side).join(name), &text);
    }

    fn command(&self, arguments: &[&str]) -> assert_cmd::Command {
        let mut command = perfagent(self.folder.path());
        command.env("PERFAGENT_LIBRARY", built("libperfagent.so"));
        command.args(["ci", "gate", "--base", "base", "--new", "new", "-o", "results"]);
        command.args(["--runs", "4", "--warm-up", "0", "--confirm", "4"]).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        outcome(&mut self.command(arguments))
    }

    /// What ran, in its order.
    fn order(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("order")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn document(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("results/gate.json")).unwrap()).unwrap()
    }
}

fn put(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Changes below this do not matter here: the machine may be busy, and only what is planted is to be found.
const WIDE: &str = "--threshold=75";

/// One of two cases takes ten times as long on the new side. It is run again, the other one is not.
#[test]
fn a_slowdown_is_looked_at_twice_and_fails_the_gate() {
    let gate = Gate::new();
    gate.script("base", "slow", "sleep 0.1");
    gate.script("new", "slow", "sleep 1");
    for side in ["base", "new"] {
        gate.script(side, "same", "sleep 0.5");
    }
    let said = gate.run(&[WIDE, "--case", "slow=./slow", "--case", "same=./same"]);
    assert_eq!(said.code, 1, "{}\n{}", said.stdout, said.stderr);
    assert!(said.stdout.starts_with("perfagent ci gate: regression\n"), "{}", said.stdout);
    assert!(said.stdout.contains("Regressions, confirmed"), "{}", said.stdout);
    assert!(said.stderr.contains("slow: alarmed; is run again, 4 runs a side"), "{}", said.stderr);

    let document = gate.document();
    assert_eq!(document["schema"], "perfagent.ci-gate/1");
    assert_eq!(document["verdict"], "regression");
    let (slow, same) = (&document["cases"][0], &document["cases"][1]);
    assert_eq!((&slow["verdict"], &same["verdict"]), (&"regression".into(), &"equivalent".into()));
    let alarm = &slow["alarms"][0];
    assert_eq!(
        (&alarm["first"]["name"], &alarm["verdict"]),
        (&"run_time".into(), &"regression".into())
    );
    assert_eq!(alarm["again"]["base"]["runs"], 4);
    assert!(alarm["again"]["change_pct"].as_f64().unwrap() > 75.0);
    assert_eq!(slow["confirm_recordings"]["new"].as_array().unwrap().len(), 4);
    assert_eq!(same["confirm_recordings"]["new"].as_array().unwrap().len(), 0);
    for recording in slow["confirm_recordings"]["new"].as_array().unwrap() {
        assert!(gate.path("results").join(recording.as_str().unwrap()).is_file());
    }

    // Sides take turns, and the one that begins changes.
    let of = |rounds: usize, cases: &[&str]| {
        let side = |first: bool| if first { "base" } else { "new" };
        let rounds = (0..rounds).flat_map(|round| {
            cases.iter().flat_map(move |case| {
                [round % 2 == 0, round % 2 == 1].map(|first| format!("{}/{case}", side(first)))
            })
        });
        rounds.collect::<Vec<_>>()
    };
    let expected = [of(4, &["slow", "same"]), of(4, &["slow"])].concat();
    assert_eq!(gate.order(), expected);

    // Asked again, it answers from what it has.
    let again = gate.run(&[WIDE, "--case", "slow=./slow", "--case", "same=./same", "--markdown"]);
    assert_eq!((again.code, gate.order().len()), (1, expected.len()), "{}", again.stderr);
    assert!(again.stdout.starts_with("# perfagent ci gate: regression\n"), "{}", again.stdout);
    assert_eq!(again.stdout, fs::read_to_string(gate.path("results/gate.md")).unwrap());
    assert_eq!(gate.document(), document);

    let metrics = fs::read_to_string(gate.path("results/metrics.txt")).unwrap();
    assert!(
        metrics.contains(
            "# TYPE perfagent_run_time_seconds gauge\nperfagent_run_time_seconds{case=\"slow\"} 1."
        ),
        "{metrics}"
    );
    assert!(metrics.ends_with("# EOF\n"));
    junit(&fs::read_to_string(gate.path("results/junit.xml")).unwrap());
}

fn junit(text: &str) {
    let xml = roxmltree::Document::parse(text).unwrap();
    let named = |kind: &str, name: &str, within: roxmltree::Node<'_, '_>| {
        let mut all = within.descendants();
        let found =
            all.find(|node| node.has_tag_name(kind) && node.attribute("name") == Some(name));
        found.unwrap_or_else(|| panic!("no {kind} {name}: {text}")).id()
    };
    let node = |id| xml.get_node(id).unwrap();
    let slow = node(named("testsuite", "slow", xml.root()));
    let failed = node(named("testcase", "run time", slow));
    let failure = failed.children().find(|child| child.has_tag_name("failure")).unwrap();
    assert!(failure.attribute("message").unwrap().contains("95 % interval"), "{text}");
    assert_eq!(failure.attribute("type"), Some("regression"));
    let same = node(named("testsuite", "same", xml.root()));
    assert_eq!((slow.attribute("failures"), same.attribute("failures")), (Some("1"), Some("0")));
    let passed = node(named("testcase", "run time", same));
    assert!(passed.children().all(|child| !child.has_tag_name("failure")), "{text}");
}

#[test]
fn a_case_that_fails_on_the_new_side_only_is_a_regression() {
    let gate = Gate::new();
    for (name, body) in [("crash", "kill -9 $$"), ("memory", "echo 'MemoryError: 3 GiB'; exit 1")] {
        gate.script("base", name, "sleep 0.3");
        gate.script("new", name, body);
    }
    gate.script("base", "hang", "sleep 0.3");
    gate.script("new", "hang", "trap '' INT TERM; while :; do sleep 1; done");
    let cases = ["--case", "crash=./crash", "--case", "memory=./memory", "--case", "hang=./hang"];
    let said = gate.run(&[&cases[..], &["--time-limit", "3", WIDE]].concat());
    assert_eq!(said.code, 1, "{}", said.stderr);
    let document = gate.document();
    let kinds: Vec<_> = document["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| {
            assert_eq!((&case["verdict"], &case["broken"]), (&"regression".into(), &"new".into()));
            assert_eq!(case["failures"].as_array().unwrap().len(), 2, "{case}");
            assert_eq!(case["comparison"], Value::Null);
            case["failures"][0]["kind"].as_str().unwrap()
        })
        .collect();
    // A process that is killed is taken for one that the kernel has killed for lack of memory.
    assert_eq!(kinds, ["out of memory", "out of memory", "timed out"]);
    assert!(
        said.stdout.contains("memory, new-01: out of memory: MemoryError: 3 GiB"),
        "{}",
        said.stdout
    );
    assert!(
        said.stdout.contains("hang, new-02: timed out: ended at its time limit of 3 s"),
        "{}",
        said.stdout
    );
    // Two failures are enough; a round is done on both sides.
    assert_eq!(gate.order().iter().filter(|ran| ran.ends_with("crash")).count(), 4);
    assert!(gate.path("results/runs/hang/failed-new-01.perfdb").is_file());
    assert!(!gate.path("results/runs/hang/new-01.perfdb").exists());
}

#[test]
fn a_case_that_fails_on_the_base_only_is_told_and_no_regression() {
    let gate = Gate::new();
    gate.script("new", "added", "sleep 0.2");
    for side in ["base", "new"] {
        gate.script(side, "same", "sleep 0.4");
    }
    let cases = ["--case", "added=./added", "--case", "same=./same", WIDE];
    let said = gate.run(&cases);
    assert_eq!(said.code, 0, "{}\n{}", said.stdout, said.stderr);
    assert!(said.stdout.starts_with("perfagent ci gate: inconclusive\n"), "{}", said.stdout);
    assert!(said.stdout.contains("fails on the base only"), "{}", said.stdout);
    assert!(said.stdout.contains("added, base-01: failed: exit code 127"), "{}", said.stdout);
    assert_eq!(gate.document()["cases"][0]["broken"], "base");
    assert_eq!(gate.run(&[&cases[..], &["--strict"]].concat()).code, 3);
}

#[test]
fn a_command_that_fails_on_both_sides_is_a_mistake() {
    let gate = Gate::new();
    for side in ["base", "new"] {
        gate.script(side, "bench.sh", "echo 'no module named torch'; exit 1");
    }
    let told = gate.run(&["--quiet", "--", "./bench.sh"]).refusal("no case runs on either side");
    assert!(told.contains("exit code 1: no module named torch"), "{told}");
    assert_eq!(gate.order().len(), 4);
    // A program that is not there.
    let told = gate.run(&["--quiet", "--fresh", "--", "./missing"]).refusal("no case runs");
    assert!(told.contains("./missing"), "{told}");
}

#[test]
fn two_commands_are_compared_and_one_failure_is_told() {
    let gate = Gate::new();
    let once = gate.path("once").display().to_string();
    let flaky = format!("sleep 0.3; [ -e {once} ] || {{ touch {once}; exit 7; }}");
    let mut command = perfagent(gate.folder.path());
    command.env("PERFAGENT_LIBRARY", built("libperfagent.so"));
    command.args(["ci", "gate", "--base", "sleep 0.3", "--new", &flaky, WIDE, "--quiet"]);
    let said = outcome(command.args(["--runs", "5", "--warm-up", "0", "-o", "results"]));
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{}", said.stdout);
    assert!(said.stdout.contains("command, new-01: failed: exit code 7"), "{}", said.stdout);
    let document = gate.document();
    let row = &document["cases"][0]["comparison"]["metrics"][0];
    assert_eq!((&row["base"]["runs"], &row["new"]["runs"]), (&5.into(), &4.into()));
}

/// Each side's own benchmark; the options after `--` reach both.
#[test]
fn a_suite_runs_the_benchmark_of_each_side() {
    let gate = Gate::new();
    for side in ["base", "new"] {
        let build = gate.path(side).join("target/release");
        fs::create_dir_all(&build).unwrap();
        perfagent_fake_gpu::bench::put(&build.join("perfagent-bench")).unwrap();
    }
    let suite = "[suite]\nname = \"s\"\n[defaults]\nmodel = \"gpt\"\n[[case]]\nname = \"a\"\npreset = \"refuse\"\n\
                 [[case]]\nname = \"b\"\npreset = \"quick\"\n";
    fs::write(gate.path("s.toml"), suite).unwrap();
    let said = gate.run(&["--suite", "./s.toml", "--quiet", "--", "--steps", "3"]);
    assert_eq!(said.stderr, "");
    assert!(said.stdout.contains("fails on both sides"), "{}", said.stdout);
    let document = gate.document();
    assert_eq!(document["suite"]["name"], "s");
    assert_eq!(document["cases"][0]["broken"], "both");
    assert_eq!(document["cases"][1]["broken"], Value::Null);
    let calls = fs::read_to_string(gate.path("new/runs")).unwrap();
    // It writes where it runs: both sides do in the same folder.
    assert_eq!(
        calls.lines().filter(|line| line.contains("--preset quick --steps 3")).count(),
        8 + again(&document["cases"][1])
    );
}

/// Runs of a second look at a case that alarmed by chance.
fn again(case: &Value) -> usize {
    let of = |side: &str| case["confirm_recordings"][side].as_array().unwrap().len();
    of("base") + of("new")
}

#[test]
fn what_cannot_be_run_is_told_before_anything_is() {
    let gate = Gate::new();
    for (arguments, told) in [
        (&["--base", "nowhere", "--", "./a"][..], "cannot be used multiple times"),
        (&["--suite", "ci"], "--base base: has no perfagent-bench"),
        (&[], "--base base: has no perfagent-bench"),
        (&["--case", "a"], "--case a: write NAME=COMMAND"),
        (&["--case", "a=x", "--suite", "ci"], "leave one of --case and --suite out"),
        (&["--threshold", "-1", "--", "./a"], "--threshold -1"),
    ] {
        gate.run(arguments).refusal(told);
    }
    assert!(!gate.path("results").exists());
    let mut command = perfagent(gate.folder.path());
    let said = outcome(command.args(["ci", "gate", "--base", "bse", "--new", "new", "--", "./a"]));
    said.refusal("--base bse: is no folder");
    let mut command = perfagent(gate.folder.path());
    let said =
        outcome(command.args(["ci", "gate", "--base", "base", "--new", "new", "--runs", "3"]));
    said.refusal("4..=100");
}

#[test]
fn runs_of_another_gate_are_not_mixed_in() {
    let gate = Gate::new();
    for side in ["base", "new"] {
        gate.script(side, "same", "sleep 0.3");
        gate.script(side, "other", "sleep 0.3");
    }
    assert_eq!(gate.run(&[WIDE, "--quiet", "--", "./same"]).code, 0);
    gate.run(&[WIDE, "--", "./other"]).refusal("the cases were others");
    let ran = gate.order().len();
    assert_eq!(gate.run(&[WIDE, "--fresh", "--quiet", "--", "./other"]).code, 0);
    assert!(gate.order()[ran..].iter().all(|ran| ran.ends_with("/other")));
}

/// Starts a gate whose new side waits for the file `go`, until that one runs. Returns the process of the script.
fn start(gate: &Gate) -> (Child, i32) {
    let prepared = gate.command(WAITING);
    let mut command = Command::new(prepared.get_program());
    command.args(prepared.get_args()).current_dir(gate.path(""));
    for (name, value) in prepared.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let script = gate.path("new/pid");
    wait_until("the new side", || fs::read_to_string(&script).is_ok_and(|pid| pid.ends_with('\n')));
    let pid = fs::read_to_string(&script).unwrap().trim().parse().unwrap();
    (child, pid)
}

const WAITING: &[&str] = &[WIDE, "--", "./bench.sh"];

fn waiting() -> Gate {
    let gate = Gate::new();
    gate.script("base", "bench.sh", "sleep 0.3");
    gate.script(
        "new",
        "bench.sh",
        "echo $$ > pid; while [ ! -e ../go ]; do sleep 0.05; done; sleep 0.3",
    );
    gate
}

/// The rest is run, and what was done is not.
fn goes_on(gate: &Gate) {
    fs::write(gate.path("go"), "").unwrap();
    let said = gate.run(WAITING);
    assert!(said.stderr.contains("keeps the runs that are done: 1\n"), "{}", said.stderr);
    // The first run of the new side was begun twice.
    let order = gate.order();
    let of = |side: &str| order.iter().filter(|ran| ran.starts_with(side)).count();
    let more = again(&gate.document()["cases"][0]) / 2;
    assert_eq!((of("base"), of("new")), (4 + more, 5 + more), "{order:?}");
    let journal = fs::read_to_string(gate.path("results/gate.jsonl")).unwrap();
    assert_eq!(journal.lines().count(), 1 + 8 + 2 * more);
}

#[test]
fn ctrl_c_ends_the_run_and_the_same_command_goes_on() {
    let gate = waiting();
    let (child, script) = start(&gate);
    kill(child.id(), libc::SIGINT);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("stopped with 1 runs done"), "{said}");
    assert!(!is_alive(script));
    assert!(!gate.path("results/runs/bench.sh/new-01.perfdb").exists());
    goes_on(&gate);
}

#[test]
fn a_killed_gate_leaves_nothing_running_and_goes_on() {
    let gate = waiting();
    let (mut child, script) = start(&gate);
    kill(child.id(), libc::SIGKILL);
    let _ = child.wait().unwrap();
    goes_on(&gate);
    assert!(!is_alive(script));
}
