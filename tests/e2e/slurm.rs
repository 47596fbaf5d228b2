//! Four ranks of the benchmark on two nodes of a real Slurm, which the test starts.

use perfagent_tests::slurm::Slurm;
use perfagent_tests::{Bed, finish};

use crate::launchers::{check, training};

const RANKS_A_NODE: usize = 2;

/// `srun OPTIONS… perfagent record -o NAME -- `
fn recorders(bed: &Bed, slurm: &Slurm, options: &[&str], name: &str) -> std::process::Command {
    let mut run = slurm.command("srun");
    run.current_dir(bed.path("")).env("XDG_CACHE_HOME", bed.path("cache")).args(options);
    run.arg(bed.program("perfagent").get_program()).args(["record", "-o", name, "--"]);
    run
}

#[test]
fn srun_starts_a_recorder_for_every_rank() {
    let (bed, slurm) = (Bed::new(), Slurm::start());
    let name = "run-%q{SLURM_NODEID}-%q{SLURM_PROCID}.perfdb";
    let mut run = recorders(&bed, &slurm, &["-N2", "-n4"], name);
    let done = finish(run.args(training(&bed, "")));
    let files = ["run-0-0.perfdb", "run-0-1.perfdb", "run-1-2.perfdb", "run-1-3.perfdb"];
    let report = check(&bed, done, &files, RANKS_A_NODE);
    let job = &report["recording"]["files"][0]["job"];
    assert!(job.as_str().is_some_and(|job| job.starts_with("Slurm job ")), "{job}");

    // And every rank can read its own recording for the report.
    let mut read = slurm.command("srun");
    read.current_dir(bed.path("")).args(["-N2", "-n4"]).arg(bed.program("perfagent").get_program());
    read.args(["report", "--json", "--across", "meet"]).args(files);
    assert_eq!(finish(&mut read).success().json(), report);
}

/// One file a node; on each a launcher that speaks like torchrun starts two ranks.
#[test]
fn srun_starts_a_recorder_for_every_node() {
    let (bed, slurm) = (Bed::new(), Slurm::start());
    let options = ["-N2", "--ntasks-per-node=1"];
    let mut run = recorders(&bed, &slurm, &options, "run-%h-%q{SLURM_NODEID}.perfdb");
    let words: Vec<_> = training(&bed, "").iter().map(|word| format!("'{word}'")).collect();
    let launcher = format!(
        "export WORLD_SIZE=4 LOCAL_WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT={}; \
         for LOCAL_RANK in 0 1; do \
         export LOCAL_RANK RANK=$((SLURM_NODEID * 2 + LOCAL_RANK)); {} & ranks=\"$ranks $!\"; done; \
         for rank in $ranks; do wait $rank || exit; done",
        15_000 + std::process::id() % 15_000,
        words.join(" ")
    );
    let done = finish(run.args(["sh", "-c", &launcher]));
    let host = finish(bed.command("uname").arg("-n")).success().stdout.trim().to_owned();
    let files = [0, 1].map(|node| format!("run-{host}-{node}.perfdb"));
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    let report = check(&bed, done, &files, RANKS_A_NODE);
    assert_eq!(report["recording"]["files"][1]["ranks"], serde_json::json!([2, 3]));
}

/// On one machine a recorder in front of srun sees all ranks: they inherit its environment.
#[test]
fn one_recorder_over_srun_records_the_ranks_of_its_own_machine() {
    let (bed, slurm) = (Bed::new(), Slurm::start());
    let mut record = bed.program("perfagent");
    let environment = slurm.command("srun");
    record.envs(environment.get_envs().filter_map(|(name, value)| Some((name, value?))));
    record.args(["record", "-o", "run.perfdb", "--", "srun", "-N2", "-n4"]);
    let done = finish(record.args(training(&bed, "")));
    check(&bed, done, &["run.perfdb"], RANKS_A_NODE);
}
