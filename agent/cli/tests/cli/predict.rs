//! `predict`: jobs in, a line a job out, whatever is wrong with some of them.

use std::fs;

use serde_json::{Value, json};

use crate::command::run;
use crate::fixture::{gpu_run, gpu_run_of};

/// Llama-3-8B on eight H100, as Megatron-LM trains it.
fn job() -> Value {
    json!({"id": "a", "cluster": {"gpu": "H100-80GB", "gpus_per_node": 8, "nodes": 1},
        "model": {"arch": "llama", "layers": 32, "hidden": 4096, "ffn": 14336, "gated_mlp": true, "heads": 32, "kv_heads": 8,
            "vocab": 128_256, "tied_embeddings": false, "seq": 8192},
        "run": {"framework": "megatron-lm", "global_batch": 128, "micro_batch": 1, "dp": 4, "tp": 2, "pp": 1, "zero": 1,
            "precision": "bf16", "recompute": "none", "flash_attention": true}})
}

fn lines(answer: &str) -> Vec<Value> {
    answer.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_line_a_job_in_the_same_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = job();
    other["id"] = json!("b");
    other["run"]["tp"] = json!(3);
    fs::write(folder.path().join("jobs.jsonl"), format!("{}\n\n{other}\n", job())).unwrap();
    let answers = lines(&run(folder.path(), &["predict", "jobs.jsonl"]).answer());
    assert_eq!(answers.len(), 2);
    let first = &answers[0];
    assert_eq!((&first["schema"], &first["id"]), (&json!("perfagent.prediction/1"), &json!("a")));
    assert_eq!(first["refused"], Value::Null);
    for figure in ["step_s", "tokens_per_s", "peak_mem_bytes"] {
        let [p05, p50, p95] =
            ["p05", "p50", "p95"].map(|name| first[figure][name].as_f64().unwrap());
        assert!(0.0 < p05 && p05 < p50 && p50 < p95, "{figure}: {first}");
    }
    // 8.03e9 parameters, 1.05e6 tokens a step, eight GPUs of 989e12 operations a second at most: not under 6.4 s, nor over four
    // times that; weights and gradients of half the model are 16 GB, and 80 GB are there.
    let step = first["step_s"]["p50"].as_f64().unwrap();
    assert!((6.4..26.0).contains(&step), "{step}");
    let peak = first["peak_mem_bytes"]["p50"].as_f64().unwrap();
    assert!((30e9..110e9).contains(&peak), "{peak}");
    assert_eq!(answers[1]["id"], "b");
    assert!(
        answers[1]["refused"].as_str().unwrap().contains("do not multiply out"),
        "{}",
        answers[1]
    );
    assert_eq!(answers[1]["step_s"], Value::Null);
}

#[test]
fn what_was_measured_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut measured = job();
    measured["measured"] = json!({"step_s": 1e-3, "peak_mem_bytes": 1, "oom": true});
    measured["source"] = json!("somewhere");
    fs::write(folder.path().join("plain.jsonl"), job().to_string()).unwrap();
    fs::write(folder.path().join("measured.jsonl"), measured.to_string()).unwrap();
    let answer = |file| run(folder.path(), &["predict", file]).answer();
    assert_eq!(answer("plain.jsonl"), answer("measured.jsonl"));
}

#[test]
fn a_line_that_is_no_job_is_named_and_the_others_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let broken = r#"{"id":"x","model":{"layers":"many"}}"#;
    fs::write(
        folder.path().join("jobs.jsonl"),
        format!("{}\n{broken}\nnot json\n{}\n", job(), job()),
    )
    .unwrap();
    let done = run(folder.path(), &["predict", "jobs.jsonl", "-o", "out.jsonl"]);
    assert_eq!(done.code, 2);
    let answers = lines(&fs::read_to_string(folder.path().join("out.jsonl")).unwrap());
    assert_eq!(answers.len(), 4);
    assert_eq!(answers[1]["id"], "x");
    assert!(
        answers[1]["refused"].as_str().unwrap().starts_with("line 2, column "),
        "{}",
        answers[1]
    );
    assert!(
        answers[2]["refused"].as_str().unwrap().starts_with("line 3, column "),
        "{}",
        answers[2]
    );
    assert_eq!(answers[0], answers[3]);
    assert!(done.stderr.contains("jobs.jsonl, line 2"), "{}", done.stderr);
    assert_eq!(done.stderr.lines().count(), 2, "{}", done.stderr);
}

#[test]
fn a_file_that_is_not_there_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let done = run(folder.path(), &["predict", "nowhere.jsonl"]);
    assert_eq!((done.code, done.stderr.lines().count()), (2, 1));
    assert!(
        done.stderr.contains("nowhere.jsonl: cannot be opened; name a file of jobs"),
        "{}",
        done.stderr
    );
}

/// A GPU run with its job and machines named.
fn planned(words: &[&str]) -> crate::command::Outcome {
    let folder = tempfile::tempdir().unwrap();
    gpu_run(&folder.path().join("run.perfdb"));
    let mut start = job();
    start["cluster"] = json!({});
    start["run"]["recompute"] = json!("full");
    fs::write(folder.path().join("job.json"), start.to_string()).unwrap();
    let named = [
        "advise",
        "run.perfdb",
        "--job",
        "job.json",
        "--gpu",
        "H100",
        "--gpus",
        "8",
        "--nodes",
        "1",
    ];
    run(folder.path(), &[&named[..], words].concat())
}

#[test]
fn suggestions_fit_and_multiply_out() {
    let document: Value = serde_json::from_str(&planned(&["--json"]).answer()).unwrap();
    let plan = &document["plan"];
    assert_eq!(plan["schema"], "perfagent.plan/1");
    let suggestions = plan["suggestions"].as_array().unwrap();
    assert!(!suggestions.is_empty());
    for suggestion in suggestions {
        let run = &suggestion["job"]["run"];
        let number = |field: &str| run[field].as_u64().unwrap();
        assert_eq!(number("micro_batch") * number("grad_accum") * number("dp"), 128, "{run}");
        assert_eq!(number("dp") * number("tp") * number("pp") * number("cp"), 8, "{run}");
        assert!(suggestion["oom_probability"].as_f64().unwrap() <= 0.05, "{suggestion}");
        assert!(suggestion["tokens_per_s_change_pct"]["p50"].as_f64().unwrap() > 0.0);
    }
    // Full recomputation costs a quarter of all products: to leave it out is one of the suggestions.
    let leaves_out = |suggestion: &Value| {
        suggestion["changes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|change| change["field"] == "recompute")
    };
    assert!(suggestions.iter().any(leaves_out), "{suggestions:?}");
    assert!(!plan["rejected"].as_array().unwrap().is_empty());
}

#[test]
fn a_plan_in_the_words_of_megatron() {
    let done = planned(&["--emit", "megatron"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stdout.contains("--global-batch-size 128"), "{}", done.stdout);
    assert!(done.stdout.contains("--num-layers 32"), "{}", done.stdout);
}

#[test]
fn a_plan_for_what_is_not_known_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    gpu_run(&folder.path().join("run.perfdb"));
    let done = run(folder.path(), &["advise", "run.perfdb", "--gpus", "8"]);
    assert_eq!((done.code, done.stderr.lines().count()), (2, 1), "{}", done.stderr);
    assert!(done.stderr.contains("no configuration can be suggested"), "{}", done.stderr);
    assert!(done.stderr.contains("--model config.json"), "{}", done.stderr);
}

#[test]
fn claims_are_listed_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    let list = run(folder.path(), &["explain"]).answer();
    for name in ["16gb-1.3b", "zero-175b", "fp8-2.3x", "allreduce-nodes"] {
        assert!(list.contains(&format!("{name}: ")), "{name} is not in: {list}");
        assert!(run(folder.path(), &["explain", name]).answer().starts_with('#'));
    }
    run(folder.path(), &["explain", "moon"])
        .refusal("moon: is no claim that is checked; known are ");
}

#[test]
fn a_pipeline_is_planned_anew_for_a_tool_that_knows_none() {
    let folder = tempfile::tempdir().unwrap();
    gpu_run(&folder.path().join("run.perfdb"));
    let mut start = job();
    (start["run"]["dp"], start["run"]["pp"]) = (json!(2), json!(2));
    start["cluster"] = json!({});
    fs::write(folder.path().join("job.json"), start.to_string()).unwrap();
    let words = [
        "advise",
        "run.perfdb",
        "--job",
        "job.json",
        "--gpu",
        "H100",
        "--gpus",
        "8",
        "--nodes",
        "1",
    ];
    let done = run(folder.path(), &[&words[..], &["--emit", "deepspeed"]].concat());
    assert_eq!(done.code, 0, "{}", done.stderr);
    let config: Value = serde_json::from_str(&done.stdout).unwrap();
    let number = |field: &str| config[field].as_u64().unwrap();
    assert_eq!(number("train_batch_size"), 128);
    assert_eq!(
        number("train_micro_batch_size_per_gpu") * number("gradient_accumulation_steps") * 8,
        128
    );
}

#[test]
fn a_device_is_not_replaced_by_a_file() {
    use std::os::unix::fs::FileTypeExt as _;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("jobs.jsonl"), job().to_string()).unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    run(folder.path(), &["predict", "jobs.jsonl", "-o", "pipe"]).refusal("pipe: is no plain file");
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
}

#[test]
fn a_network_for_images_is_predicted() {
    let folder = tempfile::tempdir().unwrap();
    let job = json!({"id": "r", "cluster": {"gpu": "A100-80GB", "gpus_per_node": 8, "nodes": 1},
        "model": {"arch": "resnet50", "image_size": 224},
        "run": {"framework": "pytorch", "micro_batch": 256, "precision": "fp16", "channels_last": true}});
    fs::write(folder.path().join("jobs.jsonl"), job.to_string()).unwrap();
    let answers = lines(&run(folder.path(), &["predict", "jobs.jsonl"]).answer());
    let answer = &answers[0];
    assert_eq!(answer["refused"], Value::Null);
    // 4.09e9 multiply-adds an image at the most that an A100 can would be 101,000 images a second; an eighth to a half of that.
    let images = answer["tokens_per_s"]["p50"].as_f64().unwrap();
    assert!((12_000.0..50_000.0).contains(&images), "{images}");
    let assumed = answer["assumed"].as_array().unwrap();
    assert!(
        assumed
            .iter()
            .any(|what| what.as_str().unwrap().starts_with("tokens_per_s: images a second"))
    );
}

/// What a recorded command line says of a network for images is enough for a plan.
#[test]
fn a_recorded_training_of_images_is_planned() {
    let folder = tempfile::tempdir().unwrap();
    let command = "perfagent-bench resnet50 --device cuda --precision tf32 --micro-batch 64 --accumulate 4 --steps 3";
    gpu_run_of(&folder.path().join("run.perfdb"), command);
    let page = run(folder.path(), &["advise", "run.perfdb"]).answer();
    let (_, plan) = page.split_once("\nConfiguration").unwrap();
    assert!(plan.contains("images/s") && !plan.contains("tokens/s ["), "{plan}");
    let answer = run(folder.path(), &["advise", "run.perfdb", "--json"]).answer();
    let document: Value = serde_json::from_str(&answer).unwrap();
    let suggestions = document["plan"]["suggestions"].as_array().unwrap();
    assert!(!suggestions.is_empty(), "{plan}");
    for suggestion in suggestions {
        let run = &suggestion["job"]["run"];
        assert_eq!((&run["tp"], &run["pp"], &run["cp"]), (&json!(1), &json!(1), &json!(1)));
        assert_eq!(run["micro_batch"].as_u64().unwrap() * run["grad_accum"].as_u64().unwrap(), 256);
    }
}
