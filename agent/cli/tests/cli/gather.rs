//! `perfagent health gather` over small fleets.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::command::{Outcome, run};

fn check(name: &str, target: &str, value: &Value, unit: Option<&str>) -> Value {
    json!({
        "name": name, "target": target, "status": "ok", "severity": "none", "value": value, "expected": null, "unit": unit,
        "action": null, "detail": "",
    })
}

/// The document of a node with four GPUs.
fn document(number: usize) -> Value {
    let mut checks = vec![check("nvidia_driver", "host", &json!("580.82.07"), None)];
    for gpu in 0..4 {
        let target = format!("GPU {gpu}");
        let off = ((number * 7 + gpu * 3) % 9) as f64 - 4.0;
        checks.push(check("gpu_matmul_bf16", &target, &json!(780.0 + 2.0 * off), Some("TFLOP/s")));
        checks.push(check("gpu_memory_copy", &target, &json!(4000.0 + 8.0 * off), Some("GB/s")));
    }
    let gpus: Vec<Value> = (0..4)
        .map(|gpu| json!({"index": gpu, "name": "NVIDIA H200", "uuid": format!("GPU-{number}-{gpu}"), "pci": null, "vbios": "96.00.89.00.01"}))
        .collect();
    json!({
        "schema": "perfagent.health/1", "host": format!("gpu{number:02}"), "time": "2026-11-27T12:00:00Z", "verdict": "ok", "gpus": gpus,
        "checks": checks,
    })
}

/// A folder `results` with so many nodes, after `change` had its way with each.
fn fleet(folder: &Path, nodes: usize, change: impl Fn(usize, &mut Value)) {
    let results = folder.join("results");
    fs::create_dir_all(&results).unwrap();
    for number in 0..nodes {
        let mut document = document(number);
        change(number, &mut document);
        fs::write(results.join(format!("gpu{number:02}.json")), document.to_string()).unwrap();
    }
}

fn slow(number: usize, document: &mut Value) {
    if number == 5 {
        for check in document["checks"].as_array_mut().unwrap() {
            if check["target"] == "GPU 2" && check["unit"] == "TFLOP/s" {
                check["value"] = json!(655.0);
            }
        }
    }
}

fn without_time(text: &str) -> String {
    let lines = text.lines().map(|line| {
        if line.contains("\"time\": \"") && line.starts_with("  \"") {
            "  \"time\": \"[now]\","
        } else {
            line
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn gather(folder: &Path, arguments: &[&str]) -> Outcome {
    let words: Vec<_> = ["health", "gather"].iter().chain(arguments).copied().collect();
    run(folder, &words)
}

#[test]
fn a_healthy_fleet_is_ok() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path(), 12, |_, _| {});
    let outcome = gather(folder.path(), &["results", "--exit-style", "npd"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, "OK 12 nodes: 12 ok\n"));
    let nagios = gather(folder.path(), &["results", "--exit-style", "nagios"]);
    assert_eq!(nagios.code, 0);
    assert!(nagios.stdout.starts_with("OK 12 nodes") && !nagios.stdout.contains('|'));
}

#[test]
fn a_slow_gpu_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path(), 12, slow);
    let outcome = gather(folder.path(), &["results", "--expect-hosts", "gpu[00-12]"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, ""));
    insta::assert_snapshot!("gather_text", outcome.stdout);
    let outcome = gather(folder.path(), &["results", "--json", "--html", "fleet.html"]);
    assert_eq!(outcome.code, 1);
    let fleet: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(fleet["schema"], "perfagent.fleet/1");
    let worst = &fleet["nodes"][0];
    assert_eq!(
        (&worst["name"], &worst["findings"][0]["target"]),
        (&json!("gpu05"), &json!("GPU 2"))
    );
    insta::assert_snapshot!("gather_json", without_time(&outcome.stdout));
    let page = fs::read_to_string(folder.path().join("fleet.html")).unwrap();
    roxmltree::Document::parse_with_options(
        &page,
        roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() },
    )
    .unwrap();
    assert!(page.contains("gpu05: critical") && !page.contains("<script"), "{page}");
    let markdown = gather(folder.path(), &["results", "--markdown"]);
    assert!(
        markdown.stdout.starts_with("# perfagent health gather: critical"),
        "{}",
        markdown.stdout
    );
}

#[test]
fn documents_in_lines_are_read_like_files() {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<String> = (0..12).map(|number| document(number).to_string()).collect();
    let mut text = lines.join("\n");
    text.truncate(text.len() - 40);
    fs::write(folder.path().join("all.jsonl"), text).unwrap();
    let outcome = gather(folder.path(), &["all.jsonl"]);
    assert_eq!(outcome.code, 3, "{}", outcome.stdout);
    assert!(
        outcome.stdout.contains("UNKNOWN gpu11: all.jsonl: line 12: half-written JSON"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn files_that_say_nothing_are_never_ok() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path(), 12, |_, _| {});
    fs::write(folder.path().join("results/README"), "how this was made").unwrap();
    fs::write(folder.path().join("results/.half"), "{").unwrap();
    assert_eq!(gather(folder.path(), &["results"]).code, 0);
    fs::write(folder.path().join("results/gpu12.json"), "").unwrap();
    let outcome = gather(folder.path(), &["results"]);
    assert_eq!(outcome.code, 3);
    assert!(
        outcome.stdout.contains("gpu12: results/gpu12.json: the file is empty"),
        "{}",
        outcome.stdout
    );
    let outcome = gather(folder.path(), &["results/README"]);
    assert_eq!(outcome.code, 3);
}

#[test]
fn what_cannot_be_asked_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path(), 2, |_, _| {});
    fs::create_dir(folder.path().join("empty")).unwrap();
    for (arguments, named) in [
        (&["nothing"][..], "nothing: does not exist"),
        (&["empty"], "empty: holds no file"),
        (&["results", "--expect-hosts", "gpu[01-"], "character 4: a bracket is not closed"),
        (
            &["results", "--expect-hosts", "@nothing"],
            "nothing: the list of expected hosts cannot be read",
        ),
        (&["results", "--threshold", "-1"], "--threshold -1"),
        (&["results", "--critical", "2"], "--critical 2: is less than --threshold 3"),
        (&["results", "--false-discoveries", "50"], "--false-discoveries 50"),
        (&["results", "--window", "0"], "--window 0"),
        (&["results", "--html", "empty"], "empty: is a directory"),
    ] {
        gather(folder.path(), arguments).refusal(named);
    }
}

/// A log of nccl-tests over these hosts, eight GPUs each.
fn nccl(hosts: &[&str], busbw: f64, wrong: usize) -> String {
    let ranks: Vec<String> = hosts
        .iter()
        .enumerate()
        .flat_map(|(place, host)| {
            (0..8).map(move |gpu| {
                format!(
                    "#  Rank {:2} Group  0 Pid {} on {host} device {gpu} [0x0{gpu}] NVIDIA H200",
                    8 * place + gpu,
                    100 + gpu
                )
            })
        })
        .collect();
    format!(
        "# nThread 1 nGpus 1 minBytes 8589934592 maxBytes 8589934592 step: 2(factor) warmup iters: 5 iters: 20 agg iters: 1 validation: 1 graph: 0\n#\n# Using devices\n{}\n#\n#                                                              out-of-place                       in-place          \n#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw #wrong\n#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)       \n  8589934592    2147483648     float     sum      -1    44620  192.51  {busbw:.2}      {wrong}    44611  192.55  361.03      0\n# Out of bounds values : 0 OK\n# Avg bus bandwidth    : 360.9\n",
        ranks.join("\n")
    )
}

#[test]
fn logs_of_pairs_of_nodes_find_the_slow_one() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path(), 12, |_, _| {});
    for round in 0..3 {
        for place in 0..6 {
            let turn = |slot: usize| if slot == 0 { 0 } else { 1 + (slot - 1 + round) % 11 };
            let (a, b) = (turn(place), turn(11 - place));
            let busbw = if a == 4 || b == 4 { 280.0 } else { 361.0 + (a + b) as f64 / 10.0 };
            let name = format!("results/pair-{a}-{b}.log");
            fs::write(
                folder.path().join(name),
                nccl(&[&format!("gpu{a:02}"), &format!("gpu{b:02}")], busbw, 0),
            )
            .unwrap();
        }
    }
    let outcome = gather(folder.path(), &["results", "--json"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stdout);
    let fleet: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(fleet["counts"]["critical"], 1, "{fleet:#}");
    assert_eq!(fleet["nodes"][0]["name"], "gpu04");
    assert_eq!(fleet["pairs"][0]["count"], 18);
    assert_eq!(fleet["plan"]["rounds"][0][0]["suspect"], "gpu04");
}

#[test]
fn a_log_of_one_node_is_a_figure_of_it_and_wrong_results_are_critical() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path(), 12, |_, _| {});
    for number in 0..12 {
        let (host, busbw) = (
            format!("gpu{number:02}"),
            if number == 7 { 400.0 } else { 478.0 + f64::from(number) / 10.0 },
        );
        // Of some the log tells the node, of others the folder.
        let named = if number % 2 == 0 { host.as_str() } else { "localhost" };
        let place = folder.path().join("results").join(&host);
        fs::create_dir(&place).unwrap();
        fs::write(place.join("all_reduce.log"), nccl(&[named], busbw, usize::from(number == 3)))
            .unwrap();
    }
    let outcome = gather(folder.path(), &["results", "--json"]);
    let fleet: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let critical: Vec<_> = fleet["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|node| node["verdict"] == "critical")
        .map(|node| node["name"].as_str().unwrap())
        .collect();
    assert_eq!(critical.len(), 2, "{fleet:#}");
    assert!(critical.contains(&"gpu03") && critical.contains(&"gpu07"), "{critical:?}");
}

#[test]
fn published_logs_of_nccl_tests_are_judged() {
    let log =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/traces/nccl/nccl_allreduce.log");
    let Ok(text) = fs::read_to_string(log) else { return println!("skipped: no {log}") };
    let folder = tempfile::tempdir().unwrap();
    for number in 0..6 {
        let place = folder.path().join(format!("results/node{number}"));
        fs::create_dir_all(&place).unwrap();
        let text = if number == 4 {
            text.replace("134.44  235.26", "114.93  201.13")
        } else {
            text.clone()
        };
        fs::write(place.join("allreduce.log"), text).unwrap();
    }
    let outcome = gather(folder.path(), &["results"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stdout);
    assert!(
        outcome.stdout.contains("CRITICAL node4: nccl-tests/all_reduce busbw, 8 GPUs"),
        "{}",
        outcome.stdout
    );
}
