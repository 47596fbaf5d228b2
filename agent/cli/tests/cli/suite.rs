//! Suites from the command line to `results.jsonl`. The benchmark is a stand-in (`tests/fake-gpu`), the recorder is real.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{Outcome, outcome, perfagent, run};
use crate::nccl::built;

/// A folder with a suite `s.toml` and the stand-in.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// With these cases: `[[case]]` and what follows.
    pub(crate) fn new(cases: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        perfagent_fake_gpu::bench::put(&folder.path().join("bench")).unwrap();
        let this = Self { folder };
        this.write(cases);
        this
    }

    pub(crate) fn write(&self, cases: &str) {
        let text = format!(
            "[suite]\nname = \"s\"\n[defaults]\nmodel = \"gpt\"\npreset = \"quick\"\n{cases}"
        );
        fs::write(self.path("s.toml"), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `perfagent bench run s.toml ARGUMENTS…`
    pub(crate) fn command(&self, arguments: &[&str]) -> assert_cmd::Command {
        let mut command = perfagent(self.folder.path());
        command
            .env("PERFAGENT_BENCH", self.path("bench"))
            .env("PERFAGENT_LIBRARY", built("libperfagent.so"));
        command.args(["bench", "run", "./s.toml"]).args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        outcome(&mut self.command(arguments))
    }

    /// The lines of `results.jsonl`.
    pub(crate) fn results(&self) -> Vec<Value> {
        let text =
            fs::read_to_string(self.path("s.perfdb-results/results.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// How the stand-in was called, each time, with its process number.
    pub(crate) fn calls(&self) -> Vec<(i32, String)> {
        let text = fs::read_to_string(self.path("runs")).unwrap_or_default();
        let calls = text.lines().map(|line| line.split_once(' ').unwrap());
        calls.map(|(pid, words)| (pid.parse().unwrap(), words.to_owned())).collect()
    }
}

fn statuses(results: &[Value]) -> Vec<(&str, &str)> {
    results
        .iter()
        .map(|result| (result["case"].as_str().unwrap(), result["status"].as_str().unwrap()))
        .collect()
}

const OF_ALL_KINDS: &str = "[[case]]
name = \"good\"
[[case]]
name = \"bad\"
preset = \"fail\"
[[case]]
name = \"dead\"
preset = \"crash\"
[[case]]
name = \"odd\"
preset = \"refuse\"
[[case]]
name = \"large\"
preset = \"large\"
[case.matrix]
micro_batch = [4, 8, 16]
[[case]]
name = \"open\"
preset = \"large\"
precision = \"bf16\"
[case.matrix]
micro_batch = \"1.. x2\"
";

#[test]
fn a_suite_goes_on_whatever_becomes_of_a_case() {
    let bench = Bench::new(OF_ALL_KINDS);
    let said = bench.run(&[]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let results = bench.results();
    let expected = [
        ("good", "ok"),
        ("bad", "failed"),
        ("dead", "failed"),
        ("odd", "refused"),
        ("large-mb4", "ok"),
        ("large-mb8", "does_not_fit"),
        ("large-mb16", "does_not_fit"),
        ("open-mb1", "ok"),
        ("open-mb2", "ok"),
        ("open-mb4", "ok"),
        ("open-mb8", "does_not_fit"),
    ];
    assert_eq!(statuses(&results), expected);
    assert_eq!(bench.calls().len(), 10, "the batch of 16 was not tried");
    let [good, bad, dead, odd, .., open] = results.as_slice() else { panic!() };
    assert_eq!(good["schema"], "perfagent.bench-suite/1");
    assert_eq!(good["result"]["losses"][1], 2.0);
    assert_eq!(good["environment"]["perfagent"], env!("CARGO_PKG_VERSION"));
    assert_eq!(good["recording"], "good.perfdb");
    assert_eq!(
        (&bad["reason"], &bad["exit_code"]),
        (&"rank 0: the loss is not a number".into(), &1.into())
    );
    assert_eq!((&dead["reason"], &dead["exit_code"]), (&"killed by signal 9".into(), &137.into()));
    assert_eq!(
        (&odd["reason"], &odd["recording"]),
        (&"--preset refuse: is not known".into(), &Value::Null)
    );
    assert_eq!(open["needed_bytes"], 5_u64 << 29);
    assert_eq!(open["available_bytes"], 3_u64 << 29);
    for (case, is_there) in [("good", true), ("bad", true), ("odd", false), ("large-mb8", false)] {
        assert_eq!(
            bench.path(&format!("s.perfdb-results/{case}.perfdb")).exists(),
            is_there,
            "{case}"
        );
    }
    let report = run(bench.path("s.perfdb-results").as_path(), &["report", "good.perfdb"]);
    assert_eq!(report.code, 0, "{}", report.stderr);
    assert!(said.stdout.contains("5 ok, 2 failed, 1 refused, 3 does not fit"), "{}", said.stdout);
    assert!(said.stderr.contains("perfagent: 1/8 good\n"), "{}", said.stderr);
    assert!(said.stderr.contains("perfagent: good: ok, 1.500 ms a step, in "), "{}", said.stderr);
}

#[test]
fn cases_that_serve_have_a_table_of_their_own() {
    let bench = Bench::new(
        "[[case]]\nname = \"train\"\n[[case]]\nname = \"serve\"\nmode = \"inference\"\nprompt = \"4..8\"\n[case.matrix]\n\
         rate = [2, inf]\n[[case]]\nname = \"large\"\nmode = \"inference\"\npreset = \"large\"\n[case.matrix]\n\
         batch = \"2.. x2\"\n",
    );
    let said = bench.run(&["--markdown"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let expected = [
        ("train", "ok"),
        ("serve-rate2", "ok"),
        ("serve-rateinf", "ok"),
        ("large-b2", "ok"),
        ("large-b4", "ok"),
        ("large-b8", "does_not_fit"),
    ];
    let results = bench.results();
    assert_eq!(statuses(&results), expected);
    assert_eq!(results[2]["options"]["rate"], "inf");
    let calls = bench.calls();
    assert!(calls[0].1.starts_with("gpt --preset quick --json "), "{calls:?}");
    let serving = "inference gpt --preset quick --prompt 4..8 --rate inf --json ";
    assert!(calls[2].1.starts_with(serving), "{calls:?}");
    assert!(
        said.stderr.contains("serve-rateinf: ok, 12.50 requests/s, P99 latency 80.00 ms, in "),
        "{}",
        said.stderr
    );
    let (training, inference) = said.stdout.split_once("Cases of inference").unwrap();
    assert!(training.contains("| `train` | ok | 1.500 ms | 1,000 |"), "{training}");
    let row = "| `serve-rateinf` | ok | 12.50 | 400 | 2.000 ms | 9.000 ms | 1.500 ms | 1.600 ms | 50.00 ms | 80.00 ms | \
               5,000 | 25.0 % | 2.50 GB/s | 1.00 MiB |";
    assert!(inference.contains(row) && !training.contains("serve"), "{inference}");
}

#[test]
fn what_is_done_is_kept_and_the_answer_is_the_same() {
    let bench = Bench::new(OF_ALL_KINDS);
    let first = bench.run(&["--quiet"]);
    assert_eq!(first.stderr, "");
    let again = bench.run(&["--quiet"]);
    assert_eq!((again.code, &again.stdout, again.stderr.as_str()), (1, &first.stdout, ""));
    assert_eq!(bench.calls().len(), 10, "nothing was run a second time");
    let json = bench.run(&["--quiet", "--json"]);
    let document: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(document["schema"], "perfagent.bench-suite-results/1");
    assert_eq!(document["counts"]["ok"], 5);
    assert_eq!(document["cases"].as_array().unwrap(), &bench.results());
    let markdown = bench.run(&["--quiet", "--markdown"]).stdout;
    assert!(
        markdown
            .contains("| `good` | ok | 1.500 ms | 1,000 | 50.0 % | 1.00 MiB | 2.5000 → 2.0000 |"),
        "{markdown}"
    );
}

#[test]
fn only_what_did_not_come_out_well_is_tried_again() {
    let bench =
        Bench::new("[[case]]\nname = \"good\"\n[[case]]\nname = \"bad\"\npreset = \"fail\"\n");
    assert_eq!(bench.run(&["--quiet"]).code, 1);
    assert_eq!(bench.run(&["--quiet", "--retry"]).code, 1);
    assert_eq!(statuses(&bench.results()), [("good", "ok"), ("bad", "failed"), ("bad", "failed")]);
    assert_eq!(bench.run(&["--quiet", "--fresh"]).code, 1);
    assert_eq!((bench.results().len(), bench.calls().len()), (2, 5));
}

#[test]
fn refusals_count_where_everything_must_run() {
    let cases = "[[case]]\nname = \"odd\"\npreset = \"refuse\"\n";
    let bench = Bench::new(cases);
    assert_eq!(bench.run(&["--quiet"]).code, 0);
    bench.write(&format!("{cases}must_run = true\n"));
    assert_eq!(bench.run(&["--quiet", "--fresh"]).code, 1);
}

#[test]
fn results_of_different_suites_are_not_mixed() {
    let bench = Bench::new("[[case]]\nname = \"a\"\n");
    assert_eq!(bench.run(&["--quiet"]).code, 0);
    let refused =
        bench.run(&["--quiet", "--", "--steps", "3"]).refusal("the case a had other options");
    assert!(refused.contains("-o") && refused.contains("--fresh"), "{refused}");
    bench.write("[[case]]\nname = \"a\"\nsteps = 4\n");
    let _ = bench.run(&["--quiet"]).refusal(
        "s.perfdb-results: holds results that these would not belong to: the suite s has changed",
    );
    let journal = bench.path("s.perfdb-results/results.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let other = text.replace("\"cores\":", "\"cores\":1000");
    fs::write(&journal, other).unwrap();
    bench.write("[[case]]\nname = \"a\"\n");
    let _ = bench.run(&["--quiet"]).refusal("the number of cores was 1000");
    assert_eq!(bench.run(&["--quiet", "--fresh", "--", "--steps", "3"]).code, 0);
    assert_eq!(bench.results()[0]["options"]["steps"], 3);
}

#[test]
fn a_folder_that_cannot_be_used_is_told() {
    let bench = Bench::new("[[case]]\nname = \"a\"\n");
    fs::write(bench.path("file"), "").unwrap();
    for folder in ["file", "file/results", "/proc/results"] {
        let _ = bench.run(&["-o", folder]).refusal(folder);
    }
    fs::create_dir_all(bench.path("s.perfdb-results")).unwrap();
    fs::write(bench.path("s.perfdb-results/results.jsonl"), "{\"theirs\": 1}\n").unwrap();
    let _ = bench.run(&[]).refusal("results.jsonl: line 1: is no result of a case");
    assert_eq!(bench.calls(), []);
}

/// Without its library nothing can be recorded: no case is blamed for that.
#[test]
fn a_recorder_that_cannot_record_ends_the_suite() {
    let bench = Bench::new("[[case]]\nname = \"a\"\n");
    let mut command = bench.command(&["--quiet"]);
    let refused = outcome(command.env("PERFAGENT_LIBRARY", "/no/such.so")).refusal("/no/such.so");
    assert!(refused.contains("the case a cannot be recorded"), "{refused}");
    assert_eq!(bench.results(), [] as [Value; 0]);
}

/// `%` in a folder's name is no placeholder of `record -o`.
#[test]
fn odd_names_of_folders_are_taken_as_they_are() {
    let bench = Bench::new("[[case]]\nname = \"a\"\n");
    let said = bench.run(&["--quiet", "-o", "100%h of ü"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert!(bench.path("100%h of ü/a.perfdb").exists());
}

#[test]
fn a_suite_is_printed_to_be_copied() {
    let folder = tempfile::tempdir().unwrap();
    let text = run(folder.path(), &["bench", "run", "ci", "--print"]).answer();
    fs::write(folder.path().join("mine.toml"), &text).unwrap();
    assert_eq!(run(folder.path(), &["bench", "run", "mine.toml", "--print"]).answer(), text);
    fs::write(folder.path().join("mine.toml"), text.replace("[defaults]\n", "[default]\n"))
        .unwrap();
    let _ = run(folder.path(), &["bench", "run", "mine.toml", "--print"])
        .refusal("`default` is no key of a suite, which has suite, defaults, case");
}

#[test]
fn the_list_has_models_and_suites() {
    let bench = Bench::new("");
    let list = |arguments: &[&str]| {
        let mut command = perfagent(Path::new(&bench.path("")));
        outcome(
            command
                .env("PERFAGENT_BENCH", bench.path("bench"))
                .args(["bench", "list"])
                .args(arguments),
        )
        .answer()
    };
    let text = list(&[]);
    assert!(
        text.starts_with("model  preset\n") && text.contains("\n  precision  5 and more"),
        "{text}"
    );
    let document: Value = serde_json::from_str(&list(&["--json"])).unwrap();
    assert_eq!(document["schema"], "perfagent.bench-list/1");
    assert_eq!(document["suites"][0]["suite"], "ci");
    assert_eq!(document["suites"][1]["open_ended"], true);
}
