//! Jobs that are refused, with the field that is to blame.

use serde_json::{Value, json};

use crate::jobs::{job, line, predictor};

/// The refusal of Llama's job with one field (or two) changed.
fn refusal(changes: &[(&str, Value)]) -> String {
    let mut line = line();
    for (path, value) in changes {
        let (room, field) = path.split_once('.').unwrap();
        line[room][field] = value.clone();
    }
    predictor().predict(&job(line)).refused.unwrap_or_else(|| format!("not refused: {changes:?}"))
}

#[test]
fn impossible_jobs_are_refused_by_the_field_that_is_to_blame() {
    let cases: Vec<Vec<(&str, Value)>> = vec![
        vec![("cluster.gpu", Value::Null)],
        vec![("cluster.gpu", json!("Abacus"))],
        vec![("cluster.nodes", json!(0))],
        vec![("cluster.nodes", json!(7))],
        vec![("cluster.nodes", json!(1_000_000))],
        vec![("model.arch", json!("resnet50"))],
        vec![("model.layers", json!(0))],
        vec![("model.layers", Value::Null)],
        vec![("model.hidden", json!(0))],
        vec![("model.ffn", json!(0))],
        vec![("model.heads", json!(0))],
        vec![("model.kv_heads", json!(0))],
        vec![("model.kv_heads", json!(64))],
        vec![("model.vocab", json!(0))],
        vec![("model.seq", Value::Null)],
        vec![("model.seq", json!(100_000_000))],
        vec![("model.params", json!(-1.0))],
        vec![("model.experts", json!(8))],
        vec![("model.experts", json!(8)), ("model.top_k", json!(9))],
        vec![("model.experts", json!(8)), ("model.top_k", json!(2)), ("run.ep", json!(16))],
        vec![("run.tp", json!(0))],
        vec![("run.tp", json!(8))],
        vec![("run.tp", json!(3)), ("run.dp", Value::Null)],
        vec![("run.dp", json!(3)), ("run.tp", Value::Null)],
        vec![("run.pp", json!(64)), ("run.tp", json!(1)), ("run.dp", json!(1))],
        vec![
            ("run.pp", json!(16)),
            ("run.vpp", json!(3)),
            ("run.tp", json!(1)),
            ("run.dp", json!(4)),
            ("run.grad_accum", json!(64)),
        ],
        vec![("run.zero", json!(4))],
        vec![("run.grad_accum", json!(4))],
        vec![("run.micro_batch", Value::Null), ("run.grad_accum", json!(3))],
        vec![("run.micro_batch", Value::Null), ("run.global_batch", Value::Null)],
        vec![("run.precision", json!("fp7"))],
        vec![("run.precision", json!("fp8")), ("cluster.gpu", json!("A100-80GB"))],
        vec![("run.grad_dtype", json!("int8"))],
        vec![("run.recompute", json!("some"))],
        vec![("run.offload", json!("disk"))],
    ];
    let text: Vec<String> = cases
        .iter()
        .map(|changes| {
            let why = refusal(changes);
            // The list of GPUs grows with the table of datasheets.
            let why = why.split("; known are").next().unwrap().to_owned();
            let changes: Vec<String> =
                changes.iter().map(|(path, value)| format!("{path}={value}")).collect();
            format!("{}: {why}", changes.join(" "))
        })
        .collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn degrees_that_do_not_divide_the_gpus_make_no_fractions() {
    let why = refusal(&[("run.tp", json!(3)), ("run.dp", Value::Null)]);
    assert_eq!(why, "run.tp × run.pp × run.cp = 3 does not divide the 64 GPUs of the cluster");
}

#[test]
fn fewer_layers_than_a_known_model_has_without_experts_make_nothing_negative() {
    let mut line = line();
    line["model"] = json!({"arch": "deepseek-v3", "layers": 2, "hidden": 7168, "ffn": 2048, "heads": 128, "kv_heads": 128,
        "vocab": 129_280, "seq": 4096, "experts": 256, "top_k": 8});
    let job = job(line);
    crate::jobs::check(&job, &predictor().predict(&job));
    assert!(job.parameters().unwrap() > 0.0);
}
