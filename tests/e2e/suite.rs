//! A suite of real training runs: recorded one after the other, killed half-way, gone on with.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use perfagent_tests::{Bed, finish};
use serde_json::Value;

/// Writes a suite of very small cases on the test's own text.
fn write(bed: &Bed, cases: &str) {
    let text = format!(
        "[suite]\nname = \"small\"\ntime_limit = 200\n[defaults]\nmodel = \"gpt\"\npreset = \"nano\"\ndevice = \"cpu\"\n\
         layers = 2\nhidden = 64\nheads = 2\nseq = 64\nvocab = 512\nsteps = 3\nthreads = 1\ndata = \"text\"\n{cases}"
    );
    fs::write(bed.path("small.toml"), text).unwrap();
}

fn suite(bed: &Bed, arguments: &[&str]) -> Command {
    let mut command = bed.program("perfagent");
    command.args(["bench", "run", "./small.toml", "-o", "results"]).args(arguments);
    command
}

fn results(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("results.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_case_is_trained_and_recorded_or_says_why_not() {
    let bed = Bed::new();
    write(
        &bed,
        "[[case]]\nname = \"gpt\"\n[case.matrix]\nranks = [1, 2]\nmicro_batch = [1, 4000000, 8000000]\n\
         [[case]]\nname = \"other\"\nprecision = \"fp7\"\n",
    );
    let done = finish(&mut suite(&bed, &["--json"])).success();
    let document = done.json();
    let cases = document["cases"].as_array().unwrap();
    let statuses: Vec<_> = cases.iter().map(|case| case["status"].as_str().unwrap()).collect();
    let of_a_rank_count = ["ok", "does_not_fit", "does_not_fit"];
    assert_eq!(statuses, [&of_a_rank_count[..], &of_a_rank_count, &["refused"]].concat());
    for (index, ranks) in [(0, 1), (3, 2)] {
        let case = &cases[index];
        assert_eq!(case["result"]["world_size"], ranks);
        assert_eq!(case["result"]["losses"].as_array().unwrap().len(), 3);
        let recording = format!("results/{}", case["recording"].as_str().unwrap());
        let report = bed.perfagent(["report", &recording, "--json"]).success().json();
        assert_eq!(report["ranks"].as_array().unwrap().len(), ranks);
        assert_eq!(report["ranks"][0]["step"]["count"], 3);
    }
    // In the benchmark's own words, and in bytes.
    let (needed, available) = (&cases[1]["needed_bytes"], &cases[1]["available_bytes"]);
    assert!(needed.as_u64().unwrap() > available.as_u64().unwrap(), "{}", cases[1]);
    assert!(available.as_u64().unwrap() > 0);
    assert_eq!(cases[2]["exit_code"], Value::Null, "larger still: not tried");
    assert!(cases[6]["reason"].as_str().unwrap().contains("fp7"), "{}", cases[6]);
}

#[test]
fn a_suite_that_is_killed_goes_on_where_it_was() {
    let bed = Bed::new();
    write(
        &bed,
        "[[case]]\nname = \"first\"\n[[case]]\nname = \"second\"\nranks = 2\nsteps = 200\n[[case]]\nname = \"third\"\n",
    );
    let mut killed = suite(&bed, &[]);
    let mut killed =
        killed.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(200);
    let log = bed.path("results/second.perfdb.log");
    while !fs::read_to_string(&log).unwrap_or_default().contains("step 10/") {
        assert!(
            Instant::now() < deadline && killed.try_wait().unwrap().is_none(),
            "the second case does not train"
        );
        #[expect(clippy::disallowed_methods, reason = "a real run is waited for")]
        std::thread::sleep(Duration::from_millis(20));
    }
    killed.kill().unwrap();
    let _ = killed.wait().unwrap();
    let before = results(&bed.path("results"));
    assert_eq!(before.len(), 1);

    let done = finish(&mut suite(&bed, &[])).success();
    let after = results(&bed.path("results"));
    let names: Vec<_> = after.iter().map(|result| result["case"].as_str().unwrap()).collect();
    assert_eq!(names, ["first", "second", "third"]);
    assert_eq!(after[0], before[0], "what was done is not touched");
    assert!(after.iter().all(|result| result["status"] == "ok"), "{}", done.stdout);
    let report = bed.perfagent(["report", "results/second.perfdb", "--json"]).success().json();
    assert_eq!(report["ranks"].as_array().unwrap().len(), 2, "of the second attempt alone");
    assert_eq!(report["ranks"][0]["step"]["count"], 200);
}

/// Benchmarks train on the source tree around them by default. What a suite writes there must not become text: cases would
/// train on different texts, and a log grows while ranks read it.
#[test]
fn what_a_suite_writes_is_no_text_to_train_on() {
    let bed = Bed::new();
    for file in ["ARCHITECTURE.md", "Cargo.toml"] {
        fs::write(bed.path(file), "a source tree").unwrap();
    }
    write(&bed, "[[case]]\nname = \"gpt\"\nrepeat = 2\n");
    let text = fs::read_to_string(bed.path("small.toml")).unwrap();
    fs::write(bed.path("small.toml"), text.replace("data = \"text\"\n", "")).unwrap();
    let mut command = bed.program("perfagent");
    // Tokens are kept where they are no text themselves.
    command.env("XDG_CACHE_HOME", bed.path(".cache"));
    let done = finish(command.args(["bench", "run", "small.toml", "--json"])).success();
    let cases = done.json()["cases"].clone();
    assert_eq!(cases[0]["result"]["losses"], cases[1]["result"]["losses"]);
    let log = |number: u32| {
        fs::read_to_string(bed.path(&format!("small.perfdb-results/gpt-{number}.perfdb.log")))
            .unwrap()
    };
    let tokens = |log: String| {
        log.split_once(" tokens of text").unwrap().0.rsplit_once(' ').unwrap().1.to_owned()
    };
    assert_eq!(tokens(log(1)), tokens(log(2)));
}
