//! Runs whose ranks are in several files: one a node, or one a rank.

use std::path::Path;

use crate::command::{outcome, perfagent, run};
use crate::fixture::{NodeFile, node_run};

const FIRST: NodeFile =
    NodeFile { host: "node-1", boot: "boot-1", job: "Slurm job 17", rank: 0, exit_code: "0" };

/// A folder with `a.perfdb` and `b.perfdb`.
fn two_files(second: &NodeFile) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    node_run(&folder.path().join("a.perfdb"), &FIRST);
    node_run(&folder.path().join("b.perfdb"), second);
    folder
}

fn report(folder: &Path, form: &[&str]) -> String {
    let arguments: Vec<_> = ["report", "a.perfdb", "b.perfdb"].iter().chain(form).collect();
    run(folder, &arguments).answer()
}

#[test]
fn two_files_of_one_node() {
    let folder = two_files(&NodeFile { rank: 1, ..FIRST });
    insta::assert_snapshot!(report(folder.path(), &[]));
}

#[test]
fn two_files_of_two_nodes_as_text() {
    let folder =
        two_files(&NodeFile { rank: 1, host: "node-2", boot: "boot-2", exit_code: "137", ..FIRST });
    insta::assert_snapshot!(report(folder.path(), &[]));
}

#[test]
fn two_files_of_two_nodes_as_json() {
    let folder = two_files(&NodeFile { rank: 1, host: "node-2", boot: "boot-2", ..FIRST });
    insta::assert_snapshot!(report(folder.path(), &["--json"]));
}

#[test]
fn files_of_two_runs() {
    let folder = two_files(&NodeFile { job: "Slurm job 18", ..FIRST });
    let text = report(folder.path(), &[]);
    let warnings = text.split_once("\nWarnings\n").map_or("", |(_, warnings)| warnings);
    insta::assert_snapshot!(warnings);
}

#[test]
fn a_file_that_is_named_twice_is_refused() {
    let folder = two_files(&NodeFile { rank: 1, ..FIRST });
    std::fs::copy(folder.path().join("a.perfdb"), folder.path().join("copy.perfdb")).unwrap();
    for command in ["report", "advise"] {
        for second in ["a.perfdb", "copy.perfdb"] {
            let message = run(folder.path(), &[command, "a.perfdb", "b.perfdb", second])
                .refusal("is the same recording as a.perfdb");
            assert!(message.contains(&format!("{second}:")), "{message}");
        }
    }
}

#[test]
fn advice_takes_the_files_of_a_run_together() {
    let folder = two_files(&NodeFile { rank: 1, host: "node-2", boot: "boot-2", ..FIRST });
    let advice = run(folder.path(), &["advise", "a.perfdb", "b.perfdb", "--json"]).answer();
    assert!(advice.contains("a.perfdb") && advice.contains("b.perfdb"), "{advice}");
}

#[test]
fn names_of_recordings_are_filled_in() {
    let folder = tempfile::tempdir().unwrap();
    let record = |name: &str| {
        let mut command = perfagent(folder.path());
        command.env("NODE", "3").env_remove("NO_SUCH");
        outcome(command.args(["record", "-o", name, "--", "true"]))
    };
    let made = record("run-%q{NODE}-100%%.perfdb");
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(folder.path().join("run-3-100%.perfdb").is_file());
    record("run-%q{NO_SUCH}.perfdb")
        .refusal("-o run-%q{NO_SUCH}.perfdb: the environment variable NO_SUCH is not set");
    record("run-%d.perfdb").refusal("%d is no placeholder; write %h (host name)");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
}

/// The ranks of a job start within one second, and all but one found the name taken.
#[test]
fn ranks_without_a_name_do_not_get_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for rank in ["0", "1"] {
        let mut command = perfagent(folder.path());
        command.env("OMPI_COMM_WORLD_RANK", rank).env("OMPI_COMM_WORLD_SIZE", "2");
        let made = outcome(command.args(["record", "--", "true"]));
        assert_eq!(made.code, 0, "{}", made.stderr);
    }
    let mut names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_by_key(|name| name.split("-rank").last().map(ToOwned::to_owned));
    assert!(
        names[0].ends_with("-rank0.perfdb") && names[1].ends_with("-rank1.perfdb"),
        "{names:?}"
    );
}

#[test]
fn a_stored_summary_stands_for_its_recordings() {
    let folder = two_files(&NodeFile { rank: 1, ..FIRST });
    let whole = report(folder.path(), &["--json"]);
    let arguments = ["report", "b.perfdb", "--summary", "b.json"];
    assert_eq!(run(folder.path(), &arguments).answer(), "");
    let merged = run(folder.path(), &["report", "a.perfdb", "b.json", "--json"]).answer();
    assert_eq!(merged, whole);
    let twice = run(folder.path(), &["report", "b.json", "b.perfdb"]);
    twice.refusal("b.perfdb: is the same recording as b.perfdb");
    for (text, place) in
        [("[{\"schema\": 1}]", "bad.json: is no summary"), ("[", "bad.json: is no summary")]
    {
        std::fs::write(folder.path().join("bad.json"), text).unwrap();
        run(folder.path(), &["report", "a.perfdb", "bad.json"]).refusal(place);
    }
}

/// Three ranks for two recordings: one has nothing to do.
#[test]
fn ranks_report_together_what_one_process_reports() {
    let folder = two_files(&NodeFile { rank: 1, ..FIRST });
    let whole = report(folder.path(), &["--json"]);
    let rank = |number: usize, files: &[&str]| {
        let mut command = perfagent(folder.path());
        command.env("RANK", number.to_string()).env("WORLD_SIZE", "3");
        command.args(["report", "--json", "--across", "meet"]).args(files);
        outcome(&mut command)
    };
    let both = ["a.perfdb", "b.perfdb"];
    let answer = std::thread::scope(|scope| {
        // Rank 0 is there first, and waits.
        let first = scope.spawn(|| rank(0, &both));
        for number in [2, 1] {
            assert_eq!(rank(number, &both).answer(), "");
        }
        first.join().unwrap().answer()
    });
    assert_eq!(answer, whole);
    assert_eq!(
        std::fs::read_dir(folder.path().join("meet")).unwrap().count(),
        0,
        "nothing is left"
    );

    // A share that cannot be read is told by both, and rank 0 does not wait for the others.
    std::fs::write(folder.path().join("b.perfdb"), "no recording").unwrap();
    rank(1, &both).refusal("b.perfdb");
    rank(0, &both).refusal("(rank 1)");
    let mut alone = perfagent(folder.path());
    alone.args(["report", "--across", "meet", "a.perfdb"]);
    outcome(&mut alone).refusal("--across: this process is no rank");
    let mut waiting = perfagent(folder.path());
    waiting.env("RANK", "0").env("WORLD_SIZE", "2");
    waiting.args(["report", "--across", "meet", "--patience", "0", "a.perfdb"]);
    outcome(&mut waiting).refusal("rank 1 of 2 has not written its share within 0 s");
}
