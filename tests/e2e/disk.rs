//! A disk that is nearly full, and one that fills up during the run.

use std::fs;
use std::process::Command;

use perfagent_tests::{Bed, Done, finish};

#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn skipped(why: &str) {
    println!("skipped: {why}");
}

/// Runs a script in the test's folder, beside whose files `small` is a file system of this size. `None` where this
/// system lets nobody mount one.
fn on_a_small_disk(bed: &Bed, size: &str, script: &str) -> Option<Done> {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-euc", script]);
        command
    };
    let mount = format!("mkdir small && mount -t tmpfs -o size={size} none small");
    let folder = bed.path("trial");
    fs::create_dir(&folder).unwrap();
    let possible =
        unshare(&mount).current_dir(&folder).status().is_ok_and(|status| status.success());
    if !possible {
        skipped("no file system can be mounted here (unshare --user --mount)");
        return None;
    }
    let mut command = unshare(&format!("{mount} && {script}"));
    let programs = bed.program("perfagent").get_program().to_owned();
    command.current_dir(bed.path(".")).env("PERFAGENT", programs);
    Some(finish(&mut command))
}

/// A training run as words for the shell, and what is recorded of it by default.
fn training(bed: &Bed) -> String {
    let options = "--layers 2 --hidden 64 --heads 2 --seq 64 --vocab 512 --micro-batch 2 --steps 4";
    bed.training(options).join(" ")
}

#[test]
fn a_ring_takes_the_room_that_there_is() {
    let bed = Bed::new();
    let training = training(&bed);
    let script = format!(
        "\"$PERFAGENT\" record -o small/run.perfdb -- {training} && \"$PERFAGENT\" report small/run.perfdb --json"
    );
    let Some(done) = on_a_small_disk(&bed, "24M", &script) else { return };
    let done = done.success();
    assert!(done.stderr.contains("has room for a ring of"), "{}", done.stderr);
    let answer = done.stdout.find("{\n").map_or("", |start| &done.stdout[start..]);
    let report: serde_json::Value = serde_json::from_str(answer).unwrap();
    assert_eq!(report["ranks"][0]["step"]["count"], 4);
}

#[test]
fn a_disk_that_fills_up_harms_neither_the_run_nor_what_was_recorded() {
    let bed = Bed::new();
    let training = training(&bed);
    // The filler comes when the ring is there; the recorder then finds no room for what it reads.
    let script = format!(
        "code=0; \"$PERFAGENT\" record -o small/run.perfdb -- sh -c '{training} --loss-out losses; \
         head -c 40M /dev/zero > small/filler; {training}; echo done > trained' || code=$?; \
         rm -f small/filler; cat losses trained >&2; \
         test -e small/run.perfdb || \"$PERFAGENT\" recover small/run.perfdb.partial -o small/run.perfdb; \
         \"$PERFAGENT\" report small/run.perfdb --json"
    );
    let Some(done) = on_a_small_disk(&bed, "24M", &script) else { return };
    let done = done.success();
    assert!(done.stderr.contains("done"), "the command ran to its end: {}", done.stderr);
    let answer = done.stdout.find("{\n").map_or("", |start| &done.stdout[start..]);
    let report: serde_json::Value = serde_json::from_str(answer).unwrap();
    assert_eq!(report["ranks"][0]["step"]["count"], 4, "the first run, before the disk was full");
}

/// A suite on a disk that is full: what could not be written is said, and what was written stays.
#[test]
fn a_suite_on_a_full_disk_keeps_its_results_and_goes_on_when_there_is_room() {
    let bed = Bed::new();
    let program = training(&bed).split(' ').next().unwrap_or_default().to_owned();
    let case = |name: &str| format!("[[case]]\nname = \"{name}\"\n");
    let suite = format!(
        "[suite]\nname = \"s\"\n[defaults]\nmodel = \"gpt\"\nlayers = 2\nhidden = 64\nheads = 2\nseq = 64\nvocab = 512\n\
         micro_batch = 2\nsteps = 2\nthreads = 1\ndata = \"text\"\n{}{}",
        case("a"),
        case("b")
    );
    fs::write(bed.path("s.toml"), suite).unwrap();
    // The second case has a result again when there is room again, and the first keeps its own.
    let script = format!(
        "export PERFAGENT_BENCH={program}; results=small/results/results.jsonl; \
         \"$PERFAGENT\" bench run ./s.toml -o small/results > /dev/null; \
         head -n 1 $results > first; cp first $results; rm small/results/b.*; \
         cat /dev/zero > small/filler 2> /dev/null || true; code=0; \
         \"$PERFAGENT\" bench run ./s.toml -o small/results || code=$?; echo \"full: exit $code\" >&2; \
         cmp first $results; rm small/filler; \"$PERFAGENT\" bench run ./s.toml -o small/results; \
         head -n 1 $results | cmp first -"
    );
    let Some(done) = on_a_small_disk(&bed, "64M", &script) else { return };
    let done = done.success();
    assert!(done.stderr.contains("No space left on device"), "{}", done.stderr);
    assert!(done.stderr.contains("full: exit 2"), "{}", done.stderr);
    assert!(done.stdout.contains("2 ok"), "{}{}", done.stdout, done.stderr);
}
