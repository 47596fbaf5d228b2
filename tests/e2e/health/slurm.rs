//! A real Slurm, which the test starts: nodes are drained, left alone and given back; ranks of srun examine theirs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use perfagent_tests::slurm::{NODES, Slurm};
use perfagent_tests::{Bed, finish};
use serde_json::Value;

use super::{SICK, WELL, bed, document, skipped};

/// The script of `data/deploy/slurm` as it is, but for where programs are and what happens to the GPUs of each node: that
/// is in the file of its name. Each run leaves a line in `NODE.runs`.
fn script(bed: &Bed, name: &str) -> String {
    let deployed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/deploy/slurm").join(name);
    let text = fs::read_to_string(deployed).unwrap();
    let (folder, programs) = (bed.path(""), bed.programs());
    let folder = folder.display();
    let more = format!(
        "PATH={}:$PATH\nexport LD_LIBRARY_PATH={folder}lib SLURM_CONF=\"$(cat {folder}conf)\"\n\
         FAKE_NVML=$(cat \"{folder}$SLURMD_NODENAME\")\nexport FAKE_NVML\n\
         trap 'echo done >> \"{folder}$SLURMD_NODENAME.runs\"' EXIT\n",
        programs.display()
    );
    let (head, tail) = text.split_once("export PATH\n").expect("the script sets PATH");
    let text = format!("{head}export PATH\n{more}{tail}");
    let path = bed.path(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

/// What happens to the GPUs of a node from now on.
fn play(bed: &Bed, node: &str, what: &str) {
    fs::write(bed.path("next"), what).unwrap();
    fs::rename(bed.path("next"), bed.path(node)).unwrap();
}

fn start(bed: &Bed, lines: &str) -> Slurm {
    for node in NODES {
        play(bed, node, WELL);
        fs::write(bed.path(&format!("{node}.runs")), "").unwrap();
    }
    // A node's script may run before the place of the configuration is known; then it drains nothing, as it cannot.
    fs::write(bed.path("conf"), "/nowhere").unwrap();
    let slurm = Slurm::with(lines);
    let environment = slurm.command("srun");
    let conf = environment.get_envs().find(|(name, _)| *name == "SLURM_CONF").unwrap().1.unwrap();
    fs::write(bed.path("conf"), conf.as_encoded_bytes()).unwrap();
    slurm
}

/// State and reason of a node.
fn node(slurm: &Slurm, name: &str) -> (String, String) {
    let mut show = slurm.command("scontrol");
    let text = finish(show.args(["show", "node", name])).success().stdout;
    let state = text.split_whitespace().find_map(|word| word.strip_prefix("State=")).unwrap();
    let reason = text.lines().find_map(|line| line.trim().strip_prefix("Reason="));
    let reason = reason.map(|reason| reason.rsplit_once(" [").map_or(reason, |(words, _)| words));
    (state.to_owned(), reason.unwrap_or_default().to_owned())
}

fn is_drained(slurm: &Slurm, name: &str) -> bool {
    node(slurm, name).0.contains("DRAIN")
}

/// How often the health check of a node has come to its end.
fn runs(bed: &Bed, name: &str) -> usize {
    fs::read_to_string(bed.path(&format!("{name}.runs"))).unwrap_or_default().lines().count()
}

fn scontrol(slurm: &Slurm, words: &[&str]) {
    let _ = finish(slurm.command("scontrol").args(words)).success();
}

const SAID: &str = "perfagent: CRITICAL node0: gpu_access GPU 1: has fallen off the bus";

#[test]
fn a_sick_node_is_drained_and_given_back_and_a_persons_is_left_alone() {
    let bed = bed();
    let check = script(&bed, "health_check.sh");
    let lines = format!("HealthCheckProgram={check}\nHealthCheckInterval=2");
    let mut slurm = start(&bed, &lines);
    let again = |bed: &Bed| NODES.map(|name| runs(bed, name) + 2);
    let ran = |bed: &Bed, until: [usize; 2]| {
        NODES.iter().zip(until).all(|(name, until)| runs(bed, name) >= until)
    };

    let until = again(&bed);
    slurm.wait_until("two more checks", |_| ran(&bed, until));
    assert!(NODES.iter().all(|name| !is_drained(&slurm, name)), "both are well");

    scontrol(&slurm, &["update", "nodename=node1", "state=drain", "reason=bad DIMM"]);
    for name in NODES {
        play(&bed, name, SICK);
    }
    slurm.wait_until("a drained node", |slurm| is_drained(slurm, "node0"));
    let until = again(&bed);
    slurm.wait_until("two more checks", |_| ran(&bed, until));
    assert_eq!(node(&slurm, "node0").1, SAID);
    assert_eq!(node(&slurm, "node1").1, "bad DIMM");

    for name in NODES {
        play(&bed, name, WELL);
    }
    let mut well = bed.program("perfagent");
    well.env("LD_LIBRARY_PATH", bed.path("lib")).env("FAKE_NVML", WELL);
    if finish(well.args(["health", "--timeout", "20"])).status.success() {
        slurm.wait_until("a node that is back", |slurm| !is_drained(slurm, "node0"));
        let until = again(&bed);
        slurm.wait_until("two more checks", |_| ran(&bed, until));
        assert_eq!(node(&slurm, "node1").1, "bad DIMM");
    } else {
        skipped("this machine is not well itself, so that no node of it is given back");
        scontrol(&slurm, &["update", "nodename=node0", "state=resume"]);
    }
    assert!(is_drained(&slurm, "node1"));
    scontrol(&slurm, &["update", "nodename=node1", "state=resume"]);
}

/// The job that found its node sick runs on the other one.
#[test]
fn the_prolog_keeps_jobs_from_a_sick_node() {
    let bed = bed();
    let prolog = script(&bed, "prolog.sh");
    let conf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/deploy/slurm/slurm.conf");
    let conf = fs::read_to_string(conf).unwrap();
    let flags = conf.lines().filter(|line| line.contains("Flags=") || line.contains("Parameters="));
    let lines: Vec<_> = flags.map(str::to_owned).chain([format!("Prolog={prolog}")]).collect();
    let mut slurm = start(&bed, &lines.join("\n"));
    play(&bed, "node0", SICK);
    let out = bed.path("job").display().to_string();
    let mut batch = slurm.command("sbatch");
    batch.args(["--requeue", "-N1", "-o", &out, "--wrap", "echo on $SLURMD_NODENAME"]);
    let said = finish(&mut batch).success().stdout;
    let job = said.split_whitespace().last().unwrap();
    let queue = |slurm: &Slurm| {
        let mut queue = slurm.command("squeue");
        finish(queue.args(["--noheader", "--format=%T %r"])).stdout.trim().to_owned()
    };
    // Slurm starts it again two minutes later at the soonest, unless somebody asks for it.
    slurm
        .wait_until("a job that is back in the queue", |slurm| queue(slurm) == "PENDING BeginTime");
    scontrol(&slurm, &["update", &format!("jobid={job}"), "starttime=now"]);
    slurm.wait_until("a job that ended", |_| {
        fs::read_to_string(&out).is_ok_and(|said| said == "on node1\n")
    });
    assert_eq!(node(&slurm, "node0").1, SAID, "the reason is not Slurm's own");
    assert!(!is_drained(&slurm, "node1"));
    scontrol(&slurm, &["update", "nodename=node0", "state=resume"]);
}

#[test]
fn ranks_of_srun_write_a_document_a_node_or_hand_it_to_rank_0() {
    let bed = bed();
    let slurm = Slurm::start();
    let run = |words: &[&str]| {
        let mut run = slurm.command("srun");
        run.current_dir(bed.path("")).args(["-N2", "-n4"]);
        run.env("LD_LIBRARY_PATH", bed.path("lib")).env("FAKE_NVML", SICK);
        run.arg(bed.programs().join("perfagent")).arg("health");
        finish(run.args(words))
    };
    let done = run(&["--out", "out"]);
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    for name in NODES {
        let found = document(&bed.path(&format!("out/{name}.json")));
        assert_eq!((&found["host"], &found["verdict"]), (&name.into(), &"critical".into()));
    }
    assert_eq!(
        done.stderr.matches("(SLURM_LOCALID) examines nothing").count(),
        2,
        "{}",
        done.stderr
    );

    let at = format!("127.0.0.1:{}", 15_000 + std::process::id() % 15_000);
    let done = run(&["--json", "--gather-at", &at, "--wait", "60"]);
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    let found = done.json();
    let nodes: Vec<&Value> =
        found["nodes"].as_array().unwrap().iter().map(|node| &node["host"]).collect();
    assert_eq!(nodes, NODES);
}

/// slurmctld is not there: one line that says so, and the exit code of the verdict.
#[test]
fn a_node_that_cannot_be_drained_is_told() {
    let bed = bed();
    let conf = "ClusterName=test\nSlurmctldHost=localhost(127.0.0.1)\nSlurmctldPort=9\nMessageTimeout=2\n\
                NodeName=node0 NodeAddr=127.0.0.1\nPartitionName=all Nodes=node0\n";
    fs::write(bed.path("slurm.conf"), conf).unwrap();
    let mut health = bed.program("perfagent");
    health.env("SLURM_CONF", bed.path("slurm.conf"));
    health.env("LD_LIBRARY_PATH", bed.path("lib")).env("FAKE_NVML", SICK);
    let done = finish(health.args(["health", "--slurm-drain", "--node", "node0"]));
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    let lines: Vec<_> = done.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{}", done.stderr);
    assert!(lines[0].starts_with("perfagent: scontrol show node node0: "), "{}", lines[0]);
}
