//! Writers that are killed, many at once, and a disk without room: nothing that was acknowledged is lost, and
//! the store stays sound.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::bench::Bench;

/// Starts adding a file as a run of this commit.
fn start(bench: &Bench, file: &str, commit: &str) -> Child {
    let program = bench.command(&[]).get_program().to_owned();
    let mut command = Command::new(program);
    command.args(["history", "add", "--store", "history.db", "--branch", "main", "--machine", "m"]);
    command.args(["--commit", commit, file]).current_dir(bench.folder());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The commits of all runs, of a store that SQLite finds sound.
fn commits(store: &Path) -> BTreeSet<String> {
    let connection = rusqlite::Connection::open(store).unwrap();
    let sound: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let orphans =
        "SELECT count(*) FROM runs WHERE (SELECT count(*) FROM figures WHERE run_id = id) != 2";
    assert_eq!(
        connection.query_row(orphans, [], |row| row.get::<_, i64>(0)).unwrap(),
        0,
        "half a run"
    );
    let mut statement = connection.prepare("SELECT commit_id FROM runs").unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// Killed 200 times, at moments spread over all that it does.
#[test]
fn what_was_acknowledged_survives_a_kill() {
    let bench = Bench::new();
    bench.results("a.json", 5.0, 6.0);
    let whole = Instant::now();
    assert!(start(&bench, "a.json", "first").wait().unwrap().success());
    let whole = whole.elapsed();
    let mut acknowledged = BTreeSet::from(["first".to_owned()]);
    for round in 0..200_u32 {
        let commit = format!("c{round}");
        let mut child = start(&bench, "a.json", &commit);
        // 0 to 1.2 times as long as it takes, in no order.
        let moment: Duration = whole * (round * 89 % 200) * 6 / 1000;
        #[expect(clippy::disallowed_methods, reason = "the moment of the kill is what varies")]
        thread::sleep(moment);
        let _ = child.kill();
        let mut said = String::new();
        child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        child.wait().unwrap();
        if said.starts_with("run ") {
            acknowledged.insert(commit);
        }
    }
    let kept = commits(&bench.path("history.db"));
    assert!(kept.is_superset(&acknowledged), "lost: {:?}", acknowledged.difference(&kept));
    assert!(bench.run(&["list", "--store", "history.db"]).code == 0);
}

#[test]
fn processes_at_once_lose_nothing() {
    let bench = Bench::new();
    bench.results("a.json", 5.0, 6.0);
    let children: Vec<_> =
        (0..16).map(|number| start(&bench, "a.json", &format!("c{number}"))).collect();
    for child in children {
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    assert_eq!(commits(&bench.path("history.db")).len(), 16);
}

/// No room for more: told in one line, and what was there stays.
#[test]
fn a_full_disk_keeps_what_was_there() {
    let bench = Bench::new();
    bench.results("a.json", 5.0, 6.0);
    bench.add("a.json", "first", 0);
    let before = fs::read(bench.path("history.db")).unwrap();
    let many: serde_json::Map<_, _> = (0..3000)
        .map(|number| (format!("b{number}"), serde_json::json!({"latency": {"value": number}})))
        .collect();
    bench.write("many.json", &many.into());
    let program = bench.command(&[]).get_program().to_owned();
    // A file may have 128 blocks of 512 bytes at most; going beyond is an error, not a signal.
    let script = "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\"";
    let done = Command::new("sh")
        .args(["-c", script])
        .arg(program)
        .args([
            "history",
            "add",
            "--store",
            "history.db",
            "--commit",
            "big",
            "--branch",
            "main",
            "many.json",
        ])
        .current_dir(bench.folder())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .and_then(Child::wait_with_output)
        .unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(2), "{said}");
    assert!(said.contains("cannot be written") && said.lines().count() == 1, "{said}");
    let list = bench.json(&["list", "--store", "history.db", "--json"]);
    assert_eq!(list["runs"].as_array().unwrap().len(), 1);
    assert_eq!(fs::read(bench.path("history.db")).unwrap(), before);
    // With room again it works.
    let words =
        ["add", "--store", "history.db", "--commit", "big", "--branch", "main", "many.json"];
    bench.run(&words).answer();
}
