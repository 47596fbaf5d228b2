//! Four ranks of the benchmark under each launcher: all in one recording, or one recording a rank.

use std::process::Command;

use perfagent_recording::{Reader, Recording};
use perfagent_tests::{Bed, Done, finish};
use serde_json::Value;

const RANKS: usize = 4;
const STEPS: u64 = 3;

/// A training run that is small enough for four ranks on two processors.
pub(crate) fn training(bed: &Bed, more: &str) -> Vec<String> {
    bed.training(&format!(
        "--layers 1 --hidden 32 --heads 2 --seq 32 --vocab 300 --micro-batch 1 --timeout 120 --steps {STEPS} {more}"
    ))
}

/// What must be so however the ranks were started: `nodes` is how many of them are on one.
pub(crate) fn check(bed: &Bed, done: Done, files: &[&str], ranks_a_node: usize) -> Value {
    let done = done.success();
    for line in done.stderr.lines().filter(|line| line.contains("perfdb:")) {
        assert!(line.contains("nothing lost"), "{line}");
    }
    let arguments = ["report", "--json"].iter().chain(files);
    let report = bed.perfagent(arguments).success().json();
    let ranks = report["ranks"].as_array().unwrap();
    assert_eq!(ranks.len(), RANKS, "{}", done.stderr);
    for (number, rank) in ranks.iter().enumerate() {
        assert_eq!((&rank["rank"], &rank["world_size"]), (&number.into(), &RANKS.into()));
        assert_eq!(rank["step"]["count"], STEPS);
        let rows = rank["collectives"].as_array().unwrap();
        let gradients: Vec<_> = rows.iter().filter(|row| row["op"] == "all_reduce").collect();
        assert!(!gradients.is_empty());
        for row in rows {
            assert_eq!(row["group_size"], RANKS);
            assert_eq!(row["matched"], row["count"], "found on all ranks: {row}");
            assert!(row["wait_ns"].is_i64(), "all on one clock: {row}");
        }
    }
    for (cause, count) in report["recording"]["lost"].as_object().unwrap() {
        assert_eq!(count, 0, "{cause}");
    }
    let told: Vec<_> = report["recording"]["files"].as_array().unwrap().iter().collect();
    assert_eq!(told.len(), files.len());
    assert!(told.iter().all(|file| file["exit_code"] == 0 && file["clock"] == 0), "{told:?}");
    let doubts: Vec<_> = report["warnings"].as_array().unwrap().iter().collect();
    assert!(doubts.is_empty(), "{doubts:?}");
    local_ranks(bed, files, ranks_a_node);
    report
}

/// Which rank of its node each is, which only the recordings tell.
fn local_ranks(bed: &Bed, files: &[&str], ranks_a_node: usize) {
    let mut found = Vec::new();
    for file in files {
        let reader = Reader::open(&bed.path(file)).unwrap();
        let recording = Recording::load(&reader, &mut |_| {}).unwrap();
        let trained =
            recording.processes.iter().filter(|process| process.name == "perfagent-bench");
        found.extend(trained.filter_map(|process| Some((process.rank?, process.local_rank?))));
    }
    found.sort_unstable();
    let expected = (0..RANKS).map(|rank| (rank as i64, (rank % ranks_a_node) as i64));
    assert_eq!(found, expected.collect::<Vec<_>>());
}

/// `mpirun` for four ranks on a machine with fewer processors, as whoever runs the tests.
pub(crate) fn mpirun(command: &mut Command) -> &mut Command {
    command.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    // All ranks are here: nothing is to be started through ssh, or sought on other networks.
    command.env("OMPI_MCA_plm", "isolated").env("OMPI_MCA_rmaps_base_oversubscribe", "1");
    command.env("OMPI_MCA_hwloc_base_binding_policy", "none")
}

#[test]
fn four_ranks_of_the_benchmarks_own_launcher_are_one_recording() {
    let bed = Bed::new();
    let mut record = bed.program("perfagent");
    record.args(["record", "-o", "run.perfdb", "--"]).args(training(&bed, "--nproc 4"));
    check(&bed, finish(&mut record), &["run.perfdb"], RANKS);
}

#[test]
fn one_recorder_over_mpirun_records_all_its_ranks() {
    let bed = Bed::new();
    let mut record = bed.program("perfagent");
    record.args(["record", "-o", "run.perfdb", "--", "mpirun", "-n", "4"]);
    record.args(training(&bed, ""));
    check(&bed, finish(mpirun(&mut record)), &["run.perfdb"], RANKS);
}

#[test]
fn recorders_under_mpirun_make_files_that_are_one_run() {
    let bed = Bed::new();
    let perfagent = bed.program("perfagent").get_program().to_owned();
    let mut run = bed.command("mpirun");
    run.args(["-n", "4"]).arg(perfagent);
    run.args(["record", "-o", "run-%q{OMPI_COMM_WORLD_RANK}.perfdb", "--"]);
    run.args(training(&bed, ""));
    let files = ["run-0.perfdb", "run-1.perfdb", "run-2.perfdb", "run-3.perfdb"];
    let report = check(&bed, finish(mpirun(&mut run)), &files, RANKS);
    let told = report["recording"]["files"].as_array().unwrap();
    let jobs: Vec<_> = told.iter().map(|file| &file["job"]).collect();
    assert!(jobs.iter().all(|job| *job == jobs[0]) && jobs[0].is_string(), "{jobs:?}");
    let text = bed.perfagent(["report"].iter().chain(&files)).success().stdout;
    assert!(text.contains("All times are of one clock."), "{text}");
}

/// A rank that fails ends the run with its code, and its recorder keeps what there was.
#[test]
fn a_rank_that_fails_under_mpirun_is_told_by_its_code() {
    let bed = Bed::new();
    let mut record = bed.program("perfagent");
    record.args(["record", "-o", "run.perfdb", "--", "mpirun", "-n", "4", "sh", "-c", "exit 7"]);
    let done = finish(mpirun(&mut record));
    assert_eq!(done.status.code(), Some(7), "{}", done.stderr);
    assert!(bed.path("run.perfdb").is_file());
}

#[test]
fn ranks_that_share_a_name_are_told_how_to_get_their_own() {
    let bed = Bed::new();
    let perfagent = bed.program("perfagent").get_program().to_owned();
    let mut run = bed.command("mpirun");
    run.args(["-n", "2"]).arg(perfagent).args(["record", "-o", "run.perfdb", "--", "sleep", "2"]);
    let done = finish(mpirun(&mut run));
    assert_eq!(done.status.code(), Some(2), "{}", done.stderr);
    assert!(done.stderr.contains("of several ranks each needs its own"), "{}", done.stderr);
}
