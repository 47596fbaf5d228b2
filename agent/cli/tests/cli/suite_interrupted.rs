//! Suites that are interrupted, and cases that do not end: nothing is run twice, nothing is left running.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::suite::Bench;

const SLOW: &str =
    "[[case]]\nname = \"a\"\n[[case]]\nname = \"b\"\npreset = \"slow\"\n[[case]]\nname = \"c\"\n";

/// Starts the suite and waits until the slow case runs. Returns the process that plays it.
fn start(bench: &Bench) -> (Child, i32) {
    // What assert_cmd prepares, started and not waited for.
    let prepared = bench.command(&[]);
    let mut command = Command::new(prepared.get_program());
    command.args(prepared.get_args()).current_dir(bench.path(""));
    for (name, value) in prepared.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the slow case", || bench.calls().len() == 2);
    (child, bench.calls()[1].0)
}

pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: did not come");
        #[expect(clippy::disallowed_methods, reason = "other processes are waited for")]
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.starts_with(" Z"))
}

pub(crate) fn kill(pid: u32, signal: i32) {
    // SAFETY: kill(2) takes two numbers and touches no memory of ours.
    #[expect(unsafe_code, reason = "sending a signal is what is tested")]
    let sent = unsafe { libc::kill(pid as i32, signal) };
    assert_eq!(sent, 0);
}

fn cases(bench: &Bench) -> Vec<String> {
    bench.results().iter().map(|result| result["case"].as_str().unwrap().to_owned()).collect()
}

/// The rest is run, and what was done is not.
fn goes_on(bench: &Bench) {
    fs::write(bench.path("go"), "").unwrap();
    let said = bench.run(&[]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("keeps what is done: 1 case"), "{}", said.stderr);
    assert_eq!(cases(bench), ["a", "b", "c"]);
    let calls: Vec<_> = bench.calls().into_iter().map(|(_, words)| words).collect();
    assert_eq!(calls.len(), 4, "a once, b twice, c once: {calls:?}");
    assert!(bench.path("s.perfdb-results/b.perfdb").exists());
}

#[test]
fn ctrl_c_ends_the_case_and_the_next_run_goes_on() {
    let bench = Bench::new(SLOW);
    let (suite, case) = start(&bench);
    kill(suite.id(), libc::SIGINT);
    let output = suite.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(
        said.contains("stopped with 1 case done; the same command goes on from there: "),
        "{said}"
    );
    assert!(said.trim_end().ends_with("bench run ./s.toml"), "{said}");
    assert!(!is_alive(case));
    assert_eq!(cases(&bench), ["a"]);
    assert!(!bench.path("s.perfdb-results/b.perfdb").exists(), "half a recording is none");
    goes_on(&bench);
}

#[test]
fn a_killed_suite_leaves_nothing_running_and_goes_on() {
    let bench = Bench::new(SLOW);
    let (mut suite, case) = start(&bench);
    kill(suite.id(), libc::SIGKILL);
    let _ = suite.wait().unwrap();
    assert_eq!(cases(&bench), ["a"]);
    // At once: what is left is waited for.
    goes_on(&bench);
    assert!(!is_alive(case));
}

#[test]
fn half_a_line_is_run_again() {
    let bench = Bench::new("[[case]]\nname = \"a\"\n[[case]]\nname = \"b\"\n");
    assert_eq!(bench.run(&["--quiet"]).code, 0);
    let journal = bench.path("s.perfdb-results/results.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, &text[..text.len() - 40]).unwrap();
    let said = bench.run(&[]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("results.jsonl: ended within a line"), "{}", said.stderr);
    assert_eq!(cases(&bench), ["a", "b"]);
    assert_eq!(bench.calls().len(), 3);
}

#[test]
fn two_at_once_are_refused() {
    let bench = Bench::new(SLOW);
    let (suite, _) = start(&bench);
    let refused = bench.run(&[]).refusal("is at work there");
    assert!(refused.contains(&suite.id().to_string()), "{refused}");
    fs::write(bench.path("go"), "").unwrap();
    assert!(suite.wait_with_output().unwrap().status.success());
    assert_eq!(cases(&bench), ["a", "b", "c"]);
}

#[test]
fn a_case_that_hangs_is_ended_with_all_that_it_started() {
    let bench = Bench::new(
        "[[case]]\nname = \"a\"\npreset = \"hang\"\ntime_limit = 2\n[case.matrix]\nmicro_batch = [2, 1, 4]\n[[case]]\nname = \"b\"\n",
    );
    let said = bench.run(&[]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let results = bench.results();
    let statuses: Vec<_> =
        results.iter().map(|result| result["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["failed", "failed", "skipped", "ok"]);
    assert_eq!(results[0]["reason"], "ended at its time limit of 2 s, at step 1/100");
    assert_eq!(
        results[2]["reason"],
        "not tried, as a-mb2 was smaller: ended at its time limit of 2 s, at step 1/100"
    );
    for (pid, _) in bench.calls() {
        assert!(!is_alive(pid), "{pid}");
    }
    // Where it hung can be looked up.
    assert!(Path::new(&bench.path("s.perfdb-results/a-mb2.perfdb")).exists());
}
