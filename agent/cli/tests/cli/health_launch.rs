//! `perfagent health` on several nodes that are all this machine: who examines, where documents go, what is said.

use std::net::TcpListener;
use std::path::Path;
use std::thread;

use serde_json::Value;

use crate::command::{Outcome, outcome, perfagent};

/// Runs `perfagent health` as a launcher with these variables would.
fn health(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Outcome {
    let mut command = perfagent(folder);
    for name in ["RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "SLURM_STEP_ID"] {
        command.env_remove(name);
    }
    outcome(command.envs(variables.iter().copied()).arg("health").args(arguments))
}

fn document(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// What `perfagent health` says of this machine with its exit code.
fn code(verdict: &Value) -> i32 {
    match verdict.as_str().unwrap() {
        "ok" | "warning" => 0,
        "critical" => 1,
        _ => 3,
    }
}

const TORCHRUN: [(&str, &str); 4] =
    [("RANK", "8"), ("WORLD_SIZE", "16"), ("LOCAL_RANK", "0"), ("LOCAL_WORLD_SIZE", "8")];

#[test]
fn one_rank_a_node_examines_it_and_the_others_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = TORCHRUN;
    (other[0].1, other[2].1) = ("11", "3");
    let said = health(folder.path(), &other, &["--out", "out"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, ""));
    assert_eq!(
        said.stderr,
        "perfagent: rank 3 of this node (LOCAL_RANK) examines nothing: its rank 0 does\n"
    );
    assert!(!folder.path().join("out").exists());
}

#[test]
fn the_document_is_in_the_folder_and_the_headline_is_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let said = health(folder.path(), &[], &["--out", "out", "--node", "gpu7"]);
    let found = document(&folder.path().join("out/gpu7.json"));
    assert_eq!((&found["schema"], &found["host"]), (&"perfagent.health/1".into(), &"gpu7".into()));
    assert!(found["boot_id"].as_str().is_some_and(|boot| boot.len() == 36), "{found}");
    assert_eq!((said.code, said.stderr.as_str()), (code(&found["verdict"]), ""));
    assert_eq!(said.stdout.lines().count(), 1, "{}", said.stdout);
    assert!(said.stdout.contains(" gpu7: "), "{}", said.stdout);
    // Nothing else is left, and a second run takes the place of the first.
    let again = health(folder.path(), &[("SLURMD_NODENAME", "gpu7")], &["--out", "out", "--json"]);
    let answer: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(answer, document(&folder.path().join("out/gpu7.json")));
    assert_eq!(std::fs::read_dir(folder.path().join("out")).unwrap().count(), 1);
}

/// torchrun would end the ranks of all other nodes before they have written theirs.
#[test]
fn a_sick_node_ends_no_others_under_torchrun() {
    let folder = tempfile::tempdir().unwrap();
    let said = health(folder.path(), &TORCHRUN, &["--out", "out", "--node", "n"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    assert!(folder.path().join("out/n.json").exists());
    // On a single node there is nobody to end.
    let mut single = TORCHRUN;
    (single[0].1, single[1].1) = ("0", "8");
    let said = health(folder.path(), &single, &["--out", "out", "--node", "n"]);
    assert_eq!(said.code, code(&document(&folder.path().join("out/n.json"))["verdict"]));
}

#[test]
fn a_document_that_cannot_be_written_is_never_healthy() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("n.json"), "notes").unwrap();
    for (out, named) in [
        ("no/such", "no/such: cannot be made"),
        ("n.json", "n.json/n.json: cannot be written"),
        (".", "n.json: is no perfagent.health/1 document, and is not replaced"),
    ] {
        for variables in [&[][..], &TORCHRUN] {
            let said = health(folder.path(), variables, &["--out", out, "--node", "n"]);
            assert!(said.code == 1 || said.code == 3, "{out}: {}", said.code);
            assert_eq!(said.stderr.lines().count(), 1, "{}", said.stderr);
            assert!(
                said.stderr.contains(named) && said.stderr.contains("--out"),
                "{}",
                said.stderr
            );
            // The checks are told all the same.
            assert!(said.stdout.lines().count() > 5, "{}", said.stdout);
        }
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("n.json")).unwrap(), "notes");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |variables: &[(&str, &str)], arguments: &[&str], named: &str| {
        health(folder.path(), variables, arguments).refusal(named);
    };
    refused(&[("RANK", "2"), ("WORLD_SIZE", "2")], &[], "RANK=2 with WORLD_SIZE=2");
    refused(&[], &["--nnodes", "2", "--node-rank", "2"], "node 2 of --nnodes 2");
    refused(&[], &["--gather-at", "node1:29400"], "nothing tells of other nodes");
    refused(&[], &["--gather-at", "node1"], "is no HOST:PORT");
    refused(&[], &["--slurm-drain=warning"], "warning");
    let taken = TcpListener::bind("[::]:0").unwrap();
    let at = format!("localhost:{}", taken.local_addr().unwrap().port());
    let arguments = ["--gather-at", &at, "--nnodes", "2", "--node-rank", "0"];
    refused(&[], &arguments, "cannot be listened at here");
}

/// A port that is free now.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn rank_0_answers_for_all_nodes() {
    let folder = tempfile::tempdir().unwrap();
    let at = format!("127.0.0.1:{}", port());
    let node = |rank: &str, more: &[&str]| {
        let (at, name) = (at.clone(), format!("n{rank}"));
        let words = ["--nnodes", "3", "--node-rank", rank, "--node", &name, "--gather-at", &at];
        health(folder.path(), &[], &[&words[..], more].concat())
    };
    thread::scope(|scope| {
        let others = ["1", "2"].map(|rank| scope.spawn(move || node(rank, &[])));
        let said = node("0", &["--json", "--out", "out", "--wait", "120"]);
        for other in others {
            let other = other.join().unwrap();
            assert_eq!((other.code, other.stdout.as_str(), other.stderr.as_str()), (0, "", ""));
        }
        let found: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(found["schema"], "perfagent.health-run/1");
        assert_eq!((said.code, said.stderr.as_str()), (code(&found["verdict"]), ""));
        let nodes = found["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 3);
        for (rank, node) in nodes.iter().enumerate() {
            assert_eq!(node["host"], format!("n{rank}"));
            assert_eq!(*node, document(&folder.path().join(format!("out/n{rank}.json"))));
        }
    });
}

#[test]
fn a_node_that_never_reports_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let at = format!("127.0.0.1:{}", port());
    let words = ["--nnodes", "2", "--node-rank", "0", "--node", "n0", "--gather-at", &at];
    let said = health(folder.path(), &[], &[&words[..], &["--wait", "1", "--out", "out"]].concat());
    assert!(said.code == 1 || said.code == 3, "{}", said.code);
    let lines: Vec<_> = said.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{}", said.stdout);
    assert!(lines[0].contains(" 2 nodes: "), "{}", lines[0]);
    assert!(
        said.stdout.contains("UNKNOWN node-1-of-2: node_report host: sent no report within 5 s"),
        "{}",
        said.stdout
    );
    let missing = document(&folder.path().join("out/node-1-of-2.json"));
    assert_eq!(
        (&missing["verdict"], &missing["checks"][0]["status"]),
        (&"unknown".into(), &"unknown".into())
    );
}

#[test]
fn node_problem_detector_gets_one_line_that_it_does_not_cut() {
    let folder = tempfile::tempdir().unwrap();
    for node in ["n", "a-node-with-a-name-that-is-as-long-as-names-of-nodes-may-be.example.com"] {
        let said = health(folder.path(), &[], &["--exit-style", "npd", "--node", node]);
        assert!(said.stdout.trim_end().len() <= 80, "{}", said.stdout);
        assert_eq!(said.stdout.lines().count(), 1);
    }
}

/// Asked to drain, it says why it could not; the exit code stays that of the verdict.
#[test]
fn without_slurm_nothing_is_drained_and_that_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let path = [("PATH", empty.to_str().unwrap())];
    let words = ["--slurm-drain=unknown", "--slurm-resume", "--node", "n1", "--json"];
    let said = health(folder.path(), &path, &words);
    let found: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(said.code, code(&found["verdict"]));
    assert_eq!(
        said.stderr,
        "perfagent: scontrol: is not on PATH, so that n1 stays as it is in Slurm; add the folder of Slurm's programs to PATH\n"
    );
}
