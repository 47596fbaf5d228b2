//! Searches of configurations over real runs, and over a script whose speed is known, which runs out of memory, crashes and
//! hangs where it is told to.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use perfagent_tests::{Bed, Done, finish};
use serde_json::Value;

/// A target that writes how fast it is: 100 · b/(b+4) tokens/s, doubled by the mode `fast`.
const TARGET: &str = r#"#!/bin/sh
# target BATCH MODE FILE
echo "target $1 $2" >> calls
case "$2" in
  crash) echo "ValueError: heads are not divisible" >&2; exit 3 ;;
  hang) sleep 600 ;;
  mute) exit 0 ;;
  slow) [ -e go ] || { touch waiting; sleep 600; } ;;
esac
[ "$1" -ge 64 ] && { echo "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB" >&2; exit 1; }
[ "$1" -eq 48 ] && kill -KILL $$
times=1; [ "$2" = fast ] && times=2
echo "{\"tokens_per_s\": $((times * 1000 * $1 / ($1 + 4))).5}" > "$3"
"#;

fn bed() -> Bed {
    let bed = Bed::new();
    fs::write(bed.path("target"), TARGET).unwrap();
    fs::set_permissions(bed.path("target"), fs::Permissions::from_mode(0o755)).unwrap();
    bed
}

fn tune(bed: &Bed, options: &[&str], command: &[&str]) -> Command {
    let mut tune = bed.program("perfagent");
    tune.args(["tune", "--dir", "trials"]).args(options).arg("--").args(command);
    tune
}

fn target(bed: &Bed, options: &[&str]) -> Done {
    finish(&mut tune(bed, options, &["./target", "{batch}", "{mode}", "{json}"]))
}

fn lines(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("tune.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn trials_that_end_badly_are_told_and_the_best_is_found() {
    let bed = bed();
    let done = target(
        &bed,
        &[
            "--vary",
            "batch=1,2,4,8,16,32,48,64,128",
            "--vary",
            "mode=plain,fast,crash,hang",
            "--budget",
            "24",
            "--trial-timeout",
            "3",
            "--json",
        ],
    );
    let document = done.success().json();
    assert_eq!(document["schema"], "perfagent.tune/1");
    assert_eq!(document["best"]["candidate"]["batch"], "32");
    assert_eq!(document["best"]["candidate"]["mode"], "fast");
    assert_eq!(document["best"]["value"], 1777.5);
    let command = document["best_command"].as_array().unwrap();
    assert_eq!(command.last().unwrap(), "result.json");
    assert_eq!(document["trials"][0]["candidate"]["batch"], "1", "from the first values");
    let trials = document["trials"].as_array().unwrap();
    let of = |mode: &str, status: &str| {
        let told =
            trials.iter().filter(|one| one["candidate"]["mode"] == mode && one["status"] == status);
        told.map(|one| one["reason"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    for reason in of("crash", "failed") {
        assert_eq!(reason, "exit code 3: ValueError: heads are not divisible");
    }
    assert!(
        of("hang", "timed_out").iter().all(|reason| reason == "ended at its time limit of 3 s")
    );
    assert!(of("crash", "ok").is_empty() && of("hang", "ok").is_empty());
    for trial in trials {
        let batch: u32 = trial["candidate"]["batch"].as_str().unwrap().parse().unwrap();
        let runs = ["plain", "fast"].iter().any(|mode| trial["candidate"]["mode"] == *mode);
        assert!(!runs || (batch >= 48) == (trial["status"] == "out_of_memory"), "{trial}");
        let log = bed.path("trials").join(trial["log"].as_str().unwrap());
        assert!(log.is_file(), "{trial}");
        if trial["status"] == "ok" {
            let recording = format!("trials/{}", trial["recording"].as_str().unwrap());
            let _ = bed.perfagent(["report", &recording, "--json"]).success();
        }
    }
    // The page of what is there, without another trial.
    let calls = fs::read_to_string(bed.path("calls")).unwrap();
    let page = target(
        &bed,
        &[
            "--vary",
            "batch=1,2,4,8,16,32,48,64,128",
            "--vary",
            "mode=plain,fast,crash,hang",
            "--budget",
            "24",
            "--trial-timeout",
            "3",
        ],
    )
    .success();
    assert!(page.stdout.contains("./target 32 fast result.json"), "{}", page.stdout);
    assert!(page.stdout.contains("1777.5 tokens/s"), "{}", page.stdout);
    assert_eq!(fs::read_to_string(bed.path("calls")).unwrap(), calls);
}

/// A name that memory is known to grow with: what is larger than what ran out is not tried.
#[test]
fn a_batch_that_ran_out_of_memory_rules_out_larger_ones() {
    let bed = bed();
    let mut search = tune(
        &bed,
        &["--vary", "micro_batch=96,64,128,256,512,4,8", "--budget", "7", "--json"],
        &["./target", "{micro_batch}", "plain", "{json}"],
    );
    let document = finish(&mut search).success().json();
    let tried: Vec<(&str, &str)> = document["trials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (one["candidate"]["micro_batch"].as_str().unwrap(), one["status"].as_str().unwrap())
        })
        .collect();
    assert_eq!(tried[0], ("96", "out_of_memory"));
    for larger in ["128", "256", "512"] {
        assert!(tried.iter().all(|(batch, _)| *batch != larger), "{tried:?}");
    }
    assert_eq!(document["best"]["candidate"]["micro_batch"], "8");
    assert_eq!(document["stopped"]["why"], "exhausted");
}

#[test]
fn a_search_that_is_killed_goes_on_where_it_was() {
    let bed = bed();
    let options = ["--vary", "batch=1,2", "--vary", "mode=plain,slow", "--budget", "4", "--json"];
    let command = ["./target", "{batch}", "{mode}", "{json}"];
    let mut killed = tune(&bed, &options, &command);
    let mut killed =
        killed.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(100);
    while !bed.path("waiting").exists() {
        assert!(
            Instant::now() < deadline && killed.try_wait().unwrap().is_none(),
            "no trial hangs"
        );
        #[expect(clippy::disallowed_methods, reason = "a real run is waited for")]
        std::thread::sleep(Duration::from_millis(20));
    }
    killed.kill().unwrap();
    let _ = killed.wait().unwrap();
    let before = lines(&bed.path("trials"));
    assert!(before.len() > 1, "the first trial is plain");
    // A crash of the machine may leave half a line.
    let path = bed.path("trials/tune.jsonl");
    let half =
        fs::read_to_string(&path).unwrap() + "{\"schema\":\"perfagent.tune/1\",\"kind\":\"tr";
    fs::write(&path, half).unwrap();
    fs::write(bed.path("go"), "").unwrap();

    let done = finish(&mut tune(&bed, &options, &command)).success();
    assert!(done.stderr.contains("keeps what is done"), "{}", done.stderr);
    let after = lines(&bed.path("trials"));
    assert_eq!(after[..before.len()], before, "what was done is not touched");
    assert_eq!(after.len(), 5, "all four, and what is searched");
    let numbers: Vec<_> = after[1..].iter().map(|one| one["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);

    // The same trials again in another folder are the same: nothing depends on chance.
    let mut again = bed.program("perfagent");
    again.args(["tune", "--dir", "again"]).args(options).arg("--").args(command);
    let again = finish(&mut again).success().json();
    let tried = |document: &Value| {
        let trials = document["trials"].as_array().unwrap().iter();
        trials.map(|one| one["candidate"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(tried(&again), tried(&done.json()));
    for (options, says) in [
        (
            ["--vary", "batch=1,2,4", "--vary", "mode=plain,slow", "--budget", "4", "--json"],
            "the values of --vary",
        ),
        (["--vary", "batch=1,2", "--vary", "mode=plain,slow", "--seed", "2", "--json"], "--seed"),
    ] {
        let refused = finish(&mut tune(&bed, &options, &command));
        assert_eq!(refused.status.code(), Some(2));
        assert!(
            refused.stderr.contains(says) && refused.stderr.contains("--fresh"),
            "{}",
            refused.stderr
        );
        assert_eq!(refused.stderr.lines().count(), 1);
    }
    assert_eq!(lines(&bed.path("trials")), after);
}

#[test]
fn what_cannot_be_searched_or_measured_is_one_line() {
    let bed = bed();
    let refused = |options: &[&str], command: &[&str], says: &str| {
        let done = finish(&mut tune(&bed, options, command));
        assert_eq!(done.status.code(), Some(2), "{}", done.stderr);
        let last = done.stderr.lines().last().unwrap();
        assert!(last.starts_with("perfagent: ") && last.contains(says), "{last}");
        assert_eq!(done.stdout, "");
        let _ = fs::remove_dir_all(bed.path("trials"));
    };
    refused(&[], &["./target", "1"], "has nothing that varies");
    refused(&[], &["./target", "{lr}", "{json}"], "give --vary lr=");
    refused(
        &["--vary", "lr=1,2"],
        &["./target", "{micro_batch}", "{json}"],
        "the command has no {lr}",
    );
    refused(&[], &["./target", "{micro_batch}"], "give --tokens-per-step");
    refused(&["--vary", "batch"], &["./target", "{batch}"], "is not NAME=V1,V2");
    refused(&[], &["./missing", "{zero}", "{json}"], "trial 1 cannot be recorded");
    // It ends well and has marked no step, and written no file.
    refused(&[], &["true", "{zero}"], "no steps are marked");
    refused(&[], &["true", "{zero}", "{json}"], "the command has not written it");
    refused(
        &["--metric", "/speed"],
        &["./target", "1", "{precision}", "{json}"],
        "has no number at /speed",
    );
    let alike = finish(&mut tune(&bed, &[], &["./target", "{micro_batch}", "crash", "{json}"]));
    assert_eq!(alike.status.code(), Some(1), "{}", alike.stderr);
    assert!(alike.stdout.contains("every trial failed alike"), "{}", alike.stdout);
    assert_eq!(lines(&bed.path("trials")).len(), 4, "three trials are enough");
}

/// A trial that ends well and cannot be measured is one that failed, once others could be.
#[test]
fn a_trial_without_a_result_is_left_behind() {
    let bed = bed();
    let document = target(
        &bed,
        &["--vary", "batch=1,2", "--vary", "mode=plain,mute,fast", "--budget", "6", "--json"],
    );
    let document = document.success().json();
    assert_eq!(document["best"]["candidate"]["mode"], "fast");
    for trial in document["trials"].as_array().unwrap() {
        let mute = trial["candidate"]["mode"] == "mute";
        assert_eq!(trial["status"], if mute { "failed" } else { "ok" }, "{trial}");
        let told = trial["reason"].as_str().unwrap_or_default();
        assert!(!mute || told.contains("the command has not written it"), "{told}");
    }
}

/// What is expected of a job on GPUs is predicted before anything has run.
#[test]
fn a_job_is_predicted_before_its_first_trial() {
    let bed = bed();
    let job = serde_json::json!({
        "cluster": {"gpu": "H100-80GB", "gpus_per_node": 8, "nodes": 1},
        "model": {"arch": "llama", "layers": 16, "hidden": 2048, "ffn": 8192, "gated_mlp": true, "heads": 32, "kv_heads": 8,
            "vocab": 128_256, "seq": 4096, "tied_embeddings": true},
        "run": {"precision": "bf16", "zero": 1, "optimizer": "adamw", "flash_attention": true}
    });
    fs::write(bed.path("job.json"), job.to_string()).unwrap();
    let options = ["--job", "job.json", "--vary", "micro_batch=1,2,4", "--budget", "2", "--json"];
    let command = ["./target", "{micro_batch}", "plain", "{json}"];
    let document = finish(&mut tune(&bed, &options, &command)).success().json();
    let predicted = |trial: usize| document["trials"][trial]["predicted"]["p50"].as_f64().unwrap();
    // The script is no H100: the first trial is far below what is expected, and the second is expected beside the first.
    let measured = document["trials"][0]["value"].as_f64().unwrap();
    assert!(predicted(0) > 20_000.0 && measured < 2_000.0, "{document}");
    assert!((0.2..8.0).contains(&(predicted(1) / measured)), "{document}");
    assert!(document["prior"].as_str().unwrap().starts_with("the predictor"));
    fs::write(bed.path("job.json"), "{\"cluster\": 1}").unwrap();
    let refused = finish(&mut tune(&bed, &options, &command));
    assert!(refused.stderr.contains("job.json: is no job"), "{}", refused.stderr);
    assert_eq!(refused.stderr.lines().count(), 1);
}

/// Real training: one search by the benchmark's own result, one by the steps of its recordings.
#[test]
fn the_benchmark_is_tuned() {
    let bed = Bed::new();
    let training =
        bed.training("--preset nano --layers 2 --seq 64 --vocab 512 --steps 4 --micro-batch");
    let words: Vec<&str> = training.iter().map(String::as_str).chain(["{micro_batch}"]).collect();
    let ceilings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/runs/ceilings-cpu.json");
    let mut stored: Value = serde_json::from_str(&fs::read_to_string(ceilings).unwrap()).unwrap();
    // Made before ceilings told the machine's memory.
    stored["result"]["environment"]["memory_bytes"] = 16e9.into();
    fs::write(bed.path("ceilings.json"), stored["result"].to_string()).unwrap();
    let options = ["--vary", "micro_batch=1,16,200000000", "--budget", "3", "--ceilings"];
    let options = [&options[..], &["ceilings.json"]].concat();
    let page =
        finish(&mut tune(&bed, &[&options[..], &["--json"]].concat(), &words)).success().json();
    let trials = page["trials"].as_array().unwrap();
    assert_eq!(page["unit"], "tokens/s");
    assert_eq!(page["best"]["candidate"]["micro_batch"], "16", "{page}");
    assert!(page["improvement"].as_f64().unwrap() > 1.0, "{page}");
    for trial in trials {
        let fits = trial["candidate"]["micro_batch"] != "200000000";
        assert_eq!(trial["status"] == "ok", fits, "{trial}");
        assert_eq!(trial["status"] == "out_of_memory", !fits, "{trial}");
    }
    let by_result = trials[0]["value"].as_f64().unwrap();
    // Predicted from the command line, by the ceilings of another processor.
    assert!(
        page["prior"]
            .as_str()
            .unwrap()
            .contains("of the command line, by the ceilings of AMD EPYC"),
        "{page}"
    );
    let expected = trials[0]["predicted"]["p50"].as_f64().unwrap();
    assert!((0.05..20.0).contains(&(expected / by_result)), "{page}");
    assert_eq!(
        trials[2]["candidate"]["micro_batch"], "200000000",
        "what cannot fit comes last: {page}"
    );

    let mut by_steps = bed.program("perfagent");
    by_steps.args([
        "tune",
        "--dir",
        "steps",
        "--vary",
        "micro_batch=1,8",
        "--budget",
        "1",
        "--json",
    ]);
    by_steps.args(["--tokens-per-step", "{micro_batch}*64", "--"]).args(&words);
    let steps = finish(&mut by_steps).success().json();
    let by_steps = steps["trials"][0]["value"].as_f64().unwrap();
    // Two runs of four steps each on a machine that does other things too.
    assert!((0.2..5.0).contains(&(by_steps / by_result)), "{by_steps} {by_result}");
    assert_eq!(steps["stopped"]["why"], "budget");
}
